"""What the network service is told by the composition root: numbers, names, and how to ring an agent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from iaas.config.sections import Network, Quota
from iaas.errors import Invalid
from iaas.model.network import LOCAL, VLAN, VXLAN

RESOURCES = (
    "networks", "subnets", "ports", "security_groups", "security_group_rules", "routers", "floatingips",
)  # fmt: skip
MAX_POOL_BITS = 16  # a pool is cut into 65,536 subnets at most


def _silent(host: str) -> None:
    """Nobody to ring: agents look by themselves at every interval."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``look(host)`` asks a host's agent to look again (NetworkAgentRpc.look); ``physical``: physical network ->
    the bridge that it has on every host; ``limits``: default quota per resource, -1 is no limit; ``tenant_types``:
    kinds of networks that name none, in order of preference; ``vxlan_range``: (first, last) of the numbers that are
    given to them, and ``vlan_ranges``: (physical network, first, last), in order of preference. ``subnet_pool``: where
    the subnets of automatic networks come from, each ``subnet_prefix`` long; None: there are no such networks."""

    look: Callable[[str], None] = _silent
    physical: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(RESOURCES, -1))
    tenant_types: tuple[str, ...] = (VXLAN,)
    vxlan_range: tuple[int, int] = (1001, 65535)
    vlan_ranges: tuple[tuple[str, int, int], ...] = ()
    subnet_pool: IPv4Network | None = None
    subnet_prefix: int = 24
    mtu: int = 1500
    mac_prefix: str = "fa:16:3e"

    @classmethod
    def of(cls, network: Network, quota: Quota, look: Callable[[str], None] = _silent) -> Settings:
        """From the sections of the configuration file. Raises Invalid for a malformed pair, range, type or pool."""
        physical = _pairs(network.physical_networks)
        return cls(
            look=look,
            physical=physical,
            limits={resource: getattr(quota, resource) for resource in RESOURCES},
            tenant_types=_kinds(network.tenant_types),
            vxlan_range=_range("vxlan_range", network.vxlan_range),
            vlan_ranges=tuple(_vlans(item, physical) for item in network.vlan_ranges),
            subnet_pool=_pool(network.subnet_pool, network.subnet_prefix),
            subnet_prefix=network.subnet_prefix,
            mtu=network.mtu,
            mac_prefix=network.mac_prefix,
        )


def _pairs(items: Iterable[str]) -> dict[str, str]:
    found = {}
    for item in items:
        name, colon, bridge = item.partition(":")
        if not (name and colon and bridge):
            raise Invalid(f"network.physical_networks: {item!r} is not physical_network:bridge")
        found[name.strip()] = bridge.strip()
    return found


def _kinds(given: Iterable[str]) -> tuple[str, ...]:
    kinds = tuple(kind.strip() for kind in given)
    for kind in kinds:
        if kind not in (VXLAN, VLAN, LOCAL):
            raise Invalid(f"network.tenant_types: {kind!r} is not vxlan, vlan or local")
    return kinds


def _range(option: str, text: str) -> tuple[int, int]:
    first, _, last = text.strip().partition(":")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) < 2**24):
        raise Invalid(f"network.{option}: {text!r} is not first:last")
    return int(first), int(last)


def _vlans(text: str, known: Mapping[str, str]) -> tuple[str, int, int]:
    physical, _, span = text.strip().partition(":")
    if physical not in known:
        raise Invalid(f"network.vlan_ranges: {text!r} is of none of network.physical_networks")
    first, last = _range("vlan_ranges", span)
    if last > 4094:
        raise Invalid(f"network.vlan_ranges: {text!r} goes beyond 4094")
    return physical, first, last


def _pool(text: str, prefix: int) -> IPv4Network | None:
    if not text.strip():
        return None
    try:
        pool = IPv4Network(text.strip())
    except ValueError:
        raise Invalid(f"network.subnet_pool: {text!r} is not an IPv4 network") from None
    if not pool.prefixlen <= prefix <= min(29, pool.prefixlen + MAX_POOL_BITS):
        raise Invalid(f"network.subnet_prefix: a pool {pool} can't be cut into subnets of /{prefix}")
    return pool
