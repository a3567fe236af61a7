"""Operations in the database: queued with the change of state, claimed by compare-and-swap, leased in DB time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.schema.operations import journal, operations
from iaas.errors import Conflict
from iaas.ids import new_uuid
from iaas.model.operation import LIVE, NO_TURN, JournalLine, Operation, OperationState

_SELECT = sa.select(*(operations.c[item.name] for item in fields(Operation)))
_SELECT_LINE = sa.select(*(journal.c[item.name] for item in fields(JournalLine)))


class Superseded(Conflict):
    """The operation is no longer this worker's: taken over, superseded by a delete, or at its end."""

    kind = "conflict"


def _value(row: sa.Row[Any]) -> Operation:
    values = dict(row._mapping)
    values["state"] = OperationState(values["state"])
    return Operation(**values)


def queue(
    tx: Tx, context: Context, kind: str, resource: tuple[str, str], fence: int,
    params: dict[str, Any] | None = None, deadline_s: int | None = None, yields: bool = False,
) -> str:  # fmt: skip
    """Writes the operation beside the caller's own change of state; ``resource`` is (type, id). Gives its id.

    ``fence`` NO_TURN with ``yields``: it waits for its turn on the resource.
    """
    now = tx.now()
    operation_id = new_uuid()
    tx.insert(operations, {
        "id": operation_id, "kind": kind, "resource_type": resource[0], "resource_id": resource[1],
        "project_id": context.owner, "user_id": context.user_id or "", "request_id": context.request_id,
        "state": OperationState.QUEUED, "undoing": False, "yields": yields, "step": "", "fence": fence, "rounds": 0,
        "params": params or {}, "created_at": now, "updated_at": now,
        "deadline": now + timedelta(seconds=deadline_s) if deadline_s else None,
    })  # fmt: skip
    return operation_id


def get(tx: Tx, operation_id: str) -> Operation | None:
    row = tx.first(_SELECT.where(operations.c.id == operation_id))
    return _value(row) if row else None


def of_resource(tx: Tx, resource_type: str, resource_id: str, limit: int = 1000) -> list[Operation]:
    """The operations of one resource, the newest first."""
    rows = tx.all(
        _SELECT.where(operations.c.resource_type == resource_type, operations.c.resource_id == resource_id)
        .order_by(operations.c.created_at.desc(), operations.c.fence.desc(), operations.c.id.desc())
        .limit(limit)
    )
    return [_value(row) for row in rows]


def live(tx: Tx, resource_type: str, resource_ids: Sequence[str]) -> list[Operation]:
    """The operations on these resources that have not ended."""
    rows = tx.all(
        _SELECT.where(
            operations.c.resource_type == resource_type,
            operations.c.resource_id.in_(resource_ids),
            operations.c.state.in_(LIVE),
        )
    )
    return [_value(row) for row in rows]


def all_live(tx: Tx, limit: int = 1000) -> list[str]:
    """Ids of everything that has not ended, oldest first."""
    c = operations.c
    return [row.id for row in tx.all(sa.select(c.id).where(c.state.in_(LIVE)).order_by(c.created_at).limit(limit))]


def supersede(tx: Tx, resource_type: str, resource_id: str, everything: bool = False) -> int:
    """Ends what is under way on the resource; gives how many operations ended. Those that yield only lose their turn,
    unless ``everything`` must end: for a delete, which releases what they hold."""
    now = tx.now()
    which = _live_on(resource_type, resource_id)
    if not everything:
        send_back(tx, resource_type, resource_id)
        which &= operations.c.yields.is_(False)
    ended = {"state": OperationState.SUPERSEDED, "owner": None, "updated_at": now, "finished_at": now}
    return tx.update(operations, which, ended)


def send_back(tx: Tx, resource_type: str, resource_id: str) -> None:
    """What yields and has its turn on the resource loses it: it waits for the next one and then does again, under its
    new fence, what it did (or undid); its steps look before they act."""
    c = operations.c
    having = _live_on(resource_type, resource_id) & c.yields.is_(True) & (c.fence != NO_TURN)
    ids = [row.id for row in tx.all(sa.select(c.id).where(having))]
    if not ids:
        return
    waiting = {"state": OperationState.QUEUED, "fence": NO_TURN, "owner": None, "lease_until": None, "wake_at": None,
               "nudged": False, "updated_at": tx.now()}  # fmt: skip
    tx.update(operations, c.id.in_(ids), waiting)
    anew = {"finished_at": None, "result": None, "report": None}
    tx.update(journal, journal.c.operation_id.in_(ids), anew)


