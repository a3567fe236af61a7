"""What a host's network agent must make true, and what it found: values that cross the bus.

The wish is complete for the host (level-triggered): whatever carries our name and is not in it is removed.
Device names: bridge ``brq`` + 11 characters of the network id, tap ``tap`` + 11 of the port id, namespace
``qdhcp-`` + network id, its veth ``ns-`` + 11 of the DHCP port id (outer end ``dp-`` + 11),
VXLAN device ``vx-`` + 11 of the network id, VLAN sub-interface ``vl-`` + 11 of it (if that is a veth, its far end is
``vp-`` + 11), router ``qrouter-`` + router id with ``qr-`` + 11 of an interface's port id
and ``qg-`` + 11 of the gateway's (outer ends ``rp-`` + 11).
"""

from __future__ import annotations

from dataclasses import dataclass


def bridge_name(network_id: str) -> str:
    return "brq" + network_id[:11]


def tap_name(port_id: str) -> str:
    return "tap" + port_id[:11]


def tunnel_name(network_id: str) -> str:
    return "vx-" + network_id[:11]


def vlan_name(network_id: str) -> str:
    return "vl-" + network_id[:11]


def router_namespace(router_id: str) -> str:
    return "qrouter-" + router_id


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
    revision: int = 0  # of the port, for the report that it is served


@dataclass(frozen=True, kw_only=True)
class DhcpWiring:
    """The DHCP server of a network, when it is this host's to run: its own port, and the clients."""

    port_id: str
    mac: str
    ips: tuple[FixedIp, ...]
    hosts: tuple[DhcpHost, ...]


@dataclass(frozen=True, kw_only=True)
class RemotePort:
    """A port of the network on another host: ``address`` is that host's end of the tunnel."""

    mac: str
    ips: tuple[str, ...]
    address: str


@dataclass(frozen=True, kw_only=True)
class TunnelWiring:
    """A VXLAN network beyond this host: ``peers`` get what is flooded, ``remotes`` are known and need no flood."""

    peers: tuple[str, ...]
    remotes: tuple[RemotePort, ...]


@dataclass(frozen=True, kw_only=True)
class NetworkWiring:
    id: str
    kind: str  # provider:network_type: "local", "flat", "vlan", "vxlan"
    physical_network: str | None
    segmentation_id: int | None
    mtu: int
    zone: int  # conntrack zone, unique per network (S-081); 1 … 65535
    subnets: tuple[SubnetWiring, ...]
    dhcp: DhcpWiring | None
    tunnel: TunnelWiring | None = None  # "vxlan" only


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
class RouterPort:
    """An interface of a router, or its gateway. ``ips``: (address, prefix length)."""

    port_id: str
    network_id: str  # its NetworkWiring is in the same HostWiring
    mac: str
    ips: tuple[tuple[str, int], ...]
    mtu: int


@dataclass(frozen=True, kw_only=True)
class FloatingIpWiring:
    """``floating_ip`` on the gateway's network leads to ``fixed_ip`` behind the router, and back."""

    id: str
    floating_ip: str
    fixed_ip: str


@dataclass(frozen=True, kw_only=True)
class RouterWiring:
    """A router that is this host's to run. ``next_hops``: gateways of the gateway port's subnets, one an IP version
    at most. ``routes``: (destination, next hop). ``revision`` comes back in the report."""

    id: str
    interfaces: tuple[RouterPort, ...]
    gateway: RouterPort | None
    next_hops: tuple[str, ...]
    snat: bool
    routes: tuple[tuple[str, str], ...]
    floating_ips: tuple[FloatingIpWiring, ...]
    revision: int


@dataclass(frozen=True, kw_only=True)
class HostWiring:
    """The wish for one host."""

    networks: tuple[NetworkWiring, ...]
    ports: tuple[PortWiring, ...]
    groups: tuple[GroupWiring, ...]
    routers: tuple[RouterWiring, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WiringReport:
    """What is now true, each with the revision applied: ports of this host whose bridge, tunnel and rules are in
    force; ports of any host that this host's DHCP servers answer; routers with their floating IPs."""

    host: str
    wired: tuple[tuple[str, int], ...]
    served: tuple[tuple[str, int], ...] = ()
    routers: tuple[tuple[str, int], ...] = ()


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
    tunnels: tuple[str, ...] = ()  # VXLAN and VLAN devices with our names
    routers: tuple[str, ...] = ()  # router ids with a namespace
    floating_ips: tuple[tuple[str, str], ...] = ()  # (router id, address) in force
