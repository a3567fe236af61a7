"""Security groups as chains and sets of nft. Pure; a part of nft_rules.

A group's rules live in one chain per direction and its members in sets, so that a port only jumps to its
groups. A rule that makes no sense allows nothing (S-079): its line is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network

from iaas.ids import is_uuid
from iaas.model.wiring import GroupWiring, RuleWiring
from iaas.network.agent.steps import FilterPort
from iaas.network.drivers.linuxbridge.nft_text import Chain, Collection, Item

_NUMBERS = {
    "ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "icmp": 1, "icmpv6": 58, "igmp": 2, "ipip": 4,
    "ipv6-encap": 41, "ipv6-frag": 44, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ipv6-route": 43,
    "ospf": 89, "pgm": 113, "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "udplite": 136, "vrrp": 112,
}  # fmt: skip
_WITH_PORTS = {6, 17, 33, 132, 136}
_REMEMBERED = 16384  # addresses
_SHORT = {"ingress": "in", "egress": "out"}


def port_chain(port_id: str, direction: str) -> str:
    return f"p_{port_id.replace('-', '')}_{_SHORT[direction]}"


def is_address(text: str, version: int) -> bool:
    try:
        return ip_address(text).version == version
    except ValueError:
        return False


@lru_cache(maxsize=_REMEMBERED)
def _canonical(text: str, version: int) -> str | None:
    """The address as nft shows it; None for one of another version, and for none."""
    return str(ip_address(text)) if is_address(text, version) else None


def sets(groups: Iterable[GroupWiring]) -> Iterator[Item]:
    """The members of every group, per IP version."""
    for group in groups:
        for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")) if is_uuid(group.id) else ():
            members = frozenset(filter(None, (_canonical(ip, version) for ip in group.members)))
            yield Collection(kind="set", name=f"{_group(group.id)}_{version}", type=f"type {kind}", elements=members)


def group_chains(groups: Sequence[GroupWiring]) -> Iterator[Item]:
    known = {group.id for group in groups if is_uuid(group.id)}
    for group in groups:
        for direction in _SHORT if group.id in known else ():
            lines = (rule_line(rule, known) for rule in group.rules if rule.direction == direction)
            rules = tuple(line for line in lines if line is not None)
            yield Chain(name=f"{_group(group.id)}_{_SHORT[direction]}", hook="", rules=rules)


def port_chains(ports: Iterable[FilterPort], groups: Iterable[GroupWiring]) -> Iterator[Item]:
    known = {group.id for group in groups if is_uuid(group.id)}
    for port in ports:
        for direction, short in _SHORT.items():
            jumps = (f"jump {_group(group)}_{short}" for group in port.groups if group in known)
            yield Chain(name=port_chain(port.id, direction), hook="", rules=(*jumps, "counter drop"))


def rule_line(rule: RuleWiring, known_groups: set[str]) -> str | None:
    """The rule as nft text that accepts; None when it makes no sense and so allows nothing."""
    try:
        remote, protocol = _remote(rule, known_groups), _protocol(rule)
    except (ValueError, TypeError):
        return None
    return " ".join([f"meta nfproto ipv{rule.ip_version}", *remote, *protocol, "accept"])


def _remote(rule: RuleWiring, known_groups: set[str]) -> list[str]:
    if rule.ip_version not in (4, 6):
        raise ValueError(rule.ip_version)
    end = ("ip" if rule.ip_version == 4 else "ip6") + (" saddr" if rule.direction == "ingress" else " daddr")
    parts = []
    if rule.remote_cidr is not None:
        network = ip_network(rule.remote_cidr, strict=False)
        if network.version != rule.ip_version:
            raise ValueError(rule.remote_cidr)
        if network.prefixlen:
            parts.append(f"{end} {network}")
    if rule.remote_group_id is not None:
        if rule.remote_group_id not in known_groups:
            raise ValueError(rule.remote_group_id)
        parts.append(f"{end} @{_group(rule.remote_group_id)}_{rule.ip_version}")
    return parts


def _protocol(rule: RuleWiring) -> list[str]:
    if rule.protocol is None or rule.protocol in ("", "any"):
        if rule.port_min is not None or rule.port_max is not None:
            raise ValueError("ports without a protocol")
        return []
    name = rule.protocol.lower()
    number = _NUMBERS[name] if name in _NUMBERS else int(name)
    if number == 1 and rule.ip_version == 6:
        number = 58  # the API takes "icmp" for both versions
    if not 0 <= number <= 255:
        raise ValueError(rule.protocol)
    parts = [f"meta l4proto {number}"]
    if number in (1, 58):
        icmp = "icmp" if number == 1 else "icmpv6"
        parts += [f"{icmp} type {_within(rule.port_min, 255)}"] if rule.port_min is not None else []
        parts += [f"{icmp} code {_within(rule.port_max, 255)}"] if rule.port_max is not None else []
    elif rule.port_min is not None or rule.port_max is not None:
        if number not in _WITH_PORTS:
            raise ValueError("a protocol without ports")
        parts.append(f"th dport {_range(rule)}")
    return parts


def _range(rule: RuleWiring) -> str:
    low = _within(rule.port_max if rule.port_min is None else rule.port_min, 65535)
    high = _within(low if rule.port_max is None else rule.port_max, 65535)
    if low > high:
        raise ValueError("ports the wrong way round")
    return str(low) if low == high else f"{low}-{high}"


def _within(value: int | None, top: int) -> int:
    if value is None or not 0 <= value <= top:
        raise ValueError(value)
    return value


def _group(group_id: str) -> str:
    return f"g_{group_id.replace('-', '')}"
