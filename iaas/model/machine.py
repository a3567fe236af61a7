"""State machines as tables: event, from-states, while-task, to-state. Pure; the verbs: iaas/db/machine.py.

    SERVER = machine("server", State, Task,
        # event    from              while           to
        ("stop",   {ACTIVE, ERROR},  Task.STOPPING,  STOPPED),
        ("delete", ANY,              Task.DELETING,  DELETED, Overrides()),
    )

``begin`` puts the task beside the unchanged state, ``finish`` clears it and moves to the to-state, ``fail``
clears it and stays (or moves to the row's failure state). From the one table come the allowed-action check,
the words of the 409, the diagram and the list of tasks that can be stuck.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import EllipsisType, MappingProxyType
from typing import Any, Generic, TypeVar

from iaas.errors import Internal

S = TypeVar("S", bound=StrEnum)
T = TypeVar("T", bound=StrEnum)

ANY = ...  # from-states: all of them
SAME = None  # to-state: whatever it was


@dataclass(frozen=True)
class Overrides:
    """Fifth item of a row: the event may begin although another task (never its own) is under way; any task, or only
    those that are named."""

    tasks: tuple[StrEnum, ...] = ()


@dataclass(frozen=True)
class OnFailure(Generic[S]):
    """Fifth item of a row: where ``fail`` leads; without it the state stays what it was."""

    state: S


@dataclass(frozen=True)
class Transition(Generic[S, T]):
    """One row. ``task`` None: an immediate event: ``begin`` does all of it, nothing is left to finish."""

    event: str
    sources: frozenset[S]
    task: T | None
    target: S | None  # None: the state stays
    overrides: bool = False
    overridden: frozenset[T] | None = None  # the tasks that it may override; None: any but its own
    failure: S | None = None  # None: the state stays


@dataclass(frozen=True)
class Machine(Generic[S, T]):
    """A table. ``name`` is the noun for messages; ``states`` and ``tasks``: all that the columns hold.

    ``yielding``: tasks that every event may take over but those whose tasks yield, too.
    """

    name: str
    states: tuple[S, ...]
    tasks: tuple[T, ...]
    transitions: Mapping[str, Transition[S, T]]
    yielding: frozenset[T] = frozenset()

    @property
    def events(self) -> tuple[str, ...]:
        return tuple(self.transitions)

    def transition(self, event: str) -> Transition[S, T]:
        """The row of the event. An event that no row has is a defect: Internal."""
        try:
            return self.transitions[event]
        except KeyError:
            raise Internal(f"{self.name} has no event {event!r}") from None

    def allowed(self, event: str, state: str, task: str | None) -> bool:
        """Whether ``begin(event)`` may win on an object in this state, with this task under way."""
        row = self.transition(event)
        return (task is None or task in self.overridden(event)) and state in row.sources

    def overridden(self, event: str) -> frozenset[T]:
        """The tasks from which the event may take over; never its own."""
        row = self.transition(event)
        found = frozenset() if row.task in self.yielding else self.yielding
        if row.overrides:
            found |= frozenset(self.tasks if row.overridden is None else row.overridden)
        return found - {row.task}

    def possible(self, state: str, task: str | None) -> tuple[str, ...]:
        """The events that may begin now, in the order of the table."""
        return tuple(event for event in self.transitions if self.allowed(event, state, task))

    def event_of(self, task: str) -> str:
        """Whose task it is: what a reconciler must finish or fail when it finds the task stuck."""
        for row in self.transitions.values():
            if row.task == task:
                return row.event
        raise Internal(f"{self.name} has no event with the task {task!r}")

    def refusal(self, event: str, id: str, state: str, task: str | None) -> str:
        """Why the event may not begin, for the 409."""
        state_bad = state not in self.transition(event).sources
        reason = f"state {state}" if state_bad or task is None else f"task {task}"
        return f"Cannot '{event}' {self.name} {id} while it is in {reason}"

    def diagram(self) -> str:
        """A Mermaid state diagram: solid ends, tasks in brackets, failures where they lead elsewhere."""
        lines = ["stateDiagram-v2"]
        for row in self.transitions.values():
            words = row.event if row.task is None else f"{row.event} [{row.task.value}]"
            for state in self.states:
                if state not in row.sources:
                    continue
                lines.append(f"    {state.value} --> {(row.target or state).value}: {words}")
                if row.failure is not None:
                    lines.append(f"    {state.value} --> {row.failure.value}: {row.event} fails")
        return "\n".join(lines) + "\n"


def machine(
    name: str, states: type[S], tasks: type[T], *rows: tuple[Any, ...], yielding: frozenset[T] = frozenset()
) -> Machine[S, T]:
    """The machine of the rows ``(event, from-states or ANY, task or None, to-state or SAME[, Overrides() |
    OnFailure(state)]…)``. Raises Internal for an event or task that is there twice, or a stranger."""
    table: dict[str, Transition[S, T]] = {}
    used: set[T] = set()
    for event, sources, task, target, *extras in rows:
        row = _row(states, tasks, event, sources, task, target, extras)
        if event in table or row.task in used:
            raise Internal(f"machine {name}: event {event!r} or its task {row.task} is there twice")
        if row.task is not None:
            used.add(row.task)
        table[event] = row
    return Machine(name, tuple(states), tuple(tasks), MappingProxyType(table), yielding)


def _row(
    states: type[S],
    tasks: type[T],
    event: str,
    sources: Iterable[S] | EllipsisType,
    task: T | None,
    target: S | None,
    extras: list[Any],
) -> Transition[S, T]:
    failure = next((extra.state for extra in extras if isinstance(extra, OnFailure)), None)
    overrides = next((extra for extra in extras if isinstance(extra, Overrides)), None)
    froms: frozenset[S] = frozenset(states) if isinstance(sources, EllipsisType) else frozenset(sources)
    named = [*froms, *(state for state in (target, failure) if state is not None)]
    strangers = [item for item in named if not isinstance(item, states)]
    strangers += [item for item in (overrides.tasks if overrides else ()) if not isinstance(item, tasks)]
    strangers += [item for item in extras if not isinstance(item, (Overrides, OnFailure))]
    if strangers or not froms or (task is not None and not isinstance(task, tasks)):
        raise Internal(f"row {event!r}: empty from-states, or not a state or task: {strangers or task}")
    if task is None and failure is not None:
        raise Internal(f"row {event!r}: an immediate event can't fail half-way")
    overridden: frozenset[Any] | None = frozenset(overrides.tasks) if overrides and overrides.tasks else None
    return Transition(event, froms, task, target, overrides is not None, overridden, failure)
