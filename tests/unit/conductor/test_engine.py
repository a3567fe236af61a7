"""The engine against toy flows: resume, undo, take-over, superseding, sleeping. F-04, F-18, F-95, C-05 … C-08."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from iaas import failpoints
from iaas.clock import ManualClock
from iaas.conductor.engine import Engine
from iaas.conductor.flow import Done, Flow, Run, Step, Wait
from iaas.conductor.worker import Worker
from iaas.context import system
from iaas.db import operations
from iaas.db.engine import Database, Tx
from iaas.errors import Conflict, NotFound, NoValidHost, Unavailable
from iaas.model.operation import NO_TURN, Operation, OperationState
from tests.cloud.harness import Inbox

RESOURCE = ("toy", "t-1")


class Toy:
    """A flow of steps a, b, c that writes down what ran."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ran: list[str] = []
        self.ended: list[str] = []
        self.does: dict[str, Callable[[Run], Any]] = {}
        self.again: dict[str, Any] | None = None
        self.fences = 100

    def step(self, name: str) -> Step:
        def do(run: Run) -> Any:
            self.ran.append(name)
            return self.does.get(name, lambda run: Done({"from": name}))(run)

        def undo(run: Run) -> Any:
            self.ran.append(f"undo {name}")
            return self.does.get(f"undo {name}", lambda run: Done())(run)

        return Step(name, do, undo)

    def flow(self, stubborn: bool = False) -> Flow[Any]:
        def fail(tx: Tx, operation: Operation, reason: str) -> None:
            self.ended.append(f"failed: {reason}")

        return Flow(
            kind="toy",
            steps=tuple(self.step(name) for name in "abc"),
            finish=lambda tx, run: self.ended.append("finished"),
            fail=fail,
            again=lambda operation, lines: self._again(),
            stubborn=stubborn,
        )

    def _again(self) -> dict[str, Any] | None:
        again, self.again = self.again, None
        return again

    def raise_fence(self, tx: Tx, kind: str, resource_id: str) -> int:
        self.fences += 1
        return self.fences

    def engine(self, owner: str = "one", stubborn: bool = False) -> Engine:
        return Engine(self.database, {"toy": self.flow(stubborn)}, owner, self.raise_fence)

    def queue(self, **kwargs: Any) -> str:
        return self.database.run(lambda tx: operations.queue(tx, system(), "toy", RESOURCE, 1, **kwargs))

    def get(self, operation_id: str) -> Operation:
        with self.database.read() as tx:
            operation = operations.get(tx, operation_id)
        assert operation is not None
        return operation


@pytest.fixture
def toy(database: Database) -> Toy:
    return Toy(database)


def test_all_steps_run_once_in_order_and_the_end_is_written(toy: Toy) -> None:
    operation_id = toy.queue()
    assert toy.engine().advance(operation_id).state is OperationState.DONE
    assert toy.ran == ["a", "b", "c"]
    assert toy.ended == ["finished"]
    assert toy.engine().advance(operation_id).state is None, "an ended operation is not run again"


def test_a_failed_step_undoes_what_was_begun_the_last_first(toy: Toy) -> None:
    def refuse(run: Run) -> None:
        raise NoValidHost("no room")

    toy.does["b"] = refuse
    operation_id = toy.queue()
    assert toy.engine().advance(operation_id).state is OperationState.FAILED
    assert toy.ran == ["a", "b", "undo b", "undo a"]
    assert toy.ended == ["failed: no room"]
    assert toy.get(operation_id).error_kind == "no_valid_host"


def test_another_round_starts_over_with_new_parameters(toy: Toy) -> None:
    def refuse_once(run: Run) -> Any:
        if run.operation.rounds == 0:
            raise Conflict("taken")
        return Done()

    toy.does["b"] = refuse_once
    toy.again = {"exclude": ["h1"]}
    operation_id = toy.queue()
    assert toy.engine().advance(operation_id).state is OperationState.DONE
    assert toy.ran == ["a", "b", "undo b", "undo a", "a", "b", "c"]
    assert toy.get(operation_id).params == {"exclude": ["h1"]}


