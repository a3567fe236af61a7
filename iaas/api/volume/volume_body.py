"""Bodies of POST and PUT /volumes: their schemas, and the wish that they are read as.

What the published API can make a volume of, and this platform can't yet, is refused in words of its own: a client
that asked for an image's content must not get an empty disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.schema import as_bool, obj
from iaas.errors import Invalid
from iaas.volume.volumes import MAX_METADATA
from iaas.volume.wish import NewVolume

MAX_SIZE_GB = 2**20  # a sane bound (1 PiB), so that sums stay far from any integer's end (S-108)
_TEXT = {"type": ["string", "null"], "maxLength": 255}
_NONE = {"type": "null"}  # sent by older clients without meaning anything by it
ITEMS = {
    "type": "object",
    "patternProperties": {r"^[a-zA-Z0-9_:. -]{1,255}$": {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
    "maxProperties": MAX_METADATA,
}
_ITEMS = {**ITEMS, "type": ["object", "null"]}
_SIZE = {"type": ["integer", "string", "null"], "pattern": "^[0-9]{1,9}$", "minimum": 0}
_NAMES = {"name": _TEXT, "description": _TEXT, "display_name": _TEXT, "display_description": _TEXT}
_SOURCES = ("imageRef", "image_id", "snapshot_id", "source_volid")
_NOT_OFFERED = ("source_replica", "backup_id", "consistencygroup_id", "group_id")
_CREATE = {
    **_NAMES, **dict.fromkeys((*_SOURCES, *_NOT_OFFERED), _TEXT), "size": _SIZE, "volume_type": _TEXT,
    "availability_zone": _TEXT, "metadata": _ITEMS, "multiattach": {"type": ["boolean", "string", "null"]},
    "user_id": _NONE, "project_id": _NONE, "status": _NONE, "attach_status": _NONE,
}  # fmt: skip
_HINTS = {"type": ["object", "null"]}
CREATE = obj({"volume": obj(_CREATE), "OS-SCH-HNT:scheduler_hints": _HINTS}, ("volume",))
UPDATE = obj({"volume": {**obj({**_NAMES, "metadata": _ITEMS}), "minProperties": 1}}, ("volume",))


def new_volume(body: Mapping[str, Any]) -> NewVolume:
    """Raises Invalid for what is not offered, and for a size that is none."""
    wanted = body["volume"]
    for name in _NOT_OFFERED:
        if wanted.get(name):
            raise Invalid(f"Creating a volume with {name} is not supported yet.", field=name)
    if body.get("OS-SCH-HNT:scheduler_hints"):
        raise Invalid("Scheduler hints for volumes are not supported yet.", field="OS-SCH-HNT:scheduler_hints")
    return NewVolume(
        size_gb=_size(wanted.get("size")),
        **described(wanted),
        volume_type=wanted.get("volume_type"),
        availability_zone=wanted.get("availability_zone"),
        metadata=wanted.get("metadata") or {},
        image_id=wanted.get("imageRef") or wanted.get("image_id"),
        snapshot_id=wanted.get("snapshot_id"),
        source_volume_id=wanted.get("source_volid"),
        multiattach=as_bool(wanted.get("multiattach") or False),
    )


def changes(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a PUT changes: only what it names."""
    wanted = body["volume"]
    found: dict[str, Any] = {
        name: value for name, value in described(wanted).items() if name in wanted or f"display_{name}" in wanted
    }
    return {**found, "metadata": wanted["metadata"]} if wanted.get("metadata") is not None else found


def described(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Name and description, also under the names that they had in version 1."""
    return {name: wanted.get(name, wanted.get(f"display_{name}")) for name in ("name", "description")}


def _size(given: Any) -> int | None:
    """None: as large as what the volume is made of."""
    if given is None:
        return None
    size = int(given)
    if size > MAX_SIZE_GB:
        raise Invalid(f"Invalid input received: a volume has at most {MAX_SIZE_GB} GiB.", field="size")
    return size
