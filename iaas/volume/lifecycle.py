"""Create, delete, extend and reset: each one transaction of a change of state and, but for the reset, an operation."""

from __future__ import annotations

from iaas.context import Context
from iaas.db import operations, quotas
from iaas.db.engine import TryAgain, Tx
from iaas.db.volume import attachments, backends
from iaas.db.volume import snapshots as kept
from iaas.db.volume import volumes as rows
from iaas.errors import Conflict, Invalid
from iaas.ids import new_uuid
from iaas.model.volume import VOLUME, State, Task, Volume
from iaas.volume import snapshots, volumes, wish, work
from iaas.volume.service import VolumeServices
from iaas.volume.wish import NewVolume


def create(service: VolumeServices, context: Context, wanted: NewVolume) -> str:
    """Takes quota, makes the row and its operation; gives the id. What is refused here leaves nothing behind.

    Raises Invalid, NotFound (the type, the source), QuotaExceeded.
    """
    return service.database.run(lambda tx: create_in(service, tx, context, wanted))


def create_in(service: VolumeServices, tx: Tx, context: Context, wanted: NewVolume) -> str:
    """``create`` inside the caller's transaction."""
    row = wish.row(service, tx, context, wanted)
    quotas.take(tx, context.owner, {"volumes": 1, "gigabytes": row["size_gb"]}, service.quota)
    volume_id = new_uuid()
    rows.insert(tx, {"id": volume_id, **row})
    work.queue(service, tx, context, "volume.create", volume_id, 1)
    return volume_id


def delete(
    service: VolumeServices, context: Context, volume_id: str, force: bool = False, cascade: bool = False
) -> None:
    """Takes over from a creation; a volume that is being deleted stays as it is. ``force``, an administrator's: takes
    over from whatever is under way. ``cascade``: its snapshots go too, before it.

    Raises NotFound; Invalid, as the published API does, for one that is attached, has snapshots or is busy.
    """

    def write(tx: Tx) -> None:
        volume = volumes.get(tx, context, volume_id)
        if volume.task is not Task.DELETING:
            if cascade:
                for snapshot in kept.of_volume(tx, volume_id):
                    snapshots.begin_delete(service, tx, context, snapshot)
            begin_delete(service, tx, context, volume, force, cascade)

    service.database.run(write)


def begin_delete(
    service: VolumeServices, tx: Tx, context: Context, volume: Volume, force: bool = False, cascade: bool = False
) -> None:
    """Inside the caller's transaction; raises what ``delete`` does."""
    attached = attachments.of_volumes(tx, [volume.id])
    if attached or (kept.count_of(tx, volume.id) and not cascade):
        why = "attached" if attached else "the source of snapshots"
        raise Invalid(f"Invalid volume: volume {volume.id} is {why} and can't be deleted.", resource="volume")
    if force and volume.task in (Task.UPLOADING, Task.EXTENDING):
        rows.change(tx, volume.id, {"task": None})
        volume = volumes.get(tx, context, volume.id)
    if not VOLUME.allowed("delete", volume.state, volume.task):
        words = f"Invalid volume: a volume that is {volume.status} can't be deleted."
        raise Invalid(words, resource="volume", status=volume.status)
    _supersede(tx, volume.id)
    try:
        fence = rows.begin(tx, volume, "delete")
    except Conflict as error:  # it changed between the look and the write: look again
        raise TryAgain("The volume was changed at the same time.") from error
    work.queue(service, tx, context, "volume.delete", volume.id, fence)


def extend(service: VolumeServices, context: Context, volume_id: str, size_gb: int) -> None:
    """Raises NotFound, QuotaExceeded; Invalid for one that is in use or busy, or a size that is not larger."""

    def write(tx: Tx) -> None:
        volume = volumes.get(tx, context, volume_id)
        if size_gb <= volume.size_gb:
            words = "Invalid input received: New size for extend must be greater than current size. (current: "
            raise Invalid(f"{words}{volume.size_gb}, extended: {size_gb}).", field="new_size")
        if not VOLUME.allowed("extend", volume.state, volume.task):
            words = f"Invalid volume: a volume that is {volume.status} can't be extended."
            raise Invalid(words, resource="volume", status=volume.status)
        wish.check_size(service, tx, volume.project_id, size_gb)
        more = size_gb - volume.size_gb
        if volume.host is None or not backends.take(tx, volume.host, more):
            raise Invalid(f"The volume's host has no room for {more} GiB more.", field="new_size")
        quotas.take(tx, volume.project_id, {"gigabytes": more}, service.quota)
        fence = rows.begin(tx, volume, "extend")
        params = {"from_gb": volume.size_gb, "to_gb": size_gb}
        work.queue(service, tx, context, "volume.extend", volume.id, fence, params)

    service.database.run(write)


def reset_state(service: VolumeServices, context: Context, volume_id: str, state: State) -> None:
    """An administrator's word on the state: whatever is under way ends, and its orders become stale. A volume with
    attachments that is to be sound again is what these make it.

    Raises NotFound; Invalid for "available" when no host has ever had the volume.
    """

    def write(tx: Tx) -> None:
        volume = volumes.get(tx, context, volume_id)
        if state is State.AVAILABLE and volume.host is None:
            raise Invalid("The volume has no bytes on any host: it can't become available.", field="status")
        _supersede(tx, volume_id)
        rows.change(tx, volume_id, {"state": state, "task": None, "fence": volume.fence + 1})
        attachments.settle(tx, rows.get(tx, volume_id))

    service.database.run(write)


def _supersede(tx: Tx, volume_id: str) -> None:
    for operation in operations.live(tx, "volume", [volume_id]):
        if operation.kind == "volume.extend":
            rows.give_extension(tx, operation)
    operations.supersede(tx, "volume", volume_id)
