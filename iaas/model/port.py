"""Ports as values. Knows no table and no API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from iaas.model.wiring import FixedIp

ACTIVE, DOWN = "ACTIVE", "DOWN"
NOT_WIRED = "N/A"  # the status of a port that only holds an address
DHCP_OWNER = "network:dhcp"
COMPUTE_OWNER = "compute:nova"
INTERFACE_OWNER = "network:router_interface"
GATEWAY_OWNER = "network:router_gateway"
FLOATING_OWNER = "network:floatingip"
# Ports that the platform makes for itself: of no project, or not counted against its quota.
PLATFORM_OWNERS = (DHCP_OWNER, GATEWAY_OWNER, FLOATING_OWNER)
# Ports that only the thing they belong to may delete.
SERVICE_OWNERS = (*PLATFORM_OWNERS, INTERFACE_OWNER)


@dataclass(frozen=True, kw_only=True)
class Port:
    """``server_id`` is set by the compute service alone; ``device_id`` may be what a user wrote.

    ``status`` is ACTIVE once the agent of ``host`` has reported a revision as wired, and that of the DHCP host as
    served. ``next_host``: wired there too, while the server moves. ``allowed_pairs``: (MAC,
    address or CIDR). ``groups``: ids of security groups.
    """

    id: str
    project_id: str
    network_id: str
    name: str
    description: str
    mac: str
    admin_state_up: bool
    status: str
    device_id: str
    device_owner: str
    server_id: str | None
    router_id: str | None
    position: int
    made_for_server: bool
    host: str | None
    next_host: str | None
    vnic_type: str
    profile: dict[str, object]
    port_security: bool
    allowed_pairs: tuple[tuple[str, str], ...]
    revision: int
    created_at: datetime
    updated_at: datetime
    fixed_ips: tuple[FixedIp, ...] = ()
    groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FixedIpWish:
    """What a caller asks for: an address, any address of a subnet, or both."""

    subnet_id: str | None = None
    ip: str | None = None
