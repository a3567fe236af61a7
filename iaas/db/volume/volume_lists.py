"""Lists of volumes: filters, sort keys and markers as one bounded query. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.volume import volumes
from iaas.db.volume.volumes import COLUMNS, value
from iaas.errors import Invalid
from iaas.model.volume import State, Task, Volume

# the volume API's name of a sort key -> column
SORT_KEYS: Mapping[str, str] = {
    "id": "id", "created_at": "created_at", "updated_at": "updated_at", "name": "name", "display_name": "name",
    "size": "size_gb", "status": "state", "availability_zone": "availability_zone", "bootable": "bootable",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which volumes; None and empty mean: whatever. ``equal``: column -> value, ``status``: the API's word,
    ``metadata``: items that they must have, ``nothing``: a filter that no volume here can pass."""

    project_id: str | None = None
    equal: Mapping[str, Any] = field(default_factory=dict)
    status: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    nothing: bool = False


def page(
    tx: Tx, wanted: Wanted, limit: int, marker: str | None = None, sort: Sequence[tuple[str, str]] = (), offset: int = 0
) -> list[Volume]:
    """At most ``limit`` volumes after the marker; ``sort`` holds SORT_KEYS names. Raises Invalid for the marker."""
    pairs = [(SORT_KEYS[key], direction) for key, direction in sort] or [("created_at", "desc")]
    if "id" not in (name for name, _ in pairs):
        pairs.append(("id", pairs[-1][1]))
    query = sa.select(*COLUMNS).where(*_conditions(wanted)).limit(limit).offset(offset)
    if marker is not None:
        query = query.where(_after(tx, wanted, marker, pairs))
    for name, direction in pairs:
        query = query.order_by(_key(name).desc() if direction == "desc" else _key(name).asc())
    return [value(row) for row in tx.all(query)]


def summary(tx: Tx, wanted: Wanted) -> tuple[int, int]:
    """Their number, and the sum of their sizes in GiB."""
    size = sa.func.sum(volumes.c.size_gb)
    row = tx.first(sa.select(sa.func.count().label("number"), size.label("gb")).where(*_conditions(wanted)))
    assert row is not None
    return int(row.number), int(row.gb or 0)


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    c = volumes.c
    found: list[sa.ColumnElement[bool]] = [c.deleted_at.is_(None)]
    found += [c[name] == asked for name, asked in wanted.equal.items()]
    if wanted.project_id is not None:
        found.append(c.project_id == wanted.project_id)
    if wanted.status is not None:
        found.append(_in_status(wanted.status))
    found += [_has_item(key, text) for key, text in wanted.metadata.items()]
    return [*found, sa.false()] if wanted.nothing else found


def _in_status(status: str) -> sa.ColumnElement[bool]:
    """A task hides the state that it is to change."""
    if status in list(Task):
        return volumes.c.task == status
    if status in list(State):
        return sa.and_(volumes.c.state == status, volumes.c.task.is_(None))
    return sa.false()


def _has_item(key: str, text: str) -> sa.ColumnElement[bool]:
    if '"' in key or "\\" in key:  # can't be named in SQLite's paths; no client makes such a key
        return sa.false()
    found: sa.ColumnElement[bool] = volumes.c.metadata[key].as_string() == text
    return found


def _key(name: str) -> sa.ColumnElement[Any]:
    """A sort key without NULL, which the databases sort differently."""
    column = volumes.c[name]
    return sa.func.coalesce(column, "") if column.nullable else column


def _after(tx: Tx, wanted: Wanted, marker: str, pairs: Sequence[tuple[str, str]]) -> sa.ColumnElement[bool]:
    mine = [volumes.c.id == marker, volumes.c.deleted_at.is_(None)]
    if wanted.project_id is not None:
        mine.append(volumes.c.project_id == wanted.project_id)
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
