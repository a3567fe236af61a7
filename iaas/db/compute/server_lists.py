"""Lists of servers: filters, sort keys and markers as one bounded query. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from iaas.db.compute import tags
from iaas.db.compute.servers import SELECT, value
from iaas.db.engine import Tx
from iaas.db.schema.compute import servers
from iaas.db.schema.metadata import UtcDateTime
from iaas.errors import Invalid
from iaas.model.server import Server, State, Task

# the compute API's name of a sort key -> column
SORT_KEYS: Mapping[str, str] = {
    "created_at": "created_at", "display_name": "name", "display_description": "description", "hostname": "hostname",
    "uuid": "id", "id": "id", "image_ref": "image_id", "instance_type_id": "flavor_id", "key_name": "key_name",
    "launch_index": "launch_index", "launched_at": "launched_at", "power_state": "power", "project_id": "project_id",
    "task_state": "task", "terminated_at": "terminated_at", "updated_at": "updated_at", "user_id": "user_id",
    "vm_state": "state", "availability_zone": "availability_zone", "config_drive": "config_drive",
    "reservation_id": "reservation_id", "locked": "locked", "host": "host", "node": "node",
}  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which servers. None and empty mean: whatever.

    ``equal``: column -> value. ``name``: a part of the name, case ignored, with ``^`` and ``$`` as anchors and
    nothing else special (S-114). ``statuses``: (state, task) pairs, task None being any. ``deleted``: False: live
    ones, True: deleted ones, None: both.
    """

    project_id: str | None = None
    deleted: bool | None = False
    equal: Mapping[str, Any] = field(default_factory=dict)
    ids: Sequence[str] | None = None
    name: str | None = None
    statuses: Sequence[tuple[State, Task | None]] | None = None
    changes_since: datetime | None = None
    changes_before: datetime | None = None
    tags: Sequence[str] = ()
    tags_any: Sequence[str] = ()
    not_tags: Sequence[str] = ()
    not_tags_any: Sequence[str] = ()


def page(
    tx: Tx, wanted: Wanted, limit: int, marker: str | None = None, sort: Sequence[tuple[str, str]] = ()
) -> list[Server]:
    """At most ``limit`` servers after the marker; ``sort`` holds SORT_KEYS names. Raises Invalid for the marker."""
    pairs = [(SORT_KEYS[key], direction) for key, direction in sort] or [("created_at", "desc")]
    if "id" not in (name for name, _ in pairs):
        pairs.append(("id", pairs[-1][1]))
    query = SELECT.where(*_conditions(wanted)).limit(limit)
    if marker is not None:
        query = query.where(_after(tx, wanted, marker, pairs))
    for name, direction in pairs:
        key = _key(name)
        query = query.order_by(key.desc() if direction == "desc" else key.asc())
    return [value(row) for row in tx.all(query)]


def count(tx: Tx, wanted: Wanted) -> int:
    return int(tx.scalar(sa.select(sa.func.count()).select_from(servers).where(*_conditions(wanted))))


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    c = servers.c
    found: list[sa.ColumnElement[bool]] = [c[name] == item for name, item in wanted.equal.items()]
    if wanted.project_id is not None:
        found.append(c.project_id == wanted.project_id)
    if wanted.deleted is not None:
        found.append(c.deleted_at.is_not(None) if wanted.deleted else c.deleted_at.is_(None))
    if wanted.ids is not None:
        found.append(c.id.in_(wanted.ids))
    if wanted.name:
        found.append(_named(wanted.name))
    if wanted.statuses is not None:
        found.append(sa.or_(sa.false(), *(_in_status(state, task) for state, task in wanted.statuses)))
    if wanted.changes_since:
        found.append(c.updated_at >= wanted.changes_since)
    if wanted.changes_before:
        found.append(c.updated_at <= wanted.changes_before)
    return found + tags.wanted(c.id, wanted.tags, wanted.tags_any, wanted.not_tags, wanted.not_tags_any)


def _named(text: str) -> sa.ColumnElement[bool]:
    start, end = text.startswith("^"), text.endswith("$") and not text.endswith("\\$")
    literal = text[1 if start else 0 : len(text) - (1 if end else 0)]
    plain, escaped = "", False
    for letter in literal:  # "a\.b" is how clients write a literal dot
        if letter == "\\" and not escaped:
            escaped = True
            continue
        plain, escaped = plain + letter, False
    for special in ("/", "%", "_"):
        plain = plain.replace(special, "/" + special)
    pattern = ("" if start else "%") + plain + ("" if end else "%")
    return servers.c.name.ilike(pattern, escape="/")


def _in_status(state: State, task: Task | None) -> sa.ColumnElement[bool]:
    same = servers.c.state == state.value
    return same if task is None else same & (servers.c.task == task.value)


def _key(name: str) -> sa.ColumnElement[Any]:
    """A sort key without NULL, which the databases sort differently."""
    column = servers.c[name]
    if not column.nullable:
        return column
    empty = _EPOCH if isinstance(column.type, UtcDateTime) else ""
    return sa.func.coalesce(column, sa.literal(empty, column.type), type_=column.type)


def _after(tx: Tx, wanted: Wanted, marker: str, pairs: Sequence[tuple[str, str]]) -> sa.ColumnElement[bool]:
    mine = [servers.c.id == marker]
    if wanted.project_id is not None:
        mine.append(servers.c.project_id == wanted.project_id)
    row = tx.first(sa.select(*(_key(name).label(name) for name, _ in pairs)).where(*mine))
    if row is None:
        raise Invalid(f"marker [{marker[:64]}] not found", field="marker")
    choices: list[sa.ColumnElement[bool]] = []
    equal: list[sa.ColumnElement[bool]] = []
    for name, direction in pairs:
        key, at = _key(name), row._mapping[name]
        choices.append(sa.and_(*equal, key < at if direction == "desc" else key > at))
        equal.append(key == at)
    return sa.or_(*choices)
