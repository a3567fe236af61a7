"""Where servers go: what the scheduler is asked and answers, and the record of a move from host to host."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
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


RESIZE, COLD, LIVE, EVACUATION = "resize", "migration", "live-migration", "evacuation"
# A live migration in these is under way; the API shows it below its server and lets it be aborted.
UNDER_WAY = ("accepted", "queued", "preparing", "running", "post-migrating")
# finished: of a resize, until it is confirmed or reverted
ENDS = ("finished", "confirmed", "reverted", "completed", "done", "cancelled", "error", "failed")


@dataclass(frozen=True, kw_only=True)
class Migration:
    """The record of a move from host to host, or from flavor to flavor, for the API.

    ``status``: as the compute API words it. ``progress``: bytes by memory_total, memory_processed,
    memory_remaining and the same of disk; empty before a live migration runs.
    """

    id: int
    uuid: str
    server_id: str
    project_id: str
    user_id: str
    operation_id: str
    kind: str
    status: str
    source_host: str
    source_node: str | None
    dest_host: str | None
    dest_node: str | None
    old_flavor_id: str | None
    new_flavor_id: str | None
    created_at: datetime
    updated_at: datetime
    progress: dict[str, int] = field(default_factory=dict)