def wake_next(tx: Tx, resource_type: str, resource_id: str) -> str | None:
    """The oldest operation that waits for its turn on the resource, which is free now: due at once."""
    c = operations.c
    waiting = _live_on(resource_type, resource_id) & (c.fence == NO_TURN)
    row = tx.first(sa.select(c.id).where(waiting).order_by(c.created_at, c.id).limit(1))
    if row is None:
        return None
    nudge(tx, [row.id])
    return str(row.id)


def _live_on(resource_type: str, resource_id: str) -> sa.ColumnElement[bool]:
    c = operations.c
    return (c.resource_type == resource_type) & (c.resource_id == resource_id) & c.state.in_(LIVE)


def due(tx: Tx, quiet: float, owner: str = "", limit: int = 100) -> list[str]:
    """Operations that somebody should take up: queued longer than ``quiet`` s, asleep past their time, orphaned, or
    held by ``owner`` without a sign for ``quiet`` s: the caller knows which of its own it really has in hand."""
    now = tx.now()
    state, c = operations.c.state, operations.c
    silent = c.updated_at <= now - timedelta(seconds=quiet)
    rows = tx.all(
        sa.select(c.id)
        .where(
            ((state == OperationState.QUEUED) & (c.created_at <= now - timedelta(seconds=quiet)))
            | ((state == OperationState.WAITING) & (c.wake_at <= now))
            | ((state == OperationState.RUNNING) & ((c.lease_until <= now) | ((c.owner == owner) & silent)))
        )
        .order_by(c.updated_at)
        .limit(limit)
    )
    return [row.id for row in rows]


def claim(tx: Tx, operation_id: str, owner: str, lease_s: int) -> tuple[Operation, bool] | None:
    """Takes the operation; None when it has ended or another worker holds it.

    The second value says that a dead worker's lease was taken over: the caller must raise the fence then, so that
    what the dead one may still have in flight is refused (C-08). ``owner`` may claim its own again, for instance after
    the database was away: it must be sure that none of its threads works on it.
    """
    now = tx.now()
    operation = get(tx, operation_id)
    if operation is None or operation.state not in LIVE:
        return None
    c = operations.c
    free = c.state.in_((OperationState.QUEUED, OperationState.WAITING))
    orphaned = (c.state == OperationState.RUNNING) & ((c.lease_until <= now) | (c.owner == owner))
    values = {"state": OperationState.RUNNING, "owner": owner, "updated_at": now,
              "lease_until": now + timedelta(seconds=lease_s), "wake_at": None, "nudged": False}  # fmt: skip
    if not tx.update(operations, (c.id == operation_id) & (free | orphaned), values):
        return None
    claimed = replace(operation, state=OperationState.RUNNING, owner=owner, wake_at=None, updated_at=now)
    return claimed, operation.state is OperationState.RUNNING and operation.owner != owner


def renew(tx: Tx, operation_ids: Iterable[str], owner: str, lease_s: int) -> None:
    tx.update(
        operations,
        operations.c.id.in_(list(operation_ids))
        & (operations.c.owner == owner)
        & (operations.c.state == OperationState.RUNNING),
        {"lease_until": tx.now() + timedelta(seconds=lease_s)},
    )


def nudge(tx: Tx, operation_ids: Sequence[str]) -> None:
    """Something happened that these operations may wait for: the sleeping ones are due at once, and one that a
    worker has in hand will look again before it falls asleep, so no doorbell is lost in between."""
    c = operations.c
    these = c.id.in_(operation_ids)
    tx.update(operations, these & (c.state == OperationState.WAITING), {"wake_at": tx.now()})
    tx.update(operations, these & (c.state == OperationState.RUNNING), {"nudged": True})


