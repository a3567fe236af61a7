"""Tasks of the image service: made, taken up under a lease in database time, ended, listed, forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.image import order
from iaas.db.schema.image_tasks import image_tasks
from iaas.errors import Conflict, Invalid, NotFound
from iaas.model.image import OPEN, ImageTask, TaskStatus, TaskType

_C = image_tasks.c
_COLUMNS = [_C[item.name] for item in fields(ImageTask)]
_OPEN = [status.value for status in OPEN]
SORT_KEYS: order.Keys = {
    "created_at": _C.created_at, "updated_at": _C.updated_at, "id": _C.id, "status": _C.status, "type": _C.type,
    "expires_at": sa.func.coalesce(_C.expires_at, _C.created_at),
}  # fmt: skip


def insert(tx: Tx, task: ImageTask) -> None:
    """Raises Conflict when the image has another task that is not over."""
    if task.image_id is not None and unfinished(tx, task.image_id):
        raise Conflict(f"Image {task.image_id} is being imported already.", resource="image", id=task.image_id)
    tx.insert(image_tasks, {column.name: getattr(task, column.name) for column in _COLUMNS})


def unfinished(tx: Tx, image_id: str) -> bool:
    return tx.first(sa.select(_C.id).where(_C.image_id == image_id, _C.status.in_(_OPEN))) is not None


def waiting(tx: Tx, most: int) -> bool:
    """Whether there is one to be taken up; ``most`` as of ``claim``."""
    return tx.first(sa.select(_C.id).where(_ready(tx, most)).limit(1)) is not None


def claim(tx: Tx, lease_s: int, most: int) -> ImageTask | None:
    """Takes up the oldest one that waits or whose worker died; None when there is none.

    A project with ``most`` in work waits until one of them is over: however slow the servers that it names are, others
    have their turn. (Two daemons that claim at once on PostgreSQL may go one beyond.)
    """
    for row in tx.all(sa.select(_C.id, _C.attempt).where(_ready(tx, most)).order_by(_C.created_at).limit(5)):
        mine = sa.and_(_C.id == row.id, _C.attempt == row.attempt, _ready(tx, most))
        changes = {
            "status": TaskStatus.PROCESSING.value, "attempt": row.attempt + 1, "updated_at": tx.now(),
            "lease_until": tx.now() + timedelta(seconds=lease_s),
        }  # fmt: skip
        if tx.update(image_tasks, mine, changes):
            return get(tx, row.id, None)
    return None


def beat(tx: Tx, task: ImageTask, lease_s: int) -> bool:
    """Renews the lease. False: somebody else has taken it up."""
    return tx.update(image_tasks, _mine(task), {"lease_until": tx.now() + timedelta(seconds=lease_s)}) == 1


def finish(
    tx: Tx, task: ImageTask, status: TaskStatus, message: str, result: dict[str, Any] | None, keep_h: int
) -> None:
    """The task is over; it is forgotten after ``keep_h`` hours. Raises Conflict when it is not this worker's any more,
    which takes back the whole transaction."""
    changes = {
        "status": status.value, "message": message, "result": result, "lease_until": None, "updated_at": tx.now(),
        "expires_at": tx.now() + timedelta(hours=keep_h),
    }  # fmt: skip
    if not tx.update(image_tasks, _mine(task), changes):
        raise Conflict(f"Task {task.id} was taken over.", resource="task", id=task.id)


def get(tx: Tx, id: str, owner: str | None) -> ImageTask:
    """``owner``: whose tasks are seen; None: everybody's. Raises NotFound."""
    query = sa.select(*_COLUMNS).where(_C.id == id)
    row = tx.first(query if owner is None else query.where(_C.owner == owner))
    if row is None:
        raise NotFound(f"Task not found: {id[:64]}", resource="task", id=id[:64])
    return _value(row)


def of_image(tx: Tx, image_id: str, owner: str | None, limit: int = 1000) -> list[ImageTask]:
    """The newest first; ``owner`` as of ``get``."""
    query = sa.select(*_COLUMNS).where(_C.image_id == image_id)
    query = query if owner is None else query.where(_C.owner == owner)
    return [_value(row) for row in tx.all(query.order_by(_C.created_at.desc(), _C.id).limit(limit))]


def listed(
    tx: Tx, owner: str | None, filters: Mapping[str, str], limit: int, marker: str | None,
    sort: Sequence[tuple[str, str]],
) -> list[ImageTask]:  # fmt: skip
    """At most ``limit`` after ``marker`` (a task id, else Invalid). ``filters``: column -> value."""
    query = sa.select(*_COLUMNS).where(*(_C[name] == value for name, value in filters.items()))
    if owner is not None:
        query = query.where(_C.owner == owner)
    if marker is not None:
        query = query.where(_after(tx, marker, owner, sort))
    return [_value(row) for row in tx.all(order.ordered(query, SORT_KEYS, sort).limit(limit))]


def forget(tx: Tx, limit: int = 1000) -> int:
    """Removes those that are over for long; answers how many."""
    old = sa.select(_C.id).where(_C.expires_at < tx.now()).limit(limit)
    return tx.delete(image_tasks, _C.id.in_(old))


def _after(tx: Tx, marker: str, owner: str | None, sort: Sequence[tuple[str, str]]) -> sa.ColumnElement[bool]:
    query = sa.select(*(SORT_KEYS[key].label(f"key_{key}") for key, _ in sort)).where(_C.id == marker)
    found = tx.first(query if owner is None else query.where(_C.owner == owner))
    if found is None:
        raise Invalid(f"Marker {marker[:64]!r} is not a task.", field="marker")
    return order.behind(SORT_KEYS, sort, list(found))


def _ready(tx: Tx, most: int) -> sa.ColumnElement[bool]:
    dead = sa.and_(_C.status == TaskStatus.PROCESSING.value, _C.lease_until < tx.now())
    other = image_tasks.alias("other")
    in_work = sa.select(sa.func.count()).select_from(other).where(
        other.c.owner == _C.owner, other.c.status == TaskStatus.PROCESSING.value, other.c.lease_until >= tx.now(),
    )  # fmt: skip
    return sa.and_(sa.or_(_C.status == TaskStatus.PENDING.value, dead), in_work.scalar_subquery() < most)


def _mine(task: ImageTask) -> sa.ColumnElement[bool]:
    return sa.and_(_C.id == task.id, _C.attempt == task.attempt, _C.status == TaskStatus.PROCESSING.value)


def _value(row: sa.Row[Any]) -> ImageTask:
    found = dict(row._mapping)
    return ImageTask(**{**found, "type": TaskType(found["type"]), "status": TaskStatus(found["status"])})
