"""State machines: the table, and its three verbs on SQL rows agreeing with it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

import pytest
import sqlalchemy as sa

from iaas.clock import ManualClock
from iaas.db import machine as verbs
from iaas.db.engine import Database
from iaas.errors import Conflict, Internal, NotFound
from iaas.model.machine import ANY, SAME, OnFailure, Overrides, machine


class State(StrEnum):
    NEW = "new"
    ON = "on"
    OFF = "off"
    ERROR = "error"
    GONE = "gone"


class Task(StrEnum):
    MAKING = "making"
    STOPPING = "stopping"
    STARTING = "starting"
    REBOOTING = "rebooting"
    DELETING = "deleting"


LAMP = machine(
    "lamp",
    State,
    Task,
    ("make", {State.NEW}, Task.MAKING, State.ON, OnFailure(State.ERROR)),
    ("stop", {State.ON, State.ERROR}, Task.STOPPING, State.OFF),
    ("start", {State.OFF}, Task.STARTING, State.ON),
    ("reboot", {State.ON}, Task.REBOOTING, SAME),
    ("reset", {State.ERROR}, None, State.OFF),
    ("delete", ANY, Task.DELETING, State.GONE, Overrides()),
)
META = sa.MetaData()
LAMPS = sa.Table(
    "lamps",
    META,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("task", sa.String(16)),
    sa.Column("version", sa.Integer, nullable=False, default=0),
    sa.Column("note", sa.String(16)),
)


@pytest.fixture
def lamps(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/lamps.sqlite", clock=ManualClock())
    META.create_all(database.engine)
    yield database
    database.close()


def put(database: Database, state: str, task: str | None = None) -> None:
    with database.transaction() as tx:
        tx.delete(LAMPS, LAMPS.c.id == "x")
        tx.insert(LAMPS, {"id": "x", "state": state, "task": task})


def seen(database: Database) -> tuple[str, str | None]:
    with database.read() as tx:
        row = tx.first(sa.select(LAMPS.c.state, LAMPS.c.task))
        assert row is not None
        return row[0], row[1]


def tries(database: Database, verb: Callable[..., None], event: str) -> bool:
    try:
        with database.transaction() as tx:
            verb(tx, LAMPS, "x", LAMP, event)
    except Conflict:
        return False
    return True


def test_every_state_task_and_event_is_either_in_the_table_or_refused_by_sql_too(lamps: Database) -> None:
    for state, task, event in itertools.product(State, [None, *Task], LAMP.events):
        put(lamps, state, task)
        row = LAMP.transition(event)
        if tries(lamps, verbs.begin, event):
            assert LAMP.allowed(event, state, task), (state, task, event)
            moved = row.target if row.task is None and row.target else state
            assert seen(lamps) == (moved, row.task)
        else:
            assert not LAMP.allowed(event, state, task), (state, task, event)
            assert seen(lamps) == (state, task)


def test_only_the_event_whose_task_runs_can_finish_or_fail(lamps: Database) -> None:
    timed = [event for event in LAMP.events if LAMP.transition(event).task]
    for state, task, event in itertools.product(State, [None, *Task], timed):
        row = LAMP.transition(event)
        for verb, end in ((verbs.finish, row.target), (verbs.fail, row.failure)):
            put(lamps, state, task)
            if task == row.task:
                assert tries(lamps, verb, event)
                assert seen(lamps) == (end or state, None)
            else:
                assert not tries(lamps, verb, event)
                assert seen(lamps) == (state, task)


def test_eight_threads_racing_four_actions_have_exactly_one_winner(lamps: Database) -> None:
    for _ in range(5):
        put(lamps, "on")
        won: list[str] = []
        gate = threading.Barrier(8)

        def race(event: str, gate: threading.Barrier = gate, won: list[str] = won) -> None:
            gate.wait(10)
            if tries(lamps, verbs.begin, event):
                won.append(event)

        events = ["stop", "reboot", "stop", "reboot", "start", "make", "stop", "reboot"]
        threads = [threading.Thread(target=race, args=(event,)) for event in events]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(won) == 1
        assert seen(lamps) == ("on", LAMP.transition(won[0]).task)


def test_the_conflict_says_what_stood_in_the_way(lamps: Database) -> None:
    put(lamps, "off")
    with (
        pytest.raises(Conflict, match="Cannot 'stop' lamp x while it is in state off"),
        lamps.transaction() as tx,
    ):
        verbs.begin(tx, LAMPS, "x", LAMP, "stop")
    put(lamps, "on", "rebooting")
    with pytest.raises(Conflict, match="while it is in task rebooting") as caught, lamps.transaction() as tx:
        verbs.begin(tx, LAMPS, "x", LAMP, "stop")
    assert caught.value.details == {
        "resource": "lamp", "id": "x", "event": "stop", "state": "on", "task": "rebooting",
    }  # fmt: skip
    with pytest.raises(NotFound), lamps.transaction() as tx:
        verbs.begin(tx, LAMPS, "y", LAMP, "stop")


def test_a_delete_overrides_any_task_but_not_another_delete(lamps: Database) -> None:
    put(lamps, "off", "starting")
    assert tries(lamps, verbs.begin, "delete")
    assert not tries(lamps, verbs.finish, "start")
    assert not tries(lamps, verbs.begin, "delete")
    assert tries(lamps, verbs.finish, "delete")
    assert seen(lamps) == ("gone", None)


def test_further_conditions_and_columns_travel_in_the_same_update(lamps: Database) -> None:
    put(lamps, "on")
    with pytest.raises(Conflict, match="changed at the same time"), lamps.transaction() as tx:
        verbs.begin(tx, LAMPS, "x", LAMP, "stop", where=LAMPS.c.version == 7)
    with lamps.transaction() as tx:
        verbs.begin(tx, LAMPS, "x", LAMP, "stop", where=LAMPS.c.version == 0, values={"note": "hot"})
    with lamps.read() as tx:
        assert tuple(tx.all(sa.select(LAMPS.c.version, LAMPS.c.note))[0]) == (1, "hot")


def test_the_table_answers_what_is_possible_and_whose_task_it_is() -> None:
    assert LAMP.possible("on", None) == ("stop", "reboot", "delete")
    assert LAMP.possible("on", "stopping") == ("delete",)
    assert LAMP.event_of("rebooting") == "reboot"
    with pytest.raises(Internal):
        LAMP.transition("fly")


def test_the_diagram_shows_every_row() -> None:
    text = LAMP.diagram()
    assert "    on --> off: stop [stopping]" in text
    assert "    new --> error: make fails" in text
    assert "    on --> on: reboot [rebooting]" in text
    assert all(f": {event}" in text for event in LAMP.events)


@pytest.mark.parametrize(
    "rows",
    [
        [("stop", {State.ON}, Task.STOPPING, State.OFF), ("stop", {State.OFF}, Task.STARTING, State.ON)],
        [("stop", {State.ON}, Task.STOPPING, State.OFF), ("halt", {State.OFF}, Task.STOPPING, State.ON)],
        [("stop", set(), Task.STOPPING, State.OFF)],
        [("stop", {"on"}, Task.STOPPING, State.OFF)],
        [("stop", {State.ON}, "stopping", State.OFF)],
        [("stop", {State.ON}, None, State.OFF, OnFailure(State.ERROR))],
        [("stop", {State.ON}, Task.STOPPING, State.OFF, State.ERROR)],
    ],
)
def test_a_table_with_a_mistake_is_refused_when_it_is_made(rows: list[tuple[object, ...]]) -> None:
    with pytest.raises(Internal):
        machine("broken", State, Task, *rows)
