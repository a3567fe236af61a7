"""A flow: named steps, each with its undo. What a step sees, and what it may answer. No database, no bus here.

A step is "make it so": it looks first and then acts, because it runs again after a crash, a lost message or a
wake-up. It answers Done, or Wait for what will ring (a report, a doorbell) with the longest time to sleep, or it
raises an Error, which begins the undo of every step that was begun, the last one first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.model.operation import JournalLine, Operation

R = TypeVar("R")


@dataclass(frozen=True)
class Done:
    """The step has ended. ``data`` is kept in the journal; ``message`` is its event's word to the user; ``write`` runs
    in the transaction that ends the step, so that what the step decided and the journal can't disagree."""

    data: Mapping[str, Any] = field(default_factory=dict)
    write: Callable[[Tx], None] | None = None
    message: str | None = None


@dataclass(frozen=True)
class Wait:
    """Sleep until rung, ``seconds`` at most, then run the same step again."""

    seconds: float


Result = Done | Wait


@dataclass(frozen=True, kw_only=True)
class Run:
    """One step's view of its operation. ``lines``: the journal of this round by step name.

    ``write(function)`` runs a closure in a transaction that holds the operation's row and raises Superseded when
    the operation is no longer this worker's; every write of a step goes through it.
    """

    operation: Operation
    lines: Mapping[str, JournalLine]
    line: JournalLine
    write: Callable[[Callable[[Tx], Any]], Any]

    @property
    def resource_id(self) -> str:
        return self.operation.resource_id

    @property
    def caller(self) -> Context:
        """Who asked for the operation, with the platform's rights."""
        return self.operation.caller

    @property
    def report(self) -> dict[str, Any] | None:
        """What the host answered to this step, if it did."""
        return self.line.report

    def data(self, step: str) -> Mapping[str, Any]:
        """What an earlier step of this round yielded; empty when it did not finish."""
        return self.lines[step].data if step in self.lines else {}


@dataclass(frozen=True)
class Step:
    """``needed``: whether this operation has the step at all, by its parameters; a step that is left out leaves no line
    in the journal. The last step of a flow is never left out."""

    name: str
    do: Callable[[Run], Result]
    undo: Callable[[Run], Result] | None = None
    needed: Callable[[Operation], bool] = lambda operation: True


@dataclass(frozen=True, kw_only=True)
class Flow(Generic[R]):
    """``finish`` and ``fail`` write the end of the resource in the transaction that ends the operation.

    ``again`` decides, after everything was undone, whether another round may succeed: it answers the operation's
    new parameters, or None. ``stubborn`` flows (delete) are never undone: a failed step is tried again later.
    ``turn``: of operations that yield: begins their event on the resource if nothing else is under way there, and
    gives the new fence; None when it must wait.
    """

    kind: str
    steps: tuple[Step, ...]
    finish: Callable[[Tx, Run], None]
    fail: Callable[[Tx, Operation, str], None]
    again: Callable[[Operation, Mapping[str, JournalLine]], dict[str, Any] | None] = lambda operation, lines: None
    stubborn: bool = False
    turn: Callable[[Tx, Operation], int | None] | None = None

    def step(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)
