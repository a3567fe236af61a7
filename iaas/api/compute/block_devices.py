"""block_device_mapping_v2 of POST /servers: its schema, and which disk is the root disk. No database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.schema import BOOLEAN, as_bool
from iaas.errors import Invalid
from iaas.ids import is_uuid
from iaas.model.server_request import DiskSource, DiskWish, LocalDisks

FIELD = "block_device_mapping_v2"
_WORD = {"type": ["string", "null"], "maxLength": 255}
_NUMBER = {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]{0,9}$", "maximum": 1000000}
_ITEM = {
    "type": "object",
    "properties": {
        "source_type": {"type": "string", "enum": ["volume", "image", "snapshot", "blank"]},
        "destination_type": {"type": ["string", "null"], "enum": ["local", "volume", None]},
        "uuid": {"type": ["string", "null"], "maxLength": 64},
        "boot_index": _NUMBER,
        "volume_size": _NUMBER,
        "volume_type": _WORD,
        "delete_on_termination": BOOLEAN,
        "device_name": _WORD,
        "guest_format": _WORD,
        "disk_bus": _WORD,
        "device_type": _WORD,
        "no_device": {"type": ["string", "boolean", "null"]},
        "tag": {"type": "string", "minLength": 1, "maxLength": 60, "pattern": "^[^,/]*$"},
    },
    "additionalProperties": False,
}
SCHEMA = {"type": "array", "items": _ITEM, "maxItems": 32}
_TAG_MINORS = (32, *range(42, 1000))  # published in 2.32, broken until 2.42
_TYPE_MINOR = 67
_BOOT = ("Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination "
         "is not valid.")  # fmt: skip


def read(body: Mapping[str, Any], minor: int) -> tuple[str | None, tuple[DiskWish, ...], LocalDisks]:
    """The image of a local root disk (None: the root disk is a volume), the volumes in the order of the request, and
    what it says of the flavor's own disks. Raises Invalid."""
    image: str | None = (body.get("imageRef") or "").rstrip("/").rpartition("/")[2] or None
    if image is not None and not is_uuid(image):
        raise Invalid("Invalid imageRef provided.", field="imageRef")
    wishes, ephemeral, swap = [], 0, 0
    roots: list[DiskWish | str] = []
    for item in body.get(FIELD, ()):
        _check(item, minor)
        source, target = item.get("source_type"), _destination(item)
        root = _integer(item, "boot_index") == 0
        if target == "volume":
            wish = _volume(item, source)
            wishes.append(wish)
            roots += [wish] if root else []
        elif source == "blank":
            size = _integer(item, "volume_size") or 0
            if item.get("guest_format") == "swap":
                swap += size
            else:
                ephemeral += size
        elif source == "image" and root:
            roots.append(str(item["uuid"]))
        else:
            raise _invalid(f"Mapping {source} to local is not supported, but for the root disk from an image.")
    return _root(image, roots), tuple(wishes), LocalDisks(ephemeral_gb=ephemeral, swap_mb=swap)


def _root(image: str | None, roots: list[DiskWish | str]) -> str | None:
    """imageRef and the mapping may both name the image of the local root disk, but only one root disk."""
    if len(roots) > 1 or not (roots or image):
        raise _invalid(_BOOT)
    if not roots:
        return image
    root = roots[0]
    named = root if isinstance(root, str) else root.id if root.source is DiskSource.IMAGE else None
    if image is not None and named != image:
        raise _invalid(_BOOT)
    return root if isinstance(root, str) else None


def _check(item: Mapping[str, Any], minor: int) -> None:
    if "tag" in item and minor not in _TAG_MINORS:
        raise Invalid("Additional properties are not allowed ('tag' was unexpected)", field=FIELD)
    if "volume_type" in item and minor < _TYPE_MINOR:
        raise Invalid("Additional properties are not allowed ('volume_type' was unexpected)", field=FIELD)
    if item.get("no_device"):
        raise _invalid("'no_device' is for mappings of the image, which this platform does not read.")
    for name, usual in (("disk_bus", "virtio"), ("device_type", "disk")):
        if item.get(name) not in (None, "", usual):
            raise _invalid(f"{name} {item[name]!r} is not offered: disks are {usual}.")
    source = item.get("source_type")
    if source is None:
        raise Invalid(f"Invalid input for field/attribute {FIELD}. 'source_type' is a required property", field=FIELD)
    if source != "blank" and not is_uuid(item.get("uuid") or ""):
        raise _invalid("Missing device UUID.")


def _destination(item: Mapping[str, Any]) -> str:
    usual = "volume" if item["source_type"] in ("volume", "snapshot") else "local"
    return item.get("destination_type") or usual


def _volume(item: Mapping[str, Any], source: str) -> DiskWish:
    size = _integer(item, "volume_size")
    if not size and source in ("image", "blank"):
        what = "Images with destination_type 'volume'" if source == "image" else "Blank volumes"
        raise _invalid(f"{what} need to have a non-zero size specified")
    if source == "blank" and item.get("uuid"):
        raise _invalid("A blank volume has no uuid.")
    index = _integer(item, "boot_index")
    return DiskWish(
        source=DiskSource(source), id=item.get("uuid") or None, size_gb=size or None,
        boot_index=index if index is not None and index >= 0 else None,
        delete_on_termination=as_bool(item.get("delete_on_termination", False)),
        device=item.get("device_name") or None, tag=item.get("tag"), volume_type=item.get("volume_type") or None,
    )  # fmt: skip


def _integer(item: Mapping[str, Any], name: str) -> int | None:
    value = item.get(name)
    if value in (None, ""):
        return None
    number = int(value)
    if number < 0 and name == "volume_size":
        raise Invalid(f"Invalid input for field/attribute {FIELD}. {name} is negative.", field=FIELD)
    return number


def _invalid(words: str) -> Invalid:
    return Invalid(words if words.startswith("Block") else f"Block Device Mapping is Invalid: {words}", field=FIELD)
