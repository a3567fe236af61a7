"""What a host's network agent must make true, and what it found: values that cross the bus.

The wish is complete for the host (level-triggered): whatever carries our name and is not in it is removed.
Device names: bridge ``brq`` + 11 characters of the network id, tap ``tap`` + 11 of the port id, namespace
``qdhcp-`` + network id, its veth ``ns-`` + 11 of the DHCP port id (outer end ``dp-`` + 11).
"""

from __future__ import annotations

from dataclasses import dataclass


def bridge_name(network_id: str) -> str:
    return "brq" + network_id[:11]


def tap_name(port_id: str) -> str:
    return "tap" + port_id[:11]


def dhcp_namespace(network_id: str) -> str:
    return "qdhcp-" + network_id


@dataclass(frozen=True, kw_only=True)
class SubnetWiring:
    id: str
    ip_version: int
    cidr: str
    gateway_ip: str | None
    dns_nameservers: tuple[str, ...]
    host_routes: tuple[tuple[str, str], ...]  # (destination, next hop)
    enable_dhcp: bool


@dataclass(frozen=True, kw_only=True)
class FixedIp:
    subnet_id: str
    ip: str


@dataclass(frozen=True, kw_only=True)
class DhcpHost:
    """One client that dnsmasq answers."""

    port_id: str
    mac: str
    ips: tuple[FixedIp, ...]
    hostname: str


@dataclass(frozen=True, kw_only=True)
class DhcpWiring:
    """The DHCP server of a network, when it is this host's to run: its own port, and the clients."""

    port_id: str
    mac: str
    ips: tuple[FixedIp, ...]
    hosts: tuple[DhcpHost, ...]


@dataclass(frozen=True, kw_only=True)
class NetworkWiring:
    id: str
    kind: str  # provider:network_type: "local", "flat" (later "vlan", "vxlan")
    physical_network: str | None
    segmentation_id: int | None
    mtu: int
    zone: int  # conntrack zone, unique per network (S-081); 1 … 65535
    subnets: tuple[SubnetWiring, ...]
    dhcp: DhcpWiring | None


@dataclass(frozen=True, kw_only=True)
class RuleWiring:
    """A security group rule. ``protocol`` is a lower-case name, a number as text, or None for any."""

    direction: str  # "ingress" or "egress"
    ip_version: int  # 4 or 6
    protocol: str | None
    port_min: int | None  # for icmp: type
    port_max: int | None  # for icmp: code
    remote_cidr: str | None
    remote_group_id: str | None


@dataclass(frozen=True, kw_only=True)
class GroupWiring:
    """A security group in use on this host, or remote to one in use. ``members``: addresses of its ports."""

    id: str
    rules: tuple[RuleWiring, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PortWiring:
    """A port bound to this host. ``revision`` comes back in the report, so that a stale report is seen as one."""

    id: str
    network_id: str
    mac: str
    ips: tuple[str, ...]
    allowed_pairs: tuple[tuple[str, str], ...]  # (mac, cidr or address)
    groups: tuple[str, ...]
    port_security: bool
    revision: int


@dataclass(frozen=True, kw_only=True)
class HostWiring:
    """The wish for one host."""

    networks: tuple[NetworkWiring, ...]
    ports: tuple[PortWiring, ...]
    groups: tuple[GroupWiring, ...]


@dataclass(frozen=True, kw_only=True)
class WiringReport:
    """What is now true: ports whose rules, bridge and DHCP entry are in force, each with the revision applied."""

    host: str
    wired: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True)
class NetworkInventory:
    """For the audit: everything on the host that carries our names."""

    bridges: tuple[str, ...]
    taps: tuple[str, ...]
    namespaces: tuple[str, ...]
    filtered_ports: tuple[str, ...]  # tap names with a rule chain in nft
    dhcp_hosts: tuple[tuple[str, str], ...]  # (network id, mac) in dnsmasq's host files
    leases: tuple[tuple[str, str, str], ...]  # (network id, mac, ip) in dnsmasq's lease files
    dnsmasq: tuple[str, ...]  # network ids with a live process
