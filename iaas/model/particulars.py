"""What a guest may know of itself. A value that crosses the bus: a host makes a server's config drive of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from iaas.model.network import Address


@dataclass(frozen=True, kw_only=True)
class Interface:
    """``ips``: the port's fixed addresses."""

    port_id: str
    tap: str
    mac: str
    mtu: int
    network_id: str
    ips: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Particulars:
    """``hostname`` is the full one; ``user_data`` base64 as the user gave it (never logged); ``groups``: names of
    security groups."""

    server_id: str
    project_id: str
    name: str
    hostname: str
    zone: str
    flavor: str
    image_id: str | None
    reservation_id: str
    launch_index: int
    metadata: dict[str, str]
    key_name: str | None
    key_data: str | None
    user_data: str | None = field(repr=False)
    addresses: tuple[Address, ...]
    groups: tuple[str, ...]
    interfaces: tuple[Interface, ...]