def sleep(tx: Tx, operation: Operation, owner: str, seconds: float) -> bool:
    """Puts the operation to sleep; False when it was nudged meanwhile and must look again at once."""
    c = operations.c
    mine = (c.id == operation.id) & (c.state == OperationState.RUNNING) & (c.owner == owner)
    mine = mine & (c.fence == operation.fence)
    now = tx.now()
    asleep = {"state": OperationState.WAITING, "owner": None, "lease_until": None, "updated_at": now,
              "wake_at": now + timedelta(seconds=seconds)}  # fmt: skip
    if tx.update(operations, mine & c.nudged.is_(False), asleep):
        return True
    if not tx.update(operations, mine, {"nudged": False, "updated_at": now}):
        raise Superseded(f"Operation {operation.id} was taken over.")
    return False


def waiting_on_host(tx: Tx, host: str) -> list[str]:
    """Operations that sleep on a step sent to this host: to be nudged when its agent has restarted."""
    rows = tx.all(
        sa.select(operations.c.id)
        .join(journal, (journal.c.operation_id == operations.c.id) & (journal.c.round == operations.c.rounds))
        .where(
            operations.c.state == OperationState.WAITING,
            journal.c.host == host,
            journal.c.finished_at.is_(None),
        )
    )
    return [row.id for row in rows]


def change(tx: Tx, operation: Operation, owner: str, values: dict[str, Any]) -> None:
    """Writes as the holder of the lease, and only as that. Raises Superseded when it no longer is (C-08, F-95)."""
    c = operations.c
    mine = (c.id == operation.id) & (c.state == OperationState.RUNNING) & (c.owner == owner)
    mine = mine & (c.fence == operation.fence)
    if not tx.update(operations, mine, {**values, "updated_at": tx.now()}):
        raise Superseded(f"Operation {operation.id} was taken over.")


def forget_deadline(tx: Tx, operation: Operation) -> None:
    """From here on the operation can't be given up for being slow."""
    tx.update(operations, operations.c.id == operation.id, {"deadline": None})


def end(tx: Tx, operation: Operation, owner: str, state: OperationState, error: str | None = None) -> None:
    """DONE or FAILED, as the holder of the lease. Raises Superseded."""
    values: dict[str, Any] = {"state": state, "finished_at": tx.now(), "owner": None, "lease_until": None}
    change(tx, operation, owner, values | ({"error": error} if error else {}))


def guard(tx: Tx, operation_id: str, fence: int) -> None:
    """Locks the operation's row and makes sure that it still runs under this fence; raises Superseded."""
    c = operations.c
    mine = (c.id == operation_id) & (c.fence == fence) & c.state.in_(LIVE)
    if not tx.update(operations, mine, {"updated_at": tx.now()}):
        raise Superseded(f"Operation {operation_id} was taken over.")


# The journal -----------------------------------------------------------------------------------------------------


def lines(tx: Tx, operation_ids: Sequence[str]) -> list[JournalLine]:
    """The journal of the operations, oldest first."""
    rows = tx.all(_SELECT_LINE.where(journal.c.operation_id.in_(operation_ids)).order_by(journal.c.started_at))
    return [JournalLine(**{**row._mapping, "data": row.data or {}}) for row in rows]


def begin_line(tx: Tx, operation: Operation, step: str) -> JournalLine:
    """Writes a step's line before the step runs; once, its repetitions go on with the line that is there."""
    now = tx.now()
    key: dict[str, Any] = {"operation_id": operation.id, "round": operation.rounds, "step": step}
    tx.insert(journal, {**key, "started_at": now, "attempt": 0})
    return JournalLine(**key, started_at=now, finished_at=None, result=None, attempt=0, host=None, report=None, data={})


def end_line(
    tx: Tx, operation: Operation, step: str, result: str, message: str | None = None, data: dict[str, Any] | None = None
) -> None:
    """``result``: Success or Error, as os-instance-actions words it."""
    ended = {"finished_at": tx.now(), "result": result, "message": message, "data": data}
    tx.update(journal, _of(operation, step), ended)


def write_line(tx: Tx, operation: Operation, step: str, values: dict[str, Any]) -> None:
    tx.update(journal, _of(operation, step), values)


def _of(operation: Operation, step: str) -> sa.ColumnElement[bool]:
    return (journal.c.operation_id == operation.id) & (journal.c.round == operation.rounds) & (journal.c.step == step)
