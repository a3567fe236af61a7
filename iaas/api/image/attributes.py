"""The published attributes of an image: which a client may set, their JSON schema, and the checks beyond it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api import schema
from iaas.api.image.access import COMMUNITIZE_IMAGE, PUBLICIZE_IMAGE, ImageCall
from iaas.errors import Forbidden, Invalid
from iaas.image import properties
from iaas.model.image import Visibility

CONTAINERS = ("bare", "ami", "ari", "aki")
_AMAZON = {"ami", "ari", "aki"}
_MOST = 2147483647
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# API name -> field of model.image.Image
FIELDS: Mapping[str, str] = {
    "name": "name",
    "visibility": "visibility",
    "protected": "protected",
    "os_hidden": "hidden",
    "disk_format": "disk_format",
    "container_format": "container_format",
    "min_disk": "min_disk",
    "min_ram": "min_ram",
    "tags": "tags",
    "owner": "project_id",
}
READ_ONLY = frozenset({
    "status", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value", "created_at", "updated_at",
    "self", "file", "schema",
})  # fmt: skip
SETTABLE: Mapping[str, Any] = {
    "name": {"type": ["string", "null"], "maxLength": 255},
    "visibility": {"type": "string", "enum": [item.value for item in Visibility]},
    "protected": {"type": "boolean"},
    "os_hidden": {"type": "boolean"},
    "disk_format": {"type": ["string", "null"], "maxLength": 20},
    "container_format": {"type": ["string", "null"], "maxLength": 20},
    "min_disk": {"type": "integer", "minimum": 0, "maximum": _MOST},
    "min_ram": {"type": "integer", "minimum": 0, "maximum": _MOST},
    "tags": {"type": "array", "items": {"type": "string", "maxLength": 255}, "maxItems": 1024},
    "owner": {"type": ["string", "null"], "maxLength": 64},
}
_NULLABLE = {"kernel_id": {"type": ["string", "null"]}, "ramdisk_id": {"type": ["string", "null"]}}
CREATE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        **SETTABLE,
        **_NULLABLE,
        "id": {"type": "string", "pattern": f"^{UUID}$"},
        **{name: {} for name in (*READ_ONLY, *properties.RESERVED)},
    },
    "additionalProperties": {"type": "string"},
}
validate = schema.compiled(CREATE)


def is_fixed(name: str) -> bool:
    """Whether the service writes it and nobody else (S-018, S-019)."""
    return name in READ_ONLY or name in properties.RESERVED or name.startswith(properties.OURS)


def refuse_fixed(names: Mapping[str, Any] | set[str]) -> None:
    """Raises Forbidden when one of the names is not the client's to write."""
    for name in names:
        if is_fixed(name):
            words = "read-only" if name in READ_ONLY else "reserved"
            raise Forbidden(f"Attribute '{name[:64]}' is {words}.")


def split(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A validated body as fields of an Image (without id) and free properties. Raises Invalid, TooLarge."""
    fields = {FIELDS[name]: value for name, value in body.items() if name in FIELDS}
    if "visibility" in fields:
        fields["visibility"] = Visibility(fields["visibility"])
    if "tags" in fields:
        fields["tags"] = tuple(sorted(properties.checked_tags(fields["tags"])))
    if fields.get("name") is not None:
        properties.check("name", fields["name"])
    free = {name: value for name, value in body.items() if name not in FIELDS and name != "id" and value is not None}
    return fields, properties.checked(free)


def check_formats(call: ImageCall, disk: str | None, container: str | None) -> None:
    """Raises Invalid for formats that this cloud does not take, or that do not go together (S-009)."""
    allowed = call.services.options.formats
    if disk is not None and disk not in allowed:
        raise Invalid(f"Invalid disk format {disk!r}; allowed are {', '.join(allowed)}.", field="disk_format")
    if container is not None and container not in CONTAINERS:
        raise Invalid(f"Invalid container format {container!r}.", field="container_format")
    if disk and container and disk != container and _AMAZON & {disk, container}:
        raise Invalid(f"Formats {disk!r} and {container!r} do not go together.", field="container_format")


def check_visibility(call: ImageCall, wanted: Visibility, target: Mapping[str, Any]) -> None:
    """Raises Forbidden when the caller may not make an image visible to strangers (S-026)."""
    if wanted is Visibility.PUBLIC:
        call.enforce(PUBLICIZE_IMAGE.name, target)
    elif wanted is Visibility.COMMUNITY:
        call.enforce(COMMUNITIZE_IMAGE.name, target)
