"""Volumes: created and deleted as a row with an operation in one transaction, listed, shown, renamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from iaas import failpoints
from iaas.context import Context
from iaas.db import operations, quotas
from iaas.db.engine import TryAgain, Tx
from iaas.db.volume import types, volume_lists, volumes
from iaas.db.volume.volume_lists import Wanted
from iaas.errors import Conflict, Invalid, NotFound
from iaas.ids import new_uuid
from iaas.model.volume import State, Task, Volume, VolumeType
from iaas.volume.service import ZONE, VolumeServices


@dataclass(frozen=True, kw_only=True)
class NewVolume:
    """An empty volume of ``size_gb`` GiB. ``type``: name or id, None for the default."""

    size_gb: int
    name: str | None = None
    description: str | None = None
    type: str | None = None
    availability_zone: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


def create(service: VolumeServices, context: Context, wish: NewVolume) -> Volume:
    """Takes quota, inserts the row and its operation. Raises Invalid, NotFound (the type), QuotaExceeded."""
    if wish.availability_zone not in (None, "", ZONE):
        raise Invalid(f"Availability zone '{wish.availability_zone}' is invalid.", field="availability_zone")
    volume_id = new_uuid()

    def write(tx: Tx) -> Volume:
        chosen = types.find(tx, wish.type) if wish.type else types.DEFAULT
        quotas.take(tx, context.owner, {"volumes": 1, "gigabytes": wish.size_gb}, service.quota)
        volumes.insert(tx, {
            "id": volume_id, "project_id": context.owner, "user_id": context.user_id or "", "name": wish.name,
            "description": wish.description, "size_gb": wish.size_gb, "availability_zone": ZONE,
            "volume_type_id": None if chosen == types.DEFAULT else chosen.id, "metadata": wish.metadata,
        })  # fmt: skip
        _queue(service, tx, context, "volume.create", volume_id, 1, service.deadline_s)
        return volumes.get(tx, volume_id)

    return service.database.run(write)


def delete(service: VolumeServices, context: Context, volume_id: str) -> None:
    """Takes over from a creation; a volume that is being deleted stays as it is. Raises NotFound."""

    def write(tx: Tx) -> None:
        volume = get(tx, context, volume_id)
        if volume.task is Task.DELETING:
            return
        operations.supersede(tx, "volume", volume_id)
        try:
            fence = volumes.begin(tx, volume, "delete")
        except Conflict as error:  # it changed between the look and the write: look again
            raise TryAgain("The volume was changed at the same time.") from error
        _queue(service, tx, context, "volume.delete", volume_id, fence, None)

    service.database.run(write)


def get(tx: Tx, context: Context, volume_id: str) -> Volume:
    """Raises NotFound, for a foreign volume as for one that never was."""
    return volumes.get(tx, volume_id, None if context.is_admin else context.owner)


def show(service: VolumeServices, context: Context, volume_id: str) -> tuple[Volume, VolumeType]:
    with service.database.read() as tx:
        volume = get(tx, context, volume_id)
        return volume, types_of(tx)[volume.volume_type_id]


def page(
    service: VolumeServices, wanted: Wanted, limit: int, marker: str | None, sort: Sequence[tuple[str, str]],
    offset: int,
) -> tuple[list[Volume], Mapping[str | None, VolumeType]]:  # fmt: skip
    """The volumes, and the types by id: two or three queries."""
    with service.database.read() as tx:
        return volume_lists.page(tx, wanted, limit, marker, sort, offset), types_of(tx)


def update(service: VolumeServices, context: Context, volume_id: str, values: Mapping[str, Any]) -> None:
    """Writes name, description, metadata. Raises NotFound."""

    def write(tx: Tx) -> None:
        get(tx, context, volume_id)
        if values:
            volumes.change(tx, volume_id, values)

    service.database.run(write)


def change_metadata(
    service: VolumeServices, context: Context, volume_id: str, add: Mapping[str, str], drop: str | None = None
) -> dict[str, str]:
    """Adds items, or drops one. Raises NotFound, Invalid over 128 items."""

    def write(tx: Tx) -> dict[str, str]:
        found = {**get(tx, context, volume_id).metadata, **add}
        if drop is not None and found.pop(drop, None) is None:
            raise NotFound("Metadata item was not found.")
        if len(found) > 128:
            raise Invalid("A volume has at most 128 metadata items.", field="metadata")
        volumes.change(tx, volume_id, {"metadata": found})
        return found

    return service.database.run(write)


def reset_state(service: VolumeServices, context: Context, volume_id: str, state: State) -> None:
    """An administrator's word on the state: whatever is under way ends, and its orders become stale."""

    def write(tx: Tx) -> None:
        volume = get(tx, context, volume_id)
        operations.supersede(tx, "volume", volume_id)
        volumes.change(tx, volume_id, {"state": state, "task": None, "fence": volume.fence + 1})

    service.database.run(write)


def types_of(tx: Tx) -> Mapping[str | None, VolumeType]:
    """The types by id; None is the default."""
    return {None: types.DEFAULT, **{known.id: known for known in types.all_public(tx)}}


def _before_create() -> None:
    failpoints.hit("api.volume.create.before_publish")


def _before_delete() -> None:
    failpoints.hit("api.volume.delete.before_publish")


def _queue(
    service: VolumeServices, tx: Tx, context: Context, kind: str, volume_id: str, fence: int, deadline_s: int | None
) -> None:
    operation_id = operations.queue(tx, context, kind, ("volume", volume_id), fence, {}, deadline_s)

    def ring() -> None:
        (_before_create if kind == "volume.create" else _before_delete)()
        service.conductor.run(operation_id)

    tx.after_commit(ring)
