"""What an image says, by its properties, that a guest boots from besides it: a kernel, a ramdisk, volumes (S-024)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db.engine import Tx
from iaas.errors import Invalid, NotFound

_IMAGES = ("kernel_id", "ramdisk_id")
_MAPPING = "block_device_mapping"
_MAX_DEVICES = 32  # as many as a request may name


def check(compute: Compute, tx: Tx, context: Context, properties: Mapping[str, Any], field: str) -> None:
    """``properties``: of the image, or what a volume made of it remembers. An id in them is judged as if the caller
    had named it: what is not the caller's to see never existed.

    Raises Invalid for such an id, in the words for it; for a mapping that is none; and for what is there: hosts boot
    guests from the root disk alone, and what an image asks for is not left out in silence.
    """
    look: dict[str, Callable[[Tx, Context, str], object]] = {
        "image": compute.image.get_for_boot, "volume": compute.volume.get, "snapshot": compute.volume.snapshot,
    }  # fmt: skip
    named = {name: [("image", str(properties[name]))] for name in _IMAGES if properties.get(name)}
    if devices := _devices(properties.get(_MAPPING), field):
        named[_MAPPING] = list(_references(devices))
    try:
        for references in named.values():
            for kind, id in references:
                look[kind](tx, context, id)
    except NotFound as error:
        raise Invalid(error.message, field=field) from error
    if named:
        raise Invalid(
            f"The image's {', '.join(named)} can't be followed: guests boot from their root disk here. Remove the "
            "property, or name volumes in the request.", field=field,
        )  # fmt: skip


def _devices(text: Any, field: str) -> list[dict[str, Any]]:
    """The property is JSON of a list, as clouds write it that make images of servers with volumes. Raises Invalid."""
    try:
        found = json.loads(str(text or "[]"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) > _MAX_DEVICES or not all(isinstance(item, dict) for item in found):
        words = f"The image's {_MAPPING} is not a list of at most {_MAX_DEVICES} devices."
        raise Invalid(words, field=field)
    return found


def _references(devices: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Noun and id, in both ways of writing them."""
    for item in devices:
        for kind in ("image", "volume", "snapshot"):
            if id := item.get(f"{kind}_id"):
                yield kind, str(id)
            if item.get("source_type") == kind and (id := item.get("uuid")):
                yield kind, str(id)
