"""Volumes: looking them up with what belongs to their view, and changing what is not their life."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.volume import attachments, types, volume_lists
from iaas.db.volume import volumes as rows
from iaas.db.volume.volume_lists import Wanted
from iaas.errors import Invalid
from iaas.model.volume import Attachment, AttachmentState, Volume
from iaas.volume.service import VolumeServices

MAX_METADATA = 128  # items of one volume (S-120)
TypeNames = Mapping[str | None, str]  # by type id; None is the default type


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What belongs to the view of volumes and is in other rows. ``attachments``: by volume id, those connected."""

    types: TypeNames
    attachments: Mapping[str, Sequence[Attachment]]


def get(tx: Tx, context: Context, volume_id: str) -> Volume:
    """Raises NotFound, for a foreign volume as for one that never was (S-053)."""
    return rows.get(tx, volume_id, None if context.is_admin else context.owner)


def show(service: VolumeServices, context: Context, volume_id: str) -> tuple[Volume, Beside]:
    with service.database.read() as tx:
        return get(tx, context, volume_id), _beside(tx, [volume_id])


def page(
    service: VolumeServices,
    wanted: Wanted,
    limit: int,
    marker: str | None,
    sort: Sequence[tuple[str, str]],
    offset: int = 0,
) -> tuple[list[Volume], Beside]:
    """Three or four queries, however many volumes there are. Raises Invalid for the marker."""
    with service.database.read() as tx:
        found = volume_lists.page(tx, wanted, limit, marker, sort, offset)
        return found, _beside(tx, [volume.id for volume in found])


def summary(service: VolumeServices, wanted: Wanted) -> tuple[int, int]:
    """Their number and GiB."""
    with service.database.read() as tx:
        return volume_lists.summary(tx, wanted)


def update(service: VolumeServices, context: Context, volume_id: str, values: Mapping[str, Any]) -> None:
    """Writes name, description, metadata, bootable. Raises NotFound, Invalid."""
    check_metadata(values.get("metadata", {}))

    def write(tx: Tx) -> None:
        get(tx, context, volume_id)
        rows.change(tx, volume_id, values)

    service.database.run(write)


def change_metadata(
    service: VolumeServices, context: Context, volume_id: str, change: Callable[[dict[str, str]], dict[str, str]]
) -> dict[str, str]:
    """Replaces the metadata by what ``change`` makes of it. Raises NotFound, Invalid."""

    def write(tx: Tx) -> dict[str, str]:
        changed = change(dict(get(tx, context, volume_id).metadata))
        check_metadata(changed)
        rows.change(tx, volume_id, {"metadata": changed})
        return changed

    return service.database.run(write)


def check_metadata(metadata: Mapping[str, str]) -> None:
    if len(metadata) > MAX_METADATA:
        raise Invalid(f"A volume has at most {MAX_METADATA} metadata items.", field="metadata")


def _beside(tx: Tx, volume_ids: Sequence[str]) -> Beside:
    found: dict[str, list[Attachment]] = {}
    for item in attachments.of_volumes(tx, volume_ids):
        if item.state in (AttachmentState.ATTACHED, AttachmentState.DETACHING):
            found.setdefault(item.volume_id, []).append(item)
    return Beside(types=_type_names(tx), attachments=found)


def _type_names(tx: Tx) -> TypeNames:
    return {None: types.DEFAULT.name, **{kind.id: kind.name for kind in types.all_types(tx, private=True)}}
