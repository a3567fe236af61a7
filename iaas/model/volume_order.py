"""What the conductor asks of a volume host, and the answer. Values that cross the bus."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from iaas.model.order import ImageSource, Upload


class VolumeAction(StrEnum):
    """All are convergent: repeating one is harmless."""

    CREATE = "create"  # volume_id of size_gb, from ``source``
    DELETE = "delete"  # volume_id
    EXTEND = "extend"  # volume_id to size_gb
    UPLOAD = "upload"  # volume_id's bytes into ``upload``
    SNAPSHOT = "snapshot"  # snapshot_id of volume_id
    DELETE_SNAPSHOT = "delete_snapshot"  # snapshot_id
    EXPORT = "export"  # the exports of server_id on this host are exactly ``exports``


@dataclass(frozen=True, kw_only=True)
class Export:
    """One volume served to one server. ``name`` is the NBD export's: who does not know it does not get in."""

    attachment_id: str
    volume_id: str
    name: str
    writable: bool = True


def digest(exports: Collection[Export]) -> str | None:
    """What tells two sets of exports of a server apart, in few bytes; None for none."""
    if not exports:
        return None
    lines = sorted(f"{item.attachment_id} {item.volume_id} {item.name} {item.writable}" for item in exports)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a volume is made of: at most one of them; none is zeros. Snapshot and volume are on the same host."""

    image: ImageSource | None = None
    snapshot_id: str | None = None
    volume_id: str | None = None


ZEROS = Source()


@dataclass(frozen=True, kw_only=True)
class VolumeOrder:
    """One convergent step for the back end. ``subject``: the volume, snapshot or server whose fence ``fence`` is, and
    whose orders come one after another; repetition as in model/order.py."""

    operation_id: str
    step: str
    fence: int
    attempt: int
    subject: str
    action: VolumeAction
    volume_id: str = ""
    snapshot_id: str = ""
    size_gb: int = 0
    source: Source = ZEROS
    upload: Upload | None = None
    exports: tuple[Export, ...] = ()


@dataclass(frozen=True, kw_only=True)
class VolumeReport:
    operation_id: str
    step: str
    fence: int
    subject: str
    host: str
    done: bool
    error: str | None = None
    error_kind: str | None = None
    stale: bool = False
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class VolumeInventory:
    """For the audit: what has a file, what is promised and what is really served, and partial files."""

    volumes: tuple[str, ...]
    partial_files: tuple[str, ...]
    snapshots: tuple[str, ...] = ()
    exports: tuple[Export, ...] = ()  # in the host's record
    served: tuple[Export, ...] = ()  # by the storage daemon
    strays: tuple[str, ...] = ()  # files that nothing needs
