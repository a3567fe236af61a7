"""Routers as values. Knows no table and no API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from iaas.model.port import ACTIVE, DOWN, FixedIpWish
from iaas.model.wiring import FixedIp

BUILD = "BUILD"  # no host has had it in force yet
STATES = (ACTIVE, BUILD, DOWN)


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A router's port on an external network."""

    port_id: str
    network_id: str
    fixed_ips: tuple[FixedIp, ...]


@dataclass(frozen=True, kw_only=True)
class GatewayWish:
    """What a caller asks for. ``enable_snat`` None: as it is. ``fixed_ips`` None: any addresses."""

    network_id: str
    enable_snat: bool | None = None
    fixed_ips: tuple[FixedIpWish, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Router:
    """``status``: ACTIVE once ``host`` has reported it in force, or while there is nothing to do; DOWN when its host
    died and no other has it yet. ``routes``: (destination, next hop)."""

    id: str
    project_id: str
    name: str
    description: str
    admin_state_up: bool
    status: str
    enable_snat: bool
    gateway_port_id: str | None
    routes: tuple[tuple[str, str], ...]
    host: str | None
    revision: int
    created_at: datetime
    updated_at: datetime
    gateway: Gateway | None = None
    tags: tuple[str, ...] = ()
