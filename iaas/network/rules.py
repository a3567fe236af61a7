"""Security group rules in normal form, so that what the agent loads is never odd (S-079). Pure."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_network

from iaas.errors import Invalid
from iaas.model.security_group import RuleSpec

NUMBERS = {
    "ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "icmp": 1, "icmpv6": 58, "igmp": 2, "ipip": 4,
    "ipv6-encap": 41, "ipv6-frag": 44, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ipv6-route": 43,
    "ospf": 89, "pgm": 113, "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "udplite": 136, "vrrp": 112,
}  # fmt: skip
_PORTS = {6, 17, 33, 132, 136}
_ICMP = {1, 58}
_ONLY_IPV6 = {"icmpv6", "ipv6-encap", "ipv6-frag", "ipv6-icmp", "ipv6-nonxt", "ipv6-opts", "ipv6-route"}
# A new group lets everything out and nothing in; the default group also lets its members talk.
OUTWARDS = tuple(RuleSpec(direction="egress", ip_version=version) for version in (4, 6))


def among_members(group_id: str) -> tuple[RuleSpec, ...]:
    return tuple(RuleSpec(direction="ingress", ip_version=version, remote_group_id=group_id) for version in (4, 6))


def normal(spec: RuleSpec) -> RuleSpec:
    """The rule as it is kept: protocol in lower case, CIDR without host bits. Raises Invalid, coded as the
    published API names the fault."""
    spec = dataclasses.replace(spec, protocol=_protocol(spec.protocol), remote_cidr=_cidr(spec.remote_cidr))
    if spec.remote_cidr and spec.remote_group_id:
        raise Invalid(
            "Only remote_ip_prefix or remote_group_id may be provided.",
            code="SecurityGroupMultipleRemoteEntitiesProvided",
        )
    if spec.remote_cidr and ip_network(spec.remote_cidr).version != spec.ip_version:
        raise Invalid(
            f"Conflicting value ethertype IPv{spec.ip_version} for CIDR {spec.remote_cidr}",
            code="SecurityGroupRuleParameterConflict",
        )
    if spec.protocol in _ONLY_IPV6 and spec.ip_version == 4:
        raise Invalid(
            f"Invalid ethertype IPv4 for protocol {spec.protocol}.", code="SecurityGroupEthertypeConflictWithProtocol"
        )
    _check_ports(spec)
    return spec


def signature(spec: RuleSpec) -> str:
    """Equal for rules that do the same: icmp over IPv6 is icmpv6, 6 is tcp, and 0.0.0.0/0 is everywhere."""
    number = protocol_number(spec.protocol)
    if number == 1 and spec.ip_version == 6:
        number = 58
    everywhere = spec.remote_cidr is None or ip_network(spec.remote_cidr).prefixlen == 0
    cidr = None if everywhere else spec.remote_cidr
    parts = (spec.direction, spec.ip_version, number, spec.port_min, spec.port_max, cidr, spec.remote_group_id)
    return " ".join("-" if part is None else str(part) for part in parts)


def protocol_number(protocol: str | None) -> int | None:
    if protocol is None:
        return None
    return NUMBERS[protocol] if protocol in NUMBERS else int(protocol)


def _protocol(given: str | None) -> str | None:
    if given is None or given.strip().lower() in ("", "any"):
        return None
    word = given.strip().lower()
    if word in NUMBERS:
        return word
    if word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= 255:
        return str(int(word)) if int(word) else None
    raise Invalid(
        f"Security group rule protocol {given[:32]} not supported. Only protocol values "
        f"{sorted(NUMBERS)} and integer representations [0 to 255] are supported.",
        code="SecurityGroupRuleInvalidProtocol",
    )


def _cidr(given: str | None) -> str | None:
    if given is None or given == "":
        return None
    try:
        return str(ip_network(given, strict=False))
    except ValueError:
        raise Invalid(f"'{given[:64]}' is not a valid IP prefix.", field="remote_ip_prefix") from None


def _check_ports(spec: RuleSpec) -> None:
    low, high = spec.port_min, spec.port_max
    if low is None and high is None:
        return
    number = protocol_number(spec.protocol)
    if number is None:
        raise Invalid(
            "Must also specify protocol if port range is given.", code="SecurityGroupProtocolRequiredWithPorts"
        )
    if number in _ICMP:
        _check_icmp(low, high)
    elif number not in _PORTS:
        raise Invalid(
            f"Invalid port range specified for protocol {spec.protocol}.",
            code="SecurityGroupInvalidProtocolForPortRange",
        )
    elif low is None or high is None or low > high:
        raise Invalid(
            "For TCP/UDP protocols, port_range_min must be <= port_range_max", code="SecurityGroupInvalidPortRange"
        )
    elif low < 1 or high > 65535:
        raise Invalid("A port must be from 1 to 65535.", code="SecurityGroupInvalidPortValue")


def _check_icmp(type: int | None, code: int | None) -> None:
    if type is None:
        raise Invalid(f"ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing.",
                      code="SecurityGroupMissingIcmpType")  # fmt: skip
    for name, value in (("type", type), ("code", code)):
        if value is not None and not 0 <= value <= 255:
            raise Invalid(f"Invalid value for ICMP {name}: {value}.", code="SecurityGroupInvalidIcmpValue")
