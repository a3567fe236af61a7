"""Time as a dependency."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta, timezone

from iaas.clock import ManualClock, SystemClock, iso8601, iso8601_micro


def test_a_clock_in_a_test_moves_only_when_told_and_both_its_hands_together() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    now, ticks = clock.now(), clock.monotonic()
    assert (clock.now(), clock.monotonic()) == (now, ticks)
    clock.advance(90)
    assert clock.now() - now == timedelta(seconds=90)
    assert clock.monotonic() - ticks == 90


def test_waiting_on_a_clock_in_a_test_takes_no_time() -> None:
    clock, event, began = ManualClock(), threading.Event(), time.monotonic()
    assert not clock.wait(event, 3600)
    event.set()
    assert clock.wait(event, 3600)
    assert time.monotonic() - began < 1
    assert clock.monotonic() == 1000 + 7200


def test_the_real_clock_is_aware_in_utc_and_wakes_at_once() -> None:
    clock, event = SystemClock(), threading.Event()
    assert clock.now().tzinfo is UTC
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.monotonic() <= clock.monotonic()
    assert not clock.wait(event, 0)
    event.set()
    assert clock.wait(event, 60)


def test_times_are_written_as_the_apis_publish_them() -> None:
    moment = datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC)
    assert iso8601(moment) == "2026-01-31T12:00:00Z"
    assert iso8601_micro(moment) == "2026-01-31T12:00:00.000005"
    assert iso8601(None) is None
    assert iso8601_micro(None) is None


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    """The letter says Z: it had better be so."""
    east = datetime(2026, 1, 31, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    assert iso8601(east) == "2026-01-31T12:00:00Z"
    assert iso8601_micro(east) == "2026-01-31T12:00:00.000000"
