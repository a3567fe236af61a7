"""Volume rows: insert, look up, and the verbs of the state machine, each one compare-and-swap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from iaas.db import machine, quotas
from iaas.db.engine import Tx
from iaas.db.schema.volume import volumes
from iaas.db.volume import backends
from iaas.errors import NotFound
from iaas.model.operation import Operation
from iaas.model.volume import VOLUME, State, Task, Volume

COLUMNS = [volumes.c[item.name] for item in fields(Volume)]


def value(row: sa.Row[Any]) -> Volume:
    """The value of a row selected with COLUMNS."""
    columns = dict(row._mapping)
    columns["state"] = State(columns["state"])
    columns["task"] = Task(columns["task"]) if columns["task"] else None
    return Volume(**columns)


def insert(tx: Tx, values: Mapping[str, Any]) -> None:
    """Inserts a volume that is to be created, its operation under fence 1."""
    now = tx.now()
    row = {"state": State.NEW, "task": Task.CREATING, "fence": 1, "version": 0, "metadata": {}, "bootable": False,
           "created_at": now, "updated_at": now}  # fmt: skip
    tx.insert(volumes, {**row, **values})


def get(tx: Tx, volume_id: str, project_id: str | None = None, deleted: bool = False) -> Volume:
    """The volume, if it is the project's (None: anybody's); ``deleted``: also one that is. Raises NotFound."""
    query = sa.select(*COLUMNS).where(volumes.c.id == volume_id)
    if not deleted:
        query = query.where(volumes.c.deleted_at.is_(None))
    if project_id is not None:
        query = query.where(volumes.c.project_id == project_id)
    row = tx.first(query)
    if row is None:
        raise NotFound(f"Volume {volume_id} could not be found.", resource="volume", id=volume_id)
    return value(row)


def begin(tx: Tx, volume: Volume, event: str, **values: Any) -> int:
    """Starts an event and raises the fence; gives the new fence for the operation. Raises Conflict."""
    fence = volume.fence + 1
    same = volumes.c.fence == volume.fence
    machine.begin(tx, volumes, volume.id, VOLUME, event, where=same, values={**values, "fence": fence})
    return fence


def finish(tx: Tx, volume_id: str, event: str, **values: Any) -> None:
    machine.finish(tx, volumes, volume_id, VOLUME, event, values=values)


def fail(tx: Tx, volume_id: str, event: str, **values: Any) -> None:
    machine.fail(tx, volumes, volume_id, VOLUME, event, values=values)


def raise_fence(tx: Tx, volume_id: str) -> int:
    """A dead worker's operation was taken over: what it still has in flight must be refused. Gives the fence."""
    tx.update(volumes, volumes.c.id == volume_id, {"fence": volumes.c.fence + 1})
    return int(tx.scalar(sa.select(volumes.c.fence).where(volumes.c.id == volume_id)))


def change(tx: Tx, volume_id: str, values: Mapping[str, Any]) -> None:
    """Writes columns that are not part of the state machine. Raises NotFound."""
    changes = {**values, "updated_at": tx.now(), "version": volumes.c.version + 1}
    if not tx.update(volumes, volumes.c.id == volume_id, changes):
        raise NotFound.of("volume", volume_id)


def give_extension(tx: Tx, operation: Operation) -> None:
    """An extension that has failed or was overtaken: what was taken for it is free again."""
    volume = get(tx, operation.resource_id)
    more = int(operation.params["to_gb"]) - int(operation.params["from_gb"])
    quotas.give(tx, volume.project_id, {"gigabytes": more})
    backends.give(tx, volume.host, more)


def hosts_of(tx: Tx, volume_ids: Iterable[str]) -> dict[str, str]:
    """volume id -> its host; volumes that no host has yet are absent."""
    c = volumes.c
    rows = tx.all(sa.select(c.id, c.host).where(c.id.in_(list(volume_ids)), c.host.is_not(None)))
    return {row.id: row.host for row in rows}
