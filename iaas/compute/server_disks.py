"""The volumes of a new server, checked and promised to it in the transaction that makes the server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from iaas.compute import fitting, named_by_images
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db.engine import Tx
from iaas.errors import Invalid, NotFound
from iaas.model.flavor import Flavor
from iaas.model.server_request import DiskSource, DiskWish, NewServers
from iaas.model.volume import Volume
from iaas.volume.facade import NewVolume

FIELD = "block_device_mapping_v2"
_VIRTIO = re.compile(r"(?:/dev/)?vd[a-z]")


def check(compute: Compute, tx: Tx, context: Context, wish: NewServers, flavor: Flavor) -> Mapping[str, Any]:
    """Whether the root disk boots on this flavor, and the rest fits the request. Gives the properties of the image that
    the root disk is made of, as far as they are known.

    Raises Invalid, NotFound, and Forbidden for a flavor whose local root disk the caller may not use.
    """
    for what, said, has in (
        ("Ephemeral disks", wish.local.ephemeral_gb, flavor.ephemeral_gb),
        ("Swap", wish.local.swap_mb, flavor.swap_mb),
    ):
        if said not in (0, has):
            raise Invalid(f"{what} of {said} can't be had: this flavor has {has}.", field=FIELD)
    if wish.max_count > 1 and any(item.source is DiskSource.VOLUME for item in wish.disks):
        raise Invalid("A volume can't be shared by several servers.", field=FIELD)
    if wish.image_id is not None:
        try:
            image = compute.image.get_for_boot(tx, context, wish.image_id)
        except NotFound as error:
            raise Invalid("Can not find requested image", field="imageRef") from error
        fitting.check(image, flavor, wish.zero_disk)
        named_by_images.check(compute, tx, context, image.properties, "imageRef")
        return image.properties
    return _check_root(compute, tx, context, next(item for item in wish.disks if item.boot_index == 0), flavor)


def _check_root(compute: Compute, tx: Tx, context: Context, root: DiskWish, flavor: Flavor) -> Mapping[str, Any]:
    if root.source is DiskSource.IMAGE:
        assert root.id is not None
        image = compute.image.get_for_boot(tx, context, root.id)
        fitting.check_memory(image.min_ram, flavor)
        named_by_images.check(compute, tx, context, image.properties, FIELD)
        return image.properties
    if root.source is DiskSource.VOLUME:
        assert root.id is not None
        volume = compute.volume.get(tx, context, root.id)
        if not volume.bootable:
            raise Invalid(f"Block Device {root.id} is not bootable.", field=FIELD)
        return _check_described(compute, tx, context, volume, flavor)
    if root.source is DiskSource.SNAPSHOT:
        assert root.id is not None
        source = compute.volume.snapshot(tx, context, root.id).volume_id
        return _check_described(compute, tx, context, compute.volume.get(tx, context, source), flavor)
    raise Invalid("Block Device Mapping is Invalid: a blank volume is not bootable.", field=FIELD)


def needs_config_drive(compute: Compute, properties: Mapping[str, Any]) -> bool:
    """Whether a server made of an image with these properties gets a config drive that nobody asked for."""
    return compute.force_config_drive or properties.get("img_config_drive") == "mandatory"


def _check_described(compute: Compute, tx: Tx, context: Context, volume: Volume, flavor: Flavor) -> Mapping[str, Any]:
    """By what the volume remembers of the image that it was made of. Raises Invalid."""
    described = volume.image_metadata or {}
    least = str(described.get("min_ram") or "0")
    fitting.check_memory(int(least) if least.isdigit() else 0, flavor)
    named_by_images.check(compute, tx, context, described, FIELD)
    return described


def promise(compute: Compute, tx: Tx, context: Context, server_id: str, wish: NewServers, flavor: Flavor) -> None:
    """Reserves the volumes that there are, and has the others made. Raises NotFound, Invalid, Conflict (a device name
    twice), QuotaExceeded."""
    local = flavor.local_devices(root=wish.image_id is not None)
    named = [item for item in wish.disks if item.boot_index == 0 or _device(item)]
    for item in (*named, *(item for item in wish.disks if item not in named)):
        placed: dict[str, Any] = {
            "device": _device(item) if item.boot_index != 0 else None, "taken": local, "boot_index": item.boot_index,
            "delete_on_termination": item.delete_on_termination, "tag": item.tag,
        }  # fmt: skip
        if item.source is DiskSource.VOLUME:
            assert item.id is not None
            compute.volume.reserve(tx, context, item.id, server_id, **placed)
        else:
            compute.volume.create_for_server(tx, context, server_id, _new(item), **placed)


def _new(item: DiskWish) -> NewVolume:
    return NewVolume(
        size_gb=item.size_gb,
        volume_type=item.volume_type,
        image_id=item.id if item.source is DiskSource.IMAGE else None,
        snapshot_id=item.id if item.source is DiskSource.SNAPSHOT else None,
    )


def _device(item: DiskWish) -> str | None:
    """A name that is no virtio disk's is a wish that no disk here can fulfil: it gets the next free one."""
    return item.device if item.device and _VIRTIO.fullmatch(item.device) else None
