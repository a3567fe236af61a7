"""Floating IPs as values. Knows no table and no API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class FloatingIp:
    """``ip`` on the external network ``network_id``, held by the port ``own_port_id``, leads to ``fixed_ip`` of
    ``port_id`` through the router. ``status``: ACTIVE once the router's host has reported it in force."""

    id: str
    project_id: str
    description: str
    network_id: str
    own_port_id: str
    ip: str
    port_id: str | None
    fixed_ip: str | None
    router_id: str | None
    status: str
    revision: int
    created_at: datetime
    updated_at: datetime
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.ip


@dataclass(frozen=True, kw_only=True)
class FloatingIpWish:
    """What shall become of a floating IP: ``port_id`` None leads nowhere; ``fixed_ip`` None: the port's only one."""

    port_id: str | None
    fixed_ip: str | None = None
