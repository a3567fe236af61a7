"""The query of a list of images: published filters and their operators; any other key is a property's value."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime

from iaas.api import paging, schema
from iaas.api.image import protected
from iaas.api.image.access import ImageCall
from iaas.db.image.listing import Filter
from iaas.errors import Invalid
from iaas.model.image import MemberStatus, State, Task, Visibility

_MOST_VALUES = 500
_MOST_CONDITIONS = 64  # of a kind: properties, tags, times
_COLUMNS = {
    "id": "id", "name": "name", "owner": "project_id", "disk_format": "disk_format",
    "container_format": "container_format", "checksum": "checksum", "os_hash_algo": "hash_algo",
    "os_hash_value": "hash_value",
}  # fmt: skip
_NUMBERS = {
    "size_min": ("size", "gte"), "size_max": ("size", "lte"), "size": ("size", "eq"),
    "min_disk": ("min_disk", "eq"), "min_ram": ("min_ram", "eq"), "virtual_size": ("virtual_size", "eq"),
}  # fmt: skip
_TIMES = ("created_at", "updated_at")
_OPERATORS = ("eq", "neq", "gt", "gte", "lt", "lte")
_STATUSES = {State.QUEUED, Task.SAVING, State.UPLOADING, Task.IMPORTING, State.ACTIVE, State.DEACTIVATED}
_OLD_STATUSES = {"killed", "deleted", "pending_delete"}  # valid words, never seen here
_SINGLE = {"visibility", "member_status", "status", "os_hidden", "protected", "tag"}
_PAGING = {"limit", "marker", "sort", "sort_key", "sort_dir"}


def wanted(call: ImageCall) -> Filter:
    """Raises Invalid."""
    query = call.query
    others = set(query) - _PAGING - _SINGLE - set(_COLUMNS) - set(_NUMBERS) - set(_TIMES)
    among = {_COLUMNS[name]: _values(name, query[name]) for name in _COLUMNS if name in query}
    tags = tuple(dict.fromkeys(call.query_lists.get("tag", ())))
    times = [(name, text) for name in _TIMES for text in call.query_lists.get(name, ())]
    if max(len(others), len(tags), len(times)) > _MOST_CONDITIONS:
        raise Invalid(f"A list has at most {_MOST_CONDITIONS} conditions of a kind.")
    if not all(protected.may(call, "read", name) for name in others):
        among = {"id": ()}  # nothing has a property that the caller can't read
    member_status = query.get("member_status", MemberStatus.ACCEPTED.value)
    return Filter(
        among=among,
        visibility=_visibility(query.get("visibility")),
        member_status=None if member_status == "all" else _member_status(member_status),
        status=_status(query["status"]) if "status" in query else (),
        hidden=schema.as_bool(query.get("os_hidden", False)),
        protected=_boolean(query["protected"]) if "protected" in query else None,
        tags=tags,
        numbers=[(*_NUMBERS[name], _number(name, query[name])) for name in _NUMBERS if name in query],
        times=[_time(name, text) for name, text in times],
        properties={name: query[name] for name in sorted(others)},
    )


def _visibility(text: str | None) -> str | None:
    if text is None or text == "all" or text in set(Visibility):
        return text
    raise Invalid(f"Invalid visibility value: {text[:32]!r}", field="visibility")


def _member_status(text: str) -> str:
    if text not in set(MemberStatus):
        raise Invalid(f"Invalid status: {text[:32]!r}", field="member_status")
    return text


def _status(text: str) -> tuple[str, ...]:
    values = _values("status", text)
    for value in values:
        if value not in _STATUSES and value not in _OLD_STATUSES:
            raise Invalid(f"Invalid status value: {value[:32]!r}", field="status")
    return tuple(values)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Invalid(f"Invalid value {text[:32]!r} for 'protected'. Valid values are 'true' or 'false'.")
    return text.lower() == "true"


def _number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid(f"{name} must be a non-negative integer.", field=name)
    return int(text)


def _time(name: str, text: str) -> tuple[str, str, datetime]:
    """``gte:2026-01-31T12:00:00Z``; without an operator, equal. A time without a zone is UTC."""
    operator, _, rest = text.partition(":")
    if operator not in _OPERATORS:
        operator, rest = "eq", text
    return name, operator, paging.moment_of(rest, name)


def _values(name: str, text: str) -> Sequence[str]:
    """``in:a,"b,c"`` is any of them; anything else is itself. Raises Invalid."""
    if not text.startswith("in:"):
        return [text]
    try:
        rows = list(csv.reader([text[3:]], strict=True))
    except csv.Error:
        raise Invalid(f"Invalid value of the filter {name}: unbalanced quotes.", field=name) from None
    values = [value for row in rows for value in row]
    if not values or "" in values or len(values) > _MOST_VALUES:
        raise Invalid(f"Invalid value of the filter {name}: {text[:64]!r}", field=name)
    return values