def test_a_crash_resumes_at_the_step_that_had_not_ended_under_a_higher_fence(toy: Toy, clock: ManualClock) -> None:
    def die(run: Run) -> Any:
        raise failpoints.Crash("b")

    toy.does["b"] = die
    operation_id = toy.queue()
    with pytest.raises(failpoints.Crash):
        toy.engine("one").advance(operation_id)
    del toy.does["b"]
    assert toy.engine("two").advance(operation_id).state is None, "the lease of the dead one still holds"
    clock.advance(31)
    with toy.database.read() as tx:
        assert operations.due(tx, 2.0, "two") == [operation_id]
    assert toy.engine("two").advance(operation_id).state is OperationState.DONE
    assert toy.ran == ["a", "b", "b", "c"]
    assert toy.get(operation_id).fence == 101


def test_a_worker_that_wakes_after_its_lease_writes_nothing(toy: Toy, clock: ManualClock) -> None:
    """F-95: its operation was taken over while it was stopped."""
    operation_id = toy.queue()

    def sleep_through_the_lease(run: Run) -> Any:
        clock.advance(31)
        toy.does.clear()
        assert toy.engine("two").advance(operation_id).state is OperationState.DONE
        run.write(lambda tx: pytest.fail("a stale worker wrote"))

    toy.does["b"] = sleep_through_the_lease
    assert toy.engine("one").advance(operation_id).state is None
    assert toy.ended == ["finished"]


def test_a_superseded_operation_ends_without_undo(toy: Toy) -> None:
    def overtaken(run: Run) -> Any:
        toy.database.run(lambda tx: operations.supersede(tx, *RESOURCE))
        return Done()

    toy.does["a"] = overtaken
    operation_id = toy.queue()
    assert toy.engine().advance(operation_id).state is None
    assert toy.ran == ["a"]
    assert toy.get(operation_id).state is OperationState.SUPERSEDED


def test_a_sleeping_operation_is_due_at_its_time_and_at_once_when_nudged(toy: Toy, clock: ManualClock) -> None:
    toy.does["b"] = lambda run: Wait(10)
    operation_id = toy.queue()
    assert toy.engine().advance(operation_id).state is OperationState.WAITING
    with toy.database.read() as tx:
        assert operations.due(tx, 2.0, "two") == []
    toy.database.run(lambda tx: operations.nudge(tx, [operation_id]))
    with toy.database.read() as tx:
        assert operations.due(tx, 2.0, "two") == [operation_id]
    del toy.does["b"]
    assert toy.engine().advance(operation_id).state is OperationState.DONE
    assert toy.ran == ["a", "b", "b", "c"]


def test_a_doorbell_that_rings_while_the_step_runs_is_not_lost(toy: Toy) -> None:
    operation_id = toy.queue()

    def rung_meanwhile(run: Run) -> Any:
        toy.does["b"] = lambda run: Done()
        assert toy.engine("two").advance(operation_id).state is None
        return Wait(3600)

    toy.does["b"] = rung_meanwhile
    assert toy.engine("one").advance(operation_id).state is OperationState.DONE


def test_a_dependency_that_is_away_is_waited_for(toy: Toy) -> None:
    def away(run: Run) -> Any:
        raise Unavailable("the broker is away")

    toy.does["a"] = away
    operation_id = toy.queue()
    assert toy.engine().advance(operation_id).state is OperationState.WAITING
    assert toy.ended == []


def test_a_passed_deadline_undoes_and_fails(toy: Toy, clock: ManualClock) -> None:
    toy.does["b"] = lambda run: Wait(10)
    operation_id = toy.queue(deadline_s=60)
    toy.engine().advance(operation_id)
    clock.advance(61)
    assert toy.engine().advance(operation_id).state is OperationState.FAILED
    assert toy.ran[-2:] == ["undo b", "undo a"]


