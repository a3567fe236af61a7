"""What a user wants of a new volume, checked against what there is: size, type, zone, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from iaas.context import Context
from iaas.db import quotas
from iaas.db.engine import Tx
from iaas.db.volume import snapshots, types
from iaas.errors import Invalid, NotFound, QuotaExceeded
from iaas.model.image import Image
from iaas.model.volume import SnapshotState, State, Volume
from iaas.volume import volumes
from iaas.volume.service import ZONE, VolumeServices

GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class NewVolume:
    """At most one of ``image_id``, ``snapshot_id`` and ``source_volume_id``: what it is made of; none: zeros.

    ``size_gb`` in GiB; None: as large as its source. ``volume_type``: name or id, None for the default.
    """

    size_gb: int | None = None
    name: str | None = None
    description: str | None = None
    volume_type: str | None = None
    availability_zone: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    image_id: str | None = None
    snapshot_id: str | None = None
    source_volume_id: str | None = None
    multiattach: bool = False


def row(service: VolumeServices, tx: Tx, context: Context, wish: NewVolume) -> dict[str, Any]:
    """The new volume's columns, but for its id. Raises Invalid, NotFound (type or source), QuotaExceeded."""
    if not context.owner:
        raise Invalid("A volume belongs to a project: a token with a project is needed.")
    if wish.availability_zone not in (None, "", ZONE):
        raise Invalid(f"Availability zone '{wish.availability_zone}' is invalid.", field="availability_zone")
    volumes.check_metadata(wish.metadata)
    if sum(1 for item in (wish.image_id, wish.snapshot_id, wish.source_volume_id) if item) > 1:
        raise Invalid("A volume is made of an image, a snapshot or a volume: only one of them can be named.")
    kind = types.find(tx, wish.volume_type, context.is_admin) if wish.volume_type else types.DEFAULT
    found = _from(service, tx, context, wish)
    check_size(service, tx, context.owner, found["size_gb"])
    return {
        "project_id": context.owner, "user_id": context.user_id or "", "name": wish.name,
        "description": wish.description, "availability_zone": ZONE, "metadata": wish.metadata,
        "volume_type_id": None if kind == types.DEFAULT else kind.id, "multiattach": wish.multiattach, **found,
    }  # fmt: skip


def _from(service: VolumeServices, tx: Tx, context: Context, wish: NewVolume) -> dict[str, Any]:
    """Size, source, and what the volume inherits of it."""
    if wish.image_id:
        try:
            image = service.image.get_for_boot(tx, context, wish.image_id)
        except NotFound as error:
            words = "Invalid image identifier or unable to access requested image."
            raise Invalid(words, field="imageRef") from error
        least = max(image.min_disk, -(-(image.virtual_size or 0) // GIB))
        size = _size(wish, least, 0, "the image's disk")
        return {"size_gb": size, "image_id": image.id, "bootable": True, "image_metadata": _described(image)}
    if wish.snapshot_id:
        snapshot = snapshots.get(tx, wish.snapshot_id, None if context.is_admin else context.owner)
        if snapshot.state is not SnapshotState.AVAILABLE or snapshot.task is not None:
            raise Invalid("Invalid snapshot: Originating snapshot status must be one of 'available' values")
        source = volumes.get(tx, context, snapshot.volume_id)
        size = _size(wish, snapshot.size_gb, snapshot.size_gb, "the snapshot")
        return {"size_gb": size, "snapshot_id": snapshot.id, **_inherited(source)}
    if wish.source_volume_id:
        source = volumes.get(tx, context, wish.source_volume_id)
        if source.state not in (State.AVAILABLE, State.IN_USE) or source.task is not None:
            raise Invalid("Invalid volume: the source volume must be available or in-use.", field="source_volid")
        size = _size(wish, source.size_gb, source.size_gb, "the source volume")
        return {"size_gb": size, "source_volume_id": source.id, **_inherited(source)}
    return {"size_gb": _size(wish, 1, 0, "a volume")}


def _size(wish: NewVolume, least: int, usual: int, what: str) -> int:
    """``usual`` 0: a size must be given."""
    size = usual if wish.size_gb is None else wish.size_gb
    if size < 1:
        raise Invalid("Invalid input received: Volume size must be an integer and greater than 0.", field="size")
    if size < least:
        raise Invalid(f"Invalid input received: {size} GiB are less than {what} needs: {least} GiB.", field="size")
    return size


def _inherited(source: Volume) -> dict[str, Any]:
    return {"bootable": source.bootable, "image_metadata": source.image_metadata}


def _described(image: Image) -> dict[str, Any]:
    """The image as ``volume_image_metadata`` tells of it: everything is text there."""
    own = {
        "image_id": image.id, "image_name": image.name or "", "checksum": image.checksum or "",
        "container_format": image.container_format or "", "disk_format": image.disk_format or "",
        "min_disk": str(image.min_disk), "min_ram": str(image.min_ram), "size": str(image.size),
    }  # fmt: skip
    return {**{name: str(value) for name, value in image.properties.items()}, **own}


def check_size(service: VolumeServices, tx: Tx, project_id: str, size_gb: int) -> None:
    largest = quotas.limits(tx, project_id, service.quota)["per_volume_gigabytes"]
    if 0 <= largest < size_gb:
        details = {"resource": "per_volume_gigabytes", "requested": size_gb, "used": 0, "limit": largest}
        raise QuotaExceeded(f"A volume has at most {largest} GiB here.", **details)
