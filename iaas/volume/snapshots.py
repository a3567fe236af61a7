"""Snapshots of volumes: made, deleted and looked up. Each change is one transaction with its operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from iaas.context import Context
from iaas.db import operations, quotas
from iaas.db.engine import TryAgain, Tx
from iaas.db.volume import backends
from iaas.db.volume import snapshots as rows
from iaas.errors import Conflict, Invalid
from iaas.ids import new_uuid
from iaas.model.volume import SNAPSHOT, Snapshot, SnapshotState, SnapshotTask, State
from iaas.volume import volumes, work
from iaas.volume.service import VolumeServices


@dataclass(frozen=True, kw_only=True)
class NewSnapshot:
    """``force``: also of a volume that is attached; it is as if the guest's power had failed at that moment."""

    volume_id: str
    name: str | None = None
    description: str | None = None
    force: bool = False
    metadata: dict[str, str] = field(default_factory=dict)


def get(tx: Tx, context: Context, snapshot_id: str) -> Snapshot:
    """Raises NotFound, for a foreign snapshot as for one that never was."""
    return rows.get(tx, snapshot_id, None if context.is_admin else context.owner)


def show(service: VolumeServices, context: Context, snapshot_id: str) -> Snapshot:
    with service.database.read() as tx:
        return get(tx, context, snapshot_id)


def create(service: VolumeServices, context: Context, wish: NewSnapshot) -> str:
    """Takes quota and room (all of the volume may be written anew), makes the row and its operation; gives the id.

    Raises NotFound, QuotaExceeded; Invalid for a volume that is busy, has no bytes, or is in use without ``force``.
    """
    volumes.check_metadata(wish.metadata)

    def write(tx: Tx) -> str:
        volume = volumes.get(tx, context, wish.volume_id)
        states = (State.AVAILABLE, State.IN_USE) if wish.force else (State.AVAILABLE,)
        if volume.state not in states or volume.task is not None:
            words = f"Invalid volume: Volume {volume.id} status must be {' or '.join(states)}, but current status is: "
            raise Invalid(words + f"{volume.status}.", resource="volume", status=volume.status)
        if volume.host is None or not backends.take(tx, volume.host, volume.size_gb):
            raise Invalid(f"The volume's host has no room for a snapshot of {volume.size_gb} GiB.")
        quotas.take(tx, volume.project_id, {"snapshots": 1, "gigabytes": volume.size_gb}, service.quota)
        snapshot_id = new_uuid()
        rows.insert(tx, {
            "id": snapshot_id, "project_id": volume.project_id, "user_id": context.user_id or "",
            "volume_id": volume.id, "name": wish.name, "description": wish.description, "size_gb": volume.size_gb,
            "metadata": wish.metadata,
        })  # fmt: skip
        work.queue(service, tx, context, "snapshot.create", snapshot_id, 1)
        return snapshot_id

    return service.database.run(write)


def delete(service: VolumeServices, context: Context, snapshot_id: str) -> None:
    """Takes over from a creation; one that is being deleted stays as it is. Raises NotFound, Invalid."""

    service.database.run(lambda tx: begin_delete(service, tx, context, get(tx, context, snapshot_id)))


def begin_delete(service: VolumeServices, tx: Tx, context: Context, snapshot: Snapshot) -> None:
    """Inside the caller's transaction; raises what ``delete`` does."""
    if snapshot.task is SnapshotTask.DELETING:
        return
    if not SNAPSHOT.allowed("delete", snapshot.state, snapshot.task):
        raise Invalid(f"Invalid snapshot: a snapshot that is {snapshot.status} can't be deleted.")
    operations.supersede(tx, "snapshot", snapshot.id)
    try:
        fence = rows.begin_delete(tx, snapshot)
    except Conflict as error:  # it changed between the look and the write: look again
        raise TryAgain("The snapshot was changed at the same time.") from error
    work.queue(service, tx, context, "snapshot.delete", snapshot.id, fence)


def update(service: VolumeServices, context: Context, snapshot_id: str, values: Mapping[str, Any]) -> None:
    """Writes name, description. Raises NotFound."""

    def write(tx: Tx) -> None:
        get(tx, context, snapshot_id)
        rows.change(tx, snapshot_id, values)

    service.database.run(write)


def change_metadata(
    service: VolumeServices, context: Context, snapshot_id: str, change: Callable[[dict[str, str]], dict[str, str]]
) -> dict[str, str]:
    """Replaces the metadata by what ``change`` makes of it. Raises NotFound, Invalid."""

    def write(tx: Tx) -> dict[str, str]:
        changed = change(dict(get(tx, context, snapshot_id).metadata))
        volumes.check_metadata(changed)
        rows.change(tx, snapshot_id, {"metadata": changed})
        return changed

    return service.database.run(write)


def reset_state(service: VolumeServices, context: Context, snapshot_id: str, state: SnapshotState) -> None:
    """An administrator's word on the state: whatever is under way ends, and its orders become stale."""

    def write(tx: Tx) -> None:
        snapshot = get(tx, context, snapshot_id)
        operations.supersede(tx, "snapshot", snapshot_id)
        rows.change(tx, snapshot_id, {"state": state, "task": None, "fence": snapshot.fence + 1})

    service.database.run(write)
