"""Time as a dependency: production code asks a Clock, tests hand in one that they move."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The wall clock, aware, UTC. For records; never for leases across machines (those use the database)."""

    def monotonic(self) -> float:
        """Seconds that never step back. For deadlines and intervals in one process."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Waits until the event is set or the time is over; True if it was set."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)


class ManualClock:
    """A clock that moves only when told: ``advance(seconds)``."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.advance(seconds)
        return event.is_set()

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


def iso8601(moment: datetime | None) -> str | None:
    """``2026-01-31T12:00:00Z``: how the compute and image APIs write a time; None stays None."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso8601_micro(moment: datetime | None) -> str | None:
    """``2026-01-31T12:00:00.000000``: how the volume API and instance actions write a time (UTC, no zone)."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
