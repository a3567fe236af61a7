"""Networks as values. Knows no table and no API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

LOCAL, FLAT, VLAN, VXLAN = "local", "flat", "vlan", "vxlan"


@dataclass(frozen=True, kw_only=True)
class Network:
    """``kind`` is provider:network_type; ``zone`` the conntrack zone (1 … 65535, unique); ``mtu`` in bytes;
    ``is_default``: the one external network to which automatic networks lead."""

    id: str
    project_id: str
    name: str
    description: str
    admin_state_up: bool
    shared: bool
    external: bool
    is_default: bool
    port_security: bool
    kind: str
    physical_network: str | None
    segmentation_id: int | None
    mtu: int
    zone: int
    revision: int
    created_at: datetime
    updated_at: datetime
    subnet_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Segment:
    """What of the physical world a network takes for itself. ``number``: VLAN or VNI; None to be given one from
    ``first`` to ``last``, both included (0, 0: the kind has no numbers)."""

    kind: str
    physical_network: str | None = None
    number: int | None = None
    first: int = 0
    last: int = 0

    @property
    def ranged(self) -> bool:
        """Whether it is to be given a number."""
        return self.number is None and self.last > 0

    def name(self, number: int | None) -> str | None:
        """The text that no two networks share; None for networks that live in a host."""
        if self.kind == LOCAL:
            return None
        return "/".join(str(part) for part in (self.kind, self.physical_network, number) if part is not None)


@dataclass(frozen=True, kw_only=True)
class AutoTopology:
    """What a project got without a command: a network with the subnet ``cidr``, and a router to the default external
    network, which its owner may have taken away since."""

    project_id: str
    cidr: str
    network_id: str
    router_id: str | None


@dataclass(frozen=True, kw_only=True)
class NetworkRequest:
    """One interface that a new server asks for: a network (with an address or not), or a port that exists."""

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address of a server as the compute API shows it. ``kind``: "fixed", or "floating" for one that leads to
    the interface with this MAC."""

    network_name: str
    ip: str
    version: int
    mac: str
    kind: str = "fixed"


@dataclass(frozen=True, kw_only=True)
class NetworkAvailability:
    """How full the subnets of one network are: (subnet id, name, cidr, IP version, total, used)."""

    network_id: str
    network_name: str
    project_id: str
    subnets: tuple[tuple[str, str, str, int, int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Agent:
    """One role of the agent on one host, as the API lists it."""

    id: str
    kind: str  # "Linux bridge agent", "DHCP agent", "Metadata agent"
    binary: str
    topic: str
    host: str
    alive: bool
    admin_state_up: bool
    created_at: datetime
    started_at: datetime
    heartbeat_at: datetime
    description: str | None
    configurations: tuple[tuple[str, object], ...] = ()
