"""What the conductor asks of a volume host, and the answer. Values that cross the bus."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class VolumeAction(StrEnum):
    CREATE = "create"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True)
class VolumeOrder:
    """One convergent step for the backend; ``fence`` and repetition as in model/order.py."""

    operation_id: str
    step: str
    fence: int
    attempt: int
    volume_id: str
    action: VolumeAction
    size_gb: int


@dataclass(frozen=True, kw_only=True)
class VolumeReport:
    operation_id: str
    step: str
    fence: int
    volume_id: str
    host: str
    done: bool
    error: str | None = None
    error_kind: str | None = None
    stale: bool = False
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class VolumeInventory:
    """For the audit: volume ids with a file, and partial files."""

    volumes: tuple[str, ...]
    partial_files: tuple[str, ...]