def test_a_stubborn_flow_tries_a_failed_step_again_instead_of_undoing(toy: Toy, clock: ManualClock) -> None:
    def refuse(run: Run) -> Any:
        raise Conflict("busy")

    toy.does["b"] = refuse
    operation_id = toy.queue()
    assert toy.engine(stubborn=True).advance(operation_id).state is OperationState.WAITING
    del toy.does["b"]
    clock.advance(20)
    assert toy.engine(stubborn=True).advance(operation_id).state is OperationState.DONE
    assert toy.ran == ["a", "b", "b", "c"]


def test_a_defect_in_a_step_ends_the_operation(toy: Toy) -> None:
    """F-31: no crash loop."""

    def broken(run: Run) -> Any:
        raise KeyError("oops")

    toy.does["b"] = broken
    operation_id = toy.queue()
    assert toy.engine().advance(operation_id).state is OperationState.FAILED
    assert toy.get(operation_id).error == "b failed: KeyError"


def test_what_a_worker_had_to_drop_it_takes_up_again_before_its_lease_ends(
    toy: Toy, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F-39: the database went away between two steps. The fence stays: what is on its way is still wanted."""

    def away(point: str) -> None:
        if point == "conductor.after_step" and toy.ran == ["a", "b"]:
            raise Unavailable("the database is away")

    monkeypatch.setattr(failpoints, "hit", away)
    operation_id, engine = toy.queue(), toy.engine("one")
    with pytest.raises(Unavailable):
        engine.advance(operation_id)
    monkeypatch.undo()
    clock.advance(3)
    with toy.database.read() as tx:
        assert operations.due(tx, 2.0, "one") == [operation_id]
        assert operations.due(tx, 2.0, "two") == []
    assert toy.engine("two").advance(operation_id).state is None
    assert engine.advance(operation_id).state is OperationState.DONE
    assert toy.ran == ["a", "b", "b", "c"]
    assert toy.get(operation_id).fence == 1


def test_two_threads_of_one_worker_never_have_the_same_operation(toy: Toy, clock: ManualClock) -> None:
    operation_id, engine = toy.queue(), toy.engine("one")

    def again(run: Run) -> Any:
        clock.advance(3)
        assert engine.advance(operation_id).state is None
        return Done()

    toy.does["b"] = again
    assert engine.advance(operation_id).state is OperationState.DONE
    assert toy.ran == ["a", "b", "c"]


def test_the_sweeper_leaves_alone_what_its_own_threads_have_in_hand(toy: Toy, clock: ManualClock) -> None:
    operation_id, engine = toy.queue(), toy.engine("one")
    swept: list[int] = []

    def look(run: Run) -> Any:
        clock.advance(3)
        swept.append(Worker(toy.database, engine, Inbox()).sweep())
        return Done()

    toy.does["b"] = look
    assert engine.advance(operation_id).state is OperationState.DONE
    assert swept == [0]


class Queue:
    """A toy whose resource one operation at a time may have: ``holder`` is the fence that has it."""

    def __init__(self, toy: Toy) -> None:
        self.toy, self.holder, self.fence = toy, 0, 10

    def take(self, tx: Tx, operation: Operation) -> int | None:
        if self.holder:
            return None
        self.fence += 1
        self.holder = self.fence
        return self.fence

    def engine(self) -> Engine:
        def leave() -> None:
            self.holder = 0

        plain = self.toy.flow()
        ended = replace(
            plain, turn=self.take,
            finish=lambda tx, run: (leave(), self.toy.ended.append("finished"))[0],
            fail=lambda tx, operation, reason: (leave(), self.toy.ended.append(f"failed: {reason}"))[0],
        )  # fmt: skip
        return Engine(self.toy.database, {"toy": ended}, "one", self.toy.raise_fence)

    def queue(self, **kwargs: Any) -> str:
        return self.toy.database.run(
            lambda tx: operations.queue(tx, system(), "toy", RESOURCE, NO_TURN, yields=True, **kwargs)
        )


def test_an_operation_waits_for_its_turn_and_the_end_of_the_one_before_wakes_it(toy: Toy, clock: ManualClock) -> None:
    queue = Queue(toy)
    engine = queue.engine()
    toy.does["b"] = lambda run: Wait(10) if run.operation.fence == 11 and not run.report else Done()
    first = queue.queue()
    clock.advance(0.1)
    second = queue.queue()
    woken: list[str] = []
    engine.ring = woken.append
    assert engine.advance(first).state is OperationState.WAITING
    assert engine.advance(second).state is OperationState.WAITING
    assert toy.ran == ["a", "b"], "the second one has done nothing"
    assert toy.get(second).fence == NO_TURN
    toy.does["b"] = lambda run: Done()
    assert engine.advance(first).state is OperationState.DONE
    assert woken == [second]
    assert engine.advance(second).state is OperationState.DONE
    assert toy.get(second).fence == 12


def test_what_yields_loses_its_turn_and_does_everything_again_under_the_next_one(toy: Toy) -> None:
    queue = Queue(toy)
    engine = queue.engine()
    toy.does["b"] = lambda run: Wait(10)
    operation_id = queue.queue()
    engine.advance(operation_id)
    assert toy.database.run(lambda tx: operations.supersede(tx, *RESOURCE)) == 0, "it has not ended"
    assert engine.advance(operation_id).state is OperationState.WAITING, "what took over has the resource"
    queue.holder = 0
    toy.does["b"] = lambda run: Done()
    assert engine.advance(operation_id).state is OperationState.DONE
    assert toy.ran == ["a", "b", "a", "b", "c"]


def test_what_yields_while_it_is_undone_is_undone_completely_under_the_next_turn(toy: Toy) -> None:
    queue = Queue(toy)
    engine = queue.engine()

    def refuse(run: Run) -> Any:
        raise Conflict("no")

    toy.does["c"] = refuse
    toy.does["undo b"] = lambda run: Wait(10)
    operation_id = queue.queue()
    engine.advance(operation_id)
    toy.database.run(lambda tx: operations.supersede(tx, *RESOURCE))
    queue.holder = 0
    toy.does["undo b"] = lambda run: Done()
    assert engine.advance(operation_id).state is OperationState.FAILED
    assert toy.ran == ["a", "b", "c", "undo c", "undo b", "undo c", "undo b", "undo a"]
    assert toy.ended == ["failed: no"]


def test_a_worker_in_the_middle_of_a_step_learns_that_its_turn_is_over(toy: Toy) -> None:
    queue = Queue(toy)

    def taken_over(run: Run) -> Any:
        toy.database.run(lambda tx: operations.supersede(tx, *RESOURCE))
        return Done()

    toy.does["b"] = taken_over
    operation_id = queue.queue()
    assert queue.engine().advance(operation_id).state is None
    assert toy.get(operation_id).state is OperationState.QUEUED
    assert toy.ran == ["a", "b"]


def test_a_delete_ends_what_waits_and_what_yields(toy: Toy) -> None:
    queue = Queue(toy)
    toy.does["b"] = lambda run: Wait(10)
    first, second = queue.queue(), queue.queue()
    queue.engine().advance(first)
    assert toy.database.run(lambda tx: operations.supersede(tx, *RESOURCE, everything=True)) == 2
    assert [toy.get(id).state for id in (first, second)] == [OperationState.SUPERSEDED] * 2


def test_what_never_gets_its_turn_ends_at_its_deadline(toy: Toy, clock: ManualClock) -> None:
    queue = Queue(toy)
    queue.holder = 99
    operation_id = queue.queue(deadline_s=60)
    assert queue.engine().advance(operation_id).state is OperationState.WAITING
    clock.advance(61)
    assert queue.engine().advance(operation_id).state is OperationState.FAILED
    assert toy.ran == []


def test_what_waits_for_a_resource_that_has_gone_ends_with_it(toy: Toy) -> None:
    queue = Queue(toy)

    def gone(tx: Tx, operation: Operation) -> int | None:
        raise NotFound.of("toy", operation.resource_id)

    queue.take = gone  # type: ignore[method-assign]
    operation_id = queue.queue()
    assert queue.engine().advance(operation_id).state is OperationState.FAILED
    assert toy.get(operation_id).error_kind is None
    assert len(toy.ended) == 1 and toy.ran == []
