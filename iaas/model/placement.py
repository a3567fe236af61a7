"""What the scheduler is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class PlacementRequest:
    """One server that needs a host. RAM in MiB, disk in GiB (root + ephemeral + swap, rounded up)."""

    operation_id: str
    fence: int
    server_id: str
    project_id: str
    vcpus: int
    ram_mb: int
    disk_gb: int
    availability_zone: str | None = None
    forced_host: str | None = None
    exclude: tuple[str, ...] = ()  # hosts that were tried and failed
    image_properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Placed:
    host: str
    node: str
    rejected: dict[str, dict[str, str]] = field(default_factory=dict)  # filter -> host -> reason
