"""The engine: claims operations, runs their flows step by step, and survives its own death at any instruction.

All progress is in the journal. Whether a worker resumes after a report, after a wake-up or after another worker
died, it does the same: read the journal, find the first step that has not ended, run it again.

    QUEUED --claim--> RUNNING --Wait--> WAITING --ring/timer--> RUNNING … --> DONE | FAILED (undone) | SUPERSEDED

An operation that yields (an attachment of a volume) first waits for its turn on its resource, and is sent back to
QUEUED when something else takes over; the end of any operation wakes the next one that waits (docs/decisions/0014).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from iaas import context as contexts
from iaas import failpoints
from iaas.conductor.flow import Done, Flow, Result, Run, Step, Wait
from iaas.db import operations
from iaas.db.engine import Database, Tx
from iaas.db.operations import Superseded
from iaas.errors import Conflict, Error, Internal, NotFound, Timeout, Unavailable
from iaas.model.operation import NO_TURN, JournalLine, Operation, OperationState

log = logging.getLogger(__name__)

UNDO = "undo:"
RETRY_S = 2.0  # after a dependency was away
STUBBORN_S = 15.0  # between two tries of a step that must not give up
Lines = dict[str, JournalLine]  # of the operation's present round, by step
Todo = tuple[str, Callable[[Run], Result]]
TURN_S = 2.0  # longest sleep until the resource is looked at again; usually the end of what was under way wakes


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What advance() did, for the log and the tests."""

    state: OperationState | None  # None: nothing, another worker has it or it has ended


