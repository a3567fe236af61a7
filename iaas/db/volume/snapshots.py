"""Snapshot rows: insert, look up, and the verbs of the state machine, each one compare-and-swap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from iaas.db import machine
from iaas.db.engine import Tx
from iaas.db.schema.volume import snapshots
from iaas.errors import Invalid, NotFound
from iaas.model.volume import SNAPSHOT, Snapshot, SnapshotState, SnapshotTask

_C = snapshots.c
_SELECT = sa.select(*(_C[item.name] for item in fields(Snapshot)))
SORT_KEYS: Mapping[str, str] = {
    "id": "id", "created_at": "created_at", "updated_at": "updated_at", "name": "name", "status": "state",
}  # fmt: skip


def insert(tx: Tx, values: Mapping[str, Any]) -> None:
    """Inserts a snapshot that is to be made, its operation under fence 1."""
    now = tx.now()
    row = {"state": SnapshotState.NEW, "task": SnapshotTask.CREATING, "fence": 1, "version": 0, "metadata": {},
           "created_at": now, "updated_at": now}  # fmt: skip
    tx.insert(snapshots, {**row, **values})


def get(tx: Tx, snapshot_id: str, project_id: str | None = None, deleted: bool = False) -> Snapshot:
    """The snapshot, if it is the project's (None: anybody's); ``deleted``: also one that is. Raises NotFound."""
    query = _SELECT.where(_C.id == snapshot_id)
    if not deleted:
        query = query.where(_C.deleted_at.is_(None))
    if project_id is not None:
        query = query.where(_C.project_id == project_id)
    row = tx.first(query)
    if row is None:
        raise NotFound(f"Snapshot {snapshot_id[:64]} could not be found.", resource="snapshot", id=snapshot_id[:64])
    return _value(row)


def count_of(tx: Tx, volume_id: str) -> int:
    """How many snapshots the volume has, whatever their state."""
    living = (_C.volume_id == volume_id) & _C.deleted_at.is_(None)
    return int(tx.scalar(sa.select(sa.func.count()).select_from(snapshots).where(living)))


def of_volume(tx: Tx, volume_id: str) -> list[Snapshot]:
    return [_value(row) for row in tx.all(_SELECT.where(_C.volume_id == volume_id, _C.deleted_at.is_(None)))]


def page(
    tx: Tx,
    project_id: str | None,
    equal: Mapping[str, Any],
    limit: int,
    marker: str | None = None,
    sort: tuple[str, str] = ("created_at", "desc"),
    offset: int = 0,
) -> list[Snapshot]:
    """At most ``limit`` after the marker; ``equal``: column (or "status") -> value; ``sort``: a SORT_KEYS name, and asc
    or desc. Raises Invalid for the marker."""
    column, down = _C[SORT_KEYS[sort[0]]], sort[1] == "desc"
    key: sa.ColumnElement[Any] = sa.func.coalesce(column, "") if column.nullable else column
    mine = [_C.deleted_at.is_(None), *(_equal(name, value) for name, value in equal.items())]
    if project_id is not None:
        mine.append(_C.project_id == project_id)
    query = _SELECT.where(*mine)
    if marker is not None:
        at = tx.first(sa.select(key.label("key")).where(*mine, _C.id == marker))
        if at is None:
            raise Invalid(f"marker [{marker[:64]}] not found", field="marker")
        beyond = (key < at.key) | ((key == at.key) & (_C.id < marker))
        query = query.where(beyond if down else (key > at.key) | ((key == at.key) & (_C.id > marker)))
    order = (key.desc(), _C.id.desc()) if down else (key.asc(), _C.id.asc())
    return [_value(row) for row in tx.all(query.order_by(*order).limit(limit).offset(offset))]


def _equal(name: str, value: Any) -> sa.ColumnElement[bool]:
    """``status`` is the API's word: a task hides the state that it is to change."""
    if name == "status" and value in list(SnapshotTask):
        name = "task"
    if name == "status":
        return sa.and_(_C.state == value, _C.task.is_(None))
    return sa.and_(_C[name] == value)


def begin_delete(tx: Tx, snapshot: Snapshot) -> int:
    """Raises the fence and gives it. Raises Conflict."""
    fence = snapshot.fence + 1
    same = _C.fence == snapshot.fence
    machine.begin(tx, snapshots, snapshot.id, SNAPSHOT, "delete", where=same, values={"fence": fence})
    return fence


def finish(tx: Tx, snapshot_id: str, event: str, **values: Any) -> None:
    machine.finish(tx, snapshots, snapshot_id, SNAPSHOT, event, values=values)


def fail(tx: Tx, snapshot_id: str, event: str) -> None:
    machine.fail(tx, snapshots, snapshot_id, SNAPSHOT, event)


def raise_fence(tx: Tx, snapshot_id: str) -> int:
    """As volumes.raise_fence."""
    tx.update(snapshots, _C.id == snapshot_id, {"fence": _C.fence + 1})
    return int(tx.scalar(sa.select(_C.fence).where(_C.id == snapshot_id)))


def change(tx: Tx, snapshot_id: str, values: Mapping[str, Any]) -> None:
    """Writes columns that are not part of the state machine. Raises NotFound."""
    changes = {**values, "updated_at": tx.now(), "version": _C.version + 1}
    if not tx.update(snapshots, _C.id == snapshot_id, changes):
        raise NotFound.of("snapshot", snapshot_id)


def _value(row: sa.Row[Any]) -> Snapshot:
    columns = dict(row._mapping)
    columns["state"] = SnapshotState(columns["state"])
    columns["task"] = SnapshotTask(columns["task"]) if columns["task"] else None
    return Snapshot(**columns)
