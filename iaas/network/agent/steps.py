"""What an agent can do, as values: plan.py makes them, a driver carries them out, tests compare them.

Every step says what shall be true, not what to change, so that a repeated step is harmless. ``subject`` is the
network or router that suffers when the step fails (None: all of them).
"""

from __future__ import annotations

from dataclasses import dataclass

from iaas.model.wiring import GroupWiring, NetworkWiring, dhcp_namespace, router_namespace


@dataclass(frozen=True, kw_only=True)
class FilterPort:
    """A port as the packet filter sees it. ``zone`` 0: the host's own conntrack zone (flat networks)."""

    id: str
    bridge: str
    zone: int
    mac: str
    ips: tuple[str, ...]
    allowed_pairs: tuple[tuple[str, str], ...]  # (mac, address or cidr)
    groups: tuple[str, ...]
    port_security: bool


@dataclass(frozen=True, kw_only=True)
class Filter:
    """All the packet filtering of the host. Sorted, so that equal means equal."""

    ports: tuple[FilterPort, ...]
    groups: tuple[GroupWiring, ...]
    zones: tuple[tuple[str, int], ...]  # (bridge, conntrack zone) of the networks that have one of their own
    flat: tuple[str, ...]  # bridges of flat networks: the host may have an address on them and route
    arriving: tuple[str, ...] = ()  # ports that are still elsewhere: nothing for them until they have spoken here
    peers: tuple[str, ...] | None = None  # who may send to this host's tunnels; None: it has none


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """The inside of a DHCP namespace. ``addresses`` are address/prefix, sorted; ``mtu`` in bytes."""

    network_id: str
    bridge: str
    port_id: str
    mac: str
    mtu: int
    addresses: tuple[str, ...]
    gateway: str | None


@dataclass(frozen=True, kw_only=True)
class Tunnel:
    """A VXLAN network's way to other hosts. ``remotes``: (MAC, that host's end of the tunnel); ``neighbours``: (IPv4
    address, MAC) that are answered without asking there. All sorted."""

    network_id: str
    bridge: str
    vni: int
    mtu: int
    peers: tuple[str, ...]
    remotes: tuple[tuple[str, str], ...]
    neighbours: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Vlan:
    """A VLAN network's way to other hosts: frames of the bridge are on ``trunk`` with the tag ``vid``."""

    network_id: str
    bridge: str
    trunk: str
    vid: int
    mtu: int


@dataclass(frozen=True, kw_only=True)
class Leg:
    """An interface of a router, or its gateway. ``addresses`` are address/prefix, sorted; ``mtu`` in bytes."""

    port_id: str
    network_id: str
    bridge: str
    mac: str
    mtu: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Router:
    """A router as it shall be inside. All sorted. ``next_hop``: where everything else goes, through the gateway;
    ``routes``: (destination, next hop, port of the leg); ``snat``: the address that those get who have no floating one
    (None: they keep their own, and may be reached at it); ``floating``: (floating address, fixed address)."""

    id: str
    interfaces: tuple[Leg, ...]
    gateway: Leg | None
    next_hop: str | None
    routes: tuple[tuple[str, str, str], ...]
    snat: str | None
    floating: tuple[tuple[str, str], ...]

    @property
    def legs(self) -> tuple[Leg, ...]:
        return (*self.interfaces, self.gateway) if self.gateway else self.interfaces


@dataclass(frozen=True, kw_only=True)
class Door:
    """Where a network's guests find 169.254.169.254:80: in its DHCP namespace, or at an interface of a router, which
    tells one network of the router from another."""

    network_id: str
    router_id: str | None = None
    device: str | None = None

    @property
    def namespace(self) -> str:
        return router_namespace(self.router_id) if self.router_id else dhcp_namespace(self.network_id)


@dataclass(frozen=True, kw_only=True)
class EnsureBridge:
    """The bridge is there, up, filtered by nft. ``own`` False: it belongs to the operator, who must have made
    it (a flat network); then nothing but the filtering is switched on."""

    network_id: str
    name: str
    mtu: int
    own: bool


@dataclass(frozen=True, kw_only=True)
class LoadFilter:
    """This filter is in force, put there in one atomic step, and the flows of ``forget`` are no longer known.

    ``forget``: (zone, address) of ports that lost a permission (S-080) or are gone.
    """

    filter: Filter
    forget: tuple[tuple[int, str], ...]


@dataclass(frozen=True, kw_only=True)
class EnsureTunnel:
    """The tunnel is a member of its bridge and knows exactly these peers and ports."""

    network_id: str
    tunnel: Tunnel


@dataclass(frozen=True, kw_only=True)
class EnsureVlan:
    """The sub-interface is a member of its bridge."""

    network_id: str
    vlan: Vlan


@dataclass(frozen=True, kw_only=True)
class PlugTap:
    """An existing tap is a member of the bridge again (somebody removed it, or the bridge)."""

    network_id: str
    tap: str
    bridge: str


@dataclass(frozen=True, kw_only=True)
class EnsureNamespace:
    network_id: str
    namespace: Namespace


@dataclass(frozen=True, kw_only=True)
class EnsureDhcp:
    """dnsmasq answers exactly the hosts of the wiring, in the network's namespace."""

    network_id: str
    network: NetworkWiring


@dataclass(frozen=True, kw_only=True)
class ReleaseLease:
    """The lease is gone, and the address free at once for another client."""

    network_id: str
    mac: str
    ip: str


@dataclass(frozen=True, kw_only=True)
class ServeMetadata:
    """The metadata address is answered at this door."""

    door: Door


@dataclass(frozen=True, kw_only=True)
class EnsureRouter:
    """The router's namespace is as wanted, its flows that lost their translation have ended (S-080), and its new
    addresses are announced."""

    router: Router


@dataclass(frozen=True, kw_only=True)
class RemoveRouter:
    """Nothing of that router is left on the host."""

    router_id: str


@dataclass(frozen=True, kw_only=True)
class RemoveDhcp:
    """No metadata socket, DHCP server, lease or namespace of that network is left; its bridge stays."""

    network_id: str


@dataclass(frozen=True, kw_only=True)
class RemoveNetwork:
    """Nothing of that network is left on the host."""

    network_id: str


Step = (
    EnsureBridge | EnsureTunnel | EnsureVlan | LoadFilter | PlugTap | EnsureNamespace | EnsureDhcp | ReleaseLease
    | ServeMetadata | EnsureRouter | RemoveRouter | RemoveDhcp | RemoveNetwork
)  # fmt: skip


def subject(step: Step) -> str | None:
    """The network or router that suffers when the step fails; None: all of them."""
    match step:
        case EnsureRouter():
            return step.router.id
        case RemoveRouter():
            return step.router_id
        case ServeMetadata():
            return step.door.router_id or step.door.network_id
        case LoadFilter():
            return None
    return step.network_id