class Engine:
    """``raise_fence(tx, resource_type, resource_id)`` makes a dead worker's orders stale and gives the new fence."""

    def __init__(
        self,
        database: Database,
        flows: Mapping[str, Flow[Any]],
        owner: str,
        raise_fence: Callable[[Tx, str, str], int],
        lease_s: int = 30,
    ) -> None:
        self.database, self.flows, self.owner, self.lease_s = database, flows, owner, lease_s
        self._raise_fence = raise_fence
        self.ring: Callable[[str], None] = lambda operation_id: None  # the worker sets its own
        self.held: set[str] = set()  # operations in hand; no two threads have the same one
        self._lock = threading.Lock()

    def advance(self, operation_id: str) -> Progress:
        """Runs the operation as far as it goes now. Never raises for the operation's own failure."""
        with self._lock:
            mine = operation_id not in self.held
            self.held.add(operation_id)
        if not mine:
            self.database.run(lambda tx: operations.nudge(tx, [operation_id]))
            return Progress(state=None)
        try:
            return self._advance(operation_id)
        finally:
            self.held.discard(operation_id)

    def _advance(self, operation_id: str) -> Progress:
        claimed = self.database.run(lambda tx: self._claim(tx, operation_id))
        if claimed is None:
            return Progress(state=None)
        operation, lines = claimed
        try:
            with contexts.use(operation.caller):
                return Progress(state=self._run(operation, lines))
        except Superseded:
            log.info("operation %s (%s) is no longer ours", operation.id, operation.kind)
            return Progress(state=None)

    def renew(self) -> None:
        """Renews the leases of what is in hand; called every third of a lease."""
        held = list(self.held)
        if held:
            self.database.run(lambda tx: operations.renew(tx, held, self.owner, self.lease_s))

    # -- one operation --------------------------------------------------------------------------------------------

    def _claim(self, tx: Tx, operation_id: str) -> tuple[Operation, Lines] | None:
        """The operation with its journal; the line of its very first step is begun in the same transaction."""
        claimed = operations.claim(tx, operation_id, self.owner, self.lease_s)
        if claimed is None:
            operations.nudge(tx, [operation_id])
            return None
        operation, taken_over = claimed
        if taken_over and operation.fence != NO_TURN:
            fence = self._raise_fence(tx, operation.resource_type, operation.resource_id)
            operations.change(tx, operation, self.owner, {"fence": fence})
            operation = replace(operation, fence=fence)
        lines, flow = _of_round(operation, operations.lines(tx, [operation.id])), self.flows.get(operation.kind)
        if flow is not None and not lines and not operation.undoing and operation.fence != NO_TURN:
            first = _next_step(flow, operation, lines)
            if first is not None:
                lines[first[0]] = operations.begin_line(tx, operation, first[0])
        return operation, lines

    def _run(self, operation: Operation, lines: Lines) -> OperationState:
        flow = self.flows.get(operation.kind)
        if flow is None:
            raise Internal(f"no flow for operations of kind {operation.kind}")
        while True:
            failpoints.hit("conductor.before_step")
            todo = _next(flow, operation, lines)
            if todo is None:
                ended = self._end(flow, operation, lines)
                if isinstance(ended, OperationState):
                    return ended
                operation, lines = ended, {}
                continue
            name, function = todo
            if self._late(operation):
                operation = self._begin_undo(operation, name, Timeout("The operation took too long."))
                lines = self._lines(operation)
                continue
            if operation.fence == NO_TURN:
                try:
                    begun = self._begin_turn(flow, operation)
                except NotFound as error:
                    return self._vanished(flow, operation, error)
                if begun is None and self._sleep(operation, TURN_S):
                    return OperationState.WAITING
                operation = begun or operation
                continue
            if name not in lines:
                lines[name] = self._begin_line(operation, name)
            outcome = self._step(flow, operation, name, function, lines)
            if isinstance(outcome, Done):
                state = self._end_step(flow, operation, name, outcome, lines)
                if state is not None:
                    return state
            elif isinstance(outcome, Operation):
                operation, lines = outcome, self._lines(outcome)
            elif self._sleep(operation, outcome.seconds):
                return OperationState.WAITING
            else:
                lines = self._lines(operation)  # rung meanwhile: a report may be there

    def _step(
        self,
        flow: Flow[Any],
        operation: Operation,
        name: str,
        function: Callable[[Run], Result],
        lines: Mapping[str, JournalLine],
    ) -> Operation | Result:
        """Runs one step or undo. An Operation as the answer is the operation with its undo begun."""
        run = Run(operation=operation, lines=lines, line=lines[name], write=lambda fn: self._write(operation, fn))
        try:
            return function(run)
        except Superseded:
            raise
        except (Unavailable, Timeout) as error:
            log.info("%s of %s: %s; again in %g s", name, operation.id, error.message, RETRY_S)
            return Wait(RETRY_S)
        except Error as error:
            return self._failed(flow, operation, name, error)
        except Exception as error:  # a defect in one step must end its operation, not loop for ever
            log.exception("%s of operation %s", name, operation.id)
            return self._failed(flow, operation, name, Internal(f"{name} failed: {type(error).__name__}"))

    def _end_step(
        self, flow: Flow[Any], operation: Operation, name: str, done: Done, lines: Lines
    ) -> OperationState | None:
        """Ends the step's line and, in the same transaction, begins that of the next one, or ends the operation."""
        failpoints.hit("conductor.after_step")
        ended = replace(lines[name], finished_at=operation.updated_at, result="Success", data=dict(done.data))
        after = {**lines, name: ended}
        todo = _next(flow, operation, after)

        def end(tx: Tx) -> None:
            if done.write:
                done.write(tx)
            operations.end_line(tx, operation, name, "Success", done.message, dict(done.data))

        if todo is None and not operation.undoing:
            return self._finish(flow, operation, after, end)
        following = todo[0] if todo and todo[0] not in lines else None

        def write(tx: Tx) -> JournalLine | None:
            end(tx)
            return operations.begin_line(tx, operation, following) if following else None

        begun = self._write(operation, write)
        lines[name] = ended
        if following:
            lines[following] = begun
        return None

    def _failed(self, flow: Flow[Any], operation: Operation, name: str, error: Error) -> Operation | Wait:
        log.warning("%s of %s (%s) failed: %s", name, operation.id, operation.kind, error.message)
        if operation.undoing or flow.stubborn:
            again = {"report": None, "message": error.message}
            self._write(operation, lambda tx: operations.write_line(tx, operation, name, again))
            return Wait(STUBBORN_S)
        return self._begin_undo(operation, name, error)

    def _begin_undo(self, operation: Operation, name: str, error: Error) -> Operation:
        values: dict[str, Any] = {
            "undoing": True, "error": error.message, "error_kind": error.kind, "deadline": None,
        }  # fmt: skip
        words = "\n".join(filter(None, (error.message, error.details.get("for_operators"))))

        def write(tx: Tx) -> None:
            operations.change(tx, operation, self.owner, values)
            operations.end_line(tx, operation, name, "Error", message=words)

        self.database.run(write)
        return replace(operation, **values)

    def _end(
        self, flow: Flow[Any], operation: Operation, lines: Mapping[str, JournalLine]
    ) -> OperationState | Operation:
        """All steps are done, or everything is undone: the end, or another round."""
        if not operation.undoing:
            return self._finish(flow, operation, lines)
        params = flow.again(operation, lines)
        if params is not None:
            values: dict[str, Any] = {"undoing": False, "params": params, "rounds": operation.rounds + 1}
            self.database.run(lambda tx: operations.change(tx, operation, self.owner, values))
            return replace(operation, **values)

        def write(tx: Tx) -> None:
            operations.end(tx, operation, self.owner, OperationState.FAILED)
            flow.fail(tx, operation, operation.error or "unknown reason")
            self._wake_next(tx, operation)

        self.database.run(write)
        log.warning("%s %s %s: failed: %s", operation.kind, operation.resource_id, operation.id, operation.error)
        return OperationState.FAILED

    def _finish(
        self,
        flow: Flow[Any],
        operation: Operation,
        lines: Mapping[str, JournalLine],
        end_step: Callable[[Tx], None] = lambda tx: None,
    ) -> OperationState:
        """``end_step`` writes the end of the last step."""
        failpoints.hit("conductor.before_finish")
        last = lines[flow.steps[-1].name]

        def write(tx: Tx) -> None:
            operations.change(tx, operation, self.owner, {})
            end_step(tx)
            operations.end(tx, operation, self.owner, OperationState.DONE)
            flow.finish(tx, Run(operation=operation, lines=lines, line=last, write=lambda function: function(tx)))
            self._wake_next(tx, operation)

        try:
            self.database.run(write)
        except Superseded:
            raise
        except Conflict as error:  # the resource was moved under the operation, by an administrator's reset
            log.warning("%s %s: finished in vain: %s", operation.kind, operation.id, error.message)
            self._end_in_vain(operation, last.step, error.message)
            return OperationState.FAILED
        log.info("%s %s %s: done", operation.kind, operation.resource_id, operation.id)
        return OperationState.DONE

    def _end_in_vain(self, operation: Operation, step: str, words: str) -> None:
        def write(tx: Tx) -> None:
            operations.end(tx, operation, self.owner, OperationState.FAILED, words)
            operations.end_line(tx, operation, step, "Error", words)

        self.database.run(write)

    # -- turns ----------------------------------------------------------------------------------------------------

    def _begin_turn(self, flow: Flow[Any], operation: Operation) -> Operation | None:
        """The operation with its turn begun, under the fence of that; None when it must wait."""
        take = flow.turn
        if take is None:
            raise Internal(f"operations of kind {operation.kind} do not wait for a turn")

        def write(tx: Tx) -> int | None:
            operations.change(tx, operation, self.owner, {})
            fence = take(tx, operation)
            if fence is not None:
                operations.change(tx, operation, self.owner, {"fence": fence})
            return fence

        fence = self.database.run(write)
        return None if fence is None else replace(operation, fence=fence)

    def _vanished(self, flow: Flow[Any], operation: Operation, error: Error) -> OperationState:
        """The resource went away while the operation waited, and with it what the operation held."""

        def write(tx: Tx) -> None:
            operations.end(tx, operation, self.owner, OperationState.FAILED, error.message)
            flow.fail(tx, operation, error.message)

        self.database.run(write)
        return OperationState.FAILED

    def _wake_next(self, tx: Tx, operation: Operation) -> None:
        following = operations.wake_next(tx, operation.resource_type, operation.resource_id)
        if following:
            tx.after_commit(lambda: self.ring(following))

    # -- the database ---------------------------------------------------------------------------------------------

    def _lines(self, operation: Operation) -> Lines:
        with self.database.read() as tx:
            return _of_round(operation, operations.lines(tx, [operation.id]))

    def _begin_line(self, operation: Operation, name: str) -> JournalLine:
        begun: JournalLine = self._write(operation, lambda tx: operations.begin_line(tx, operation, name))
        return begun

    def _write(self, operation: Operation, function: Callable[[Tx], Any]) -> Any:
        def guarded(tx: Tx) -> Any:
            operations.change(tx, operation, self.owner, {})
            return function(tx)

        return self.database.run(guarded)

    def _sleep(self, operation: Operation, seconds: float) -> bool:
        return self.database.run(lambda tx: operations.sleep(tx, operation, self.owner, seconds))

    def _late(self, operation: Operation) -> bool:
        if operation.deadline is None or operation.undoing:
            return False
        return self.database.now() >= operation.deadline


def _of_round(operation: Operation, lines: Iterable[JournalLine]) -> Lines:
    return {line.step: line for line in lines if line.round == operation.rounds}


def _next(flow: Flow[Any], operation: Operation, lines: Mapping[str, JournalLine]) -> Todo | None:
    return _next_undo(flow, lines) if operation.undoing else _next_step(flow, operation, lines)


def _next_step(flow: Flow[Any], operation: Operation, lines: Mapping[str, JournalLine]) -> Todo | None:
    for step in flow.steps:
        line = lines.get(step.name)
        if (line is None or line.finished_at is None) and step.needed(operation):
            return step.name, step.do
    return None


def _next_undo(flow: Flow[Any], lines: Mapping[str, JournalLine]) -> Todo | None:
    """The last step that was begun and whose undo has not ended."""

    def pending(step: Step) -> bool:
        if step.undo is None or step.name not in lines:
            return False
        undone = lines.get(UNDO + step.name)
        return undone is None or undone.finished_at is None

    for step in reversed(flow.steps):
        if pending(step) and step.undo is not None:
            return UNDO + step.name, step.undo
    return None
