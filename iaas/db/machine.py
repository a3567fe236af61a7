"""The three verbs of a state machine on a row, each one compare-and-swap UPDATE (C-07). Knows no noun.

The table needs the columns ``id``, a state and a task; ``version`` (counted up) and ``updated_at`` (database
time) are kept when it has them. Zero rows updated is Conflict; only then is the row read, to say why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.errors import Conflict, Internal, NotFound
from iaas.model.machine import Machine, Transition

S = TypeVar("S", bound=StrEnum)
T = TypeVar("T", bound=StrEnum)


def begin(
    tx: Tx,
    table: sa.Table,
    id: str,
    machine: Machine[S, T],
    event: str,
    state_col: str = "state",
    task_col: str = "task",
    *,
    where: sa.ColumnElement[bool] | None = None,
    values: Mapping[str, Any] | None = None,
) -> None:
    """Starts the event: the task is set (an immediate event moves the state at once). ``where`` is a further
    condition, ``values`` further columns of the same UPDATE. Raises NotFound, or Conflict with the details
    resource, id, event, state and task (the state and task found)."""
    cell = _Cell(tx, table, id, machine, state_col, task_col)
    row = machine.transition(event)
    task = table.c[task_col]
    conditions: list[sa.ColumnElement[bool]] = [table.c[state_col].in_(sorted(state.value for state in row.sources))]
    overridden = sorted(item.value for item in machine.overridden(event))
    conditions.append(sa.or_(task.is_(None), task.in_(overridden)) if overridden else task.is_(None))
    changes: dict[str, Any] = {task_col: None if row.task is None else row.task.value}
    if row.task is None and row.target is not None:
        changes[state_col] = row.target.value
    if not cell.swap(conditions, where, changes, values):
        state, found = cell.look()
        words = machine.refusal(event, id, state, found)
        if machine.allowed(event, state, found):
            words = f"Cannot '{event}' {machine.name} {id}: it was changed at the same time"
        raise cell.conflict(words, event, state, found)


def finish(
    tx: Tx,
    table: sa.Table,
    id: str,
    machine: Machine[S, T],
    event: str,
    state_col: str = "state",
    task_col: str = "task",
    *,
    where: sa.ColumnElement[bool] | None = None,
    values: Mapping[str, Any] | None = None,
) -> None:
    """Ends the event well: no task, the to-state. Raises NotFound, or Conflict when its task is not under way
    (somebody else ended it, or a later event overrode it)."""
    row = _with_task(machine, event)
    _end(_Cell(tx, table, id, machine, state_col, task_col), row, row.target, where, values)


def fail(
    tx: Tx,
    table: sa.Table,
    id: str,
    machine: Machine[S, T],
    event: str,
    state_col: str = "state",
    task_col: str = "task",
    *,
    where: sa.ColumnElement[bool] | None = None,
    values: Mapping[str, Any] | None = None,
) -> None:
    """Ends the event badly: no task, the row's failure state or the state as it was. Raises as ``finish``."""
    row = _with_task(machine, event)
    _end(_Cell(tx, table, id, machine, state_col, task_col), row, row.failure, where, values)


@dataclass(frozen=True)
class _Cell(Generic[S, T]):
    """One object's state and task."""

    tx: Tx
    table: sa.Table
    id: str
    machine: Machine[S, T]
    state_col: str
    task_col: str

    def swap(
        self,
        conditions: list[sa.ColumnElement[bool]],
        where: sa.ColumnElement[bool] | None,
        changes: dict[str, Any],
        values: Mapping[str, Any] | None,
    ) -> bool:
        columns = self.table.c
        conditions = [columns.id == self.id, *conditions, *([] if where is None else [where])]
        if "version" in columns:
            changes["version"] = columns.version + 1
        if "updated_at" in columns:
            changes["updated_at"] = self.tx.now()
        return self.tx.update(self.table, sa.and_(*conditions), {**changes, **(values or {})}) == 1

    def look(self) -> tuple[str, str | None]:
        """State and task as they are now. Raises NotFound."""
        columns = self.table.c
        query = sa.select(columns[self.state_col], columns[self.task_col]).where(columns.id == self.id)
        found = self.tx.first(query)
        if found is None:
            raise NotFound.of(self.machine.name, self.id)
        values: list[Any] = list(found)
        return values[0], values[1]

    def conflict(self, words: str, event: str, state: str, task: str | None) -> Conflict:
        return Conflict(words, resource=self.machine.name, id=self.id, event=event, state=state, task=task)


def _with_task(machine: Machine[S, T], event: str) -> Transition[S, T]:
    row = machine.transition(event)
    if row.task is None:
        raise Internal(f"{machine.name}: the immediate event {event!r} has nothing to finish or fail")
    return row


def _end(
    cell: _Cell[S, T],
    row: Transition[S, T],
    state: S | None,
    where: sa.ColumnElement[bool] | None,
    values: Mapping[str, Any] | None,
) -> None:
    assert row.task is not None
    changes: dict[str, Any] = {cell.task_col: None}
    if state is not None:
        changes[cell.state_col] = state.value
    if not cell.swap([cell.table.c[cell.task_col] == row.task.value], where, changes, values):
        now, task = cell.look()
        words = f"The '{row.event}' of {cell.machine.name} {cell.id} is no longer under way"
        raise cell.conflict(words, row.event, now, task)
