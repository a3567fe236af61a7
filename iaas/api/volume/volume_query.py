"""The query of GET /volumes as a filter. Filters that only administrators have are not heard from others (S-055)."""

from __future__ import annotations

import ast
from typing import Any

from iaas.api.call import Call
from iaas.api.schema import as_bool
from iaas.api.volume import rules
from iaas.db.volume.volume_lists import Wanted
from iaas.errors import Invalid
from iaas.volume.service import VolumeServices

_MAX_METADATA = 2000  # characters of the metadata filter


def wanted(call: Call[VolumeServices]) -> Wanted:
    """Raises Invalid for a filter that can't be read."""
    query, privileged = call.query, call.allows(rules.ALL_TENANTS.name)
    project: str | None = call.context.owner
    if privileged and everybody(call):
        project = query.get("project_id")
    equal: dict[str, Any] = {}
    for key, column in (("display_name", "name"), ("name", "name"), ("availability_zone", "availability_zone")):
        if key in query:
            equal[column] = query[key]
    if privileged:
        equal |= {key: query[key] for key in ("host", "user_id") if key in query}
    if "bootable" in query:
        equal["bootable"] = as_bool(query["bootable"])
    if "size" in query:
        equal["size_gb"] = _number(query["size"], "size")
    return Wanted(
        project_id=project, equal=equal, status=query.get("status"), metadata=_metadata(query.get("metadata")),
        nothing=_about_nothing(call),
    )  # fmt: skip


def everybody(call: Call[Any]) -> bool:
    """``all_tenants``; alone it means yes."""
    text = call.query.get("all_tenants")
    return text is not None and (text == "" or as_bool(text))


def offset(call: Call[Any]) -> int:
    return _number(call.query.get("offset", "0"), "offset")


def _about_nothing(call: Call[Any]) -> bool:
    """Filters about what no volume here has: an image's metadata, a group."""
    glance = call.at_least("3.4") and _metadata(call.query.get("glance_metadata"))
    return bool(glance) or (call.at_least("3.10") and bool(call.query.get("group_id")))


def _number(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Invalid(f"{name} must be an integer", field=name)
    return int(text)


def _metadata(text: str | None) -> dict[str, str]:
    """Clients send a dictionary as Python writes it, ``{'a': 'b'}``."""
    if not text:
        return {}
    try:
        if len(text) > _MAX_METADATA:
            raise ValueError("too long")
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(item, str) for pair in found.items() for item in pair):
        raise Invalid("The metadata filter is a dictionary of texts.", field="metadata")
    return found
