"""The image API's dialect of JSON patch: one level deep, on attributes and free properties. Pure.

Two published forms: ``{"op": "replace", "path": "/name", "value": …}`` and the older
``{"replace": "/name", "value": …}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iaas.api.image import attributes
from iaas.errors import Conflict, Forbidden, Invalid
from iaas.image.properties import RESERVED

NEW = "application/openstack-images-v2.1-json-patch"
OLD = "application/openstack-images-v2.0-json-patch"
OPERATIONS = ("add", "replace", "remove")
BODY: Mapping[str, Any] = {
    "type": "array",
    "maxItems": 1000,
    "items": {"type": "object", "maxProperties": 4},
}


def apply(document: Mapping[str, Any], changes: Sequence[Mapping[str, Any]], media: str) -> dict[str, Any]:
    """The document (attributes that a client may set, and free properties) after all changes.

    Raises Invalid (malformed), Forbidden (read-only, reserved, or an attribute that can't be removed), Conflict
    (removes or replaces what is not there, or adds what is).
    """
    result = dict(document)
    for change in changes:
        operation, name = _parsed(change, media)
        attributes.refuse_fixed({name})
        if name == "id":
            raise Forbidden("Attribute 'id' is read-only.")
        if operation == "remove":
            _remove(result, name)
            continue
        if "value" not in change:
            raise Invalid(f"Operation {operation!r} requires a member named 'value'.")
        _set(result, operation, name, change["value"])
    return result


def _parsed(change: Mapping[str, Any], media: str) -> tuple[str, str]:
    if media == OLD:
        found = [name for name in OPERATIONS if name in change]
        if len(found) != 1:
            raise Invalid("Operation objects must contain exactly one member named add, remove or replace.")
        return found[0], _name(change[found[0]])
    operation = change.get("op")
    if operation not in OPERATIONS:
        text = str(operation)[:32]
        raise Invalid(f"Invalid operation: `{text}`. It must be one of the following: {', '.join(OPERATIONS)}.")
    if "path" not in change:
        raise Invalid("Unable to find 'path' in JSON Schema change")
    return operation, _name(change["path"])


def _name(pointer: Any) -> str:
    """``/name`` as ``name``; the pointer's escapes are ~0 and ~1."""
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        raise Invalid('Pointer does not start with "/".')
    name = pointer[1:]
    if name.partition("/")[0] in RESERVED:
        return name.partition("/")[0]
    if not name or "/" in name or "~" in name.replace("~0", "").replace("~1", ""):
        raise Invalid(f"Invalid JSON pointer for this resource: {pointer[:64]!r}")
    return name.replace("~1", "/").replace("~0", "~")


def _remove(result: dict[str, Any], name: str) -> None:
    if name in attributes.FIELDS:
        raise Forbidden(f"Property {name} may not be removed.")
    if name not in result:
        raise Conflict(f"Property {name[:64]} does not exist.")
    del result[name]


def _set(result: dict[str, Any], operation: str, name: str, value: Any) -> None:
    if name not in attributes.FIELDS:
        if operation == "replace" and name not in result:
            raise Conflict(f"Property {name[:64]} does not exist.")
        if operation == "add" and name in result:
            raise Conflict(f"Property {name[:64]} already present.")
    result[name] = value
