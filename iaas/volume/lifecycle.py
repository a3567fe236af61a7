"""Create, delete and reset: each one transaction of a change of state and, for the first two, an operation."""

from __future__ import annotations

from dataclasses import dataclass, field

from iaas.context import Context
from iaas.db import operations, quotas
from iaas.db.engine import TryAgain, Tx
from iaas.db.volume import types
from iaas.db.volume import volumes as rows
from iaas.errors import Conflict, Invalid, QuotaExceeded
from iaas.ids import new_uuid
from iaas.model.volume import State, Task, Volume
from iaas.volume import volumes, work
from iaas.volume.service import ZONE, VolumeServices


@dataclass(frozen=True, kw_only=True)
class NewVolume:
    """What a user wants: an empty volume of ``size_gb`` GiB. ``volume_type``: name or id, None for the default."""

    size_gb: int
    name: str | None = None
    description: str | None = None
    volume_type: str | None = None
    availability_zone: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


def create(service: VolumeServices, context: Context, wish: NewVolume) -> str:
    """Takes quota, makes the row and its operation; gives the id. What is refused here leaves nothing behind.

    Raises Invalid, NotFound (the type), QuotaExceeded.
    """
    if not context.owner:
        raise Invalid("A volume belongs to a project: a token with a project is needed.")
    if wish.availability_zone not in (None, "", ZONE):
        raise Invalid(f"Availability zone '{wish.availability_zone}' is invalid.", field="availability_zone")
    volumes.check_metadata(wish.metadata)
    return service.database.run(lambda tx: _create(service, tx, context, wish))


def _create(service: VolumeServices, tx: Tx, context: Context, wish: NewVolume) -> str:
    chosen = types.find(tx, wish.volume_type, context.is_admin) if wish.volume_type else types.DEFAULT
    largest = quotas.limits(tx, context.owner, service.quota)["per_volume_gigabytes"]
    if 0 <= largest < wish.size_gb:
        details = {"resource": "per_volume_gigabytes", "requested": wish.size_gb, "used": 0, "limit": largest}
        raise QuotaExceeded(f"A volume has at most {largest} GiB here.", **details)
    quotas.take(tx, context.owner, {"volumes": 1, "gigabytes": wish.size_gb}, service.quota)
    volume_id = new_uuid()
    rows.insert(tx, {
        "id": volume_id, "project_id": context.owner, "user_id": context.user_id or "", "name": wish.name,
        "description": wish.description, "size_gb": wish.size_gb, "availability_zone": ZONE,
        "volume_type_id": None if chosen == types.DEFAULT else chosen.id, "metadata": wish.metadata,
    })  # fmt: skip
    work.queue_create(service, tx, context, volume_id, fence=1)
    return volume_id


def delete(service: VolumeServices, context: Context, volume_id: str) -> None:
    """Takes over from whatever is under way; a volume that is being deleted stays as it is. Raises NotFound."""

    def write(tx: Tx) -> None:
        volume = volumes.get(tx, context, volume_id)
        if volume.task is Task.DELETING:
            return
        operations.supersede(tx, "volume", volume_id)
        work.queue_delete(service, tx, context, volume_id, _begin_delete(tx, volume))

    service.database.run(write)


def _begin_delete(tx: Tx, volume: Volume) -> int:
    try:
        return rows.begin(tx, volume, "delete")
    except Conflict as error:  # it changed between the look and the write: look again
        raise TryAgain("The volume was changed at the same time.") from error


def reset_state(service: VolumeServices, context: Context, volume_id: str, state: State) -> None:
    """An administrator's word on the state: whatever is under way ends, and its orders become stale.

    Raises NotFound; Invalid for "available" when no host has ever had the volume.
    """

    def write(tx: Tx) -> None:
        volume = volumes.get(tx, context, volume_id)
        if state is State.AVAILABLE and volume.host is None:
            raise Invalid("The volume has no bytes on any host: it can't become available.", field="status")
        operations.supersede(tx, "volume", volume_id)
        rows.change(tx, volume_id, {"state": state, "task": None, "fence": volume.fence + 1})

    service.database.run(write)
