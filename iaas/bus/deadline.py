"""The time that is left for what this thread does, so that calls made on the way end sooner than their
caller.

A deadline is a moment of the clock's ``monotonic()``; only seconds left ever cross the bus, because two
hosts' clocks do not agree (RELIABILITY C-20).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from iaas.clock import Clock

_deadline: ContextVar[float | None] = ContextVar("iaas_deadline", default=None)


def remaining(clock: Clock) -> float | None:
    """Seconds left, negative when over; None without a deadline."""
    at = _deadline.get()
    return None if at is None else at - clock.monotonic()


@contextmanager
def until(at: float | None) -> Iterator[None]:
    """Sets the deadline to a moment (None: no deadline) for the length of the block. For the bus server."""
    token = _deadline.set(at)
    try:
        yield
    finally:
        _deadline.reset(token)


@contextmanager
def within(seconds: float, clock: Clock) -> Iterator[None]:
    """The block's calls end within ``seconds``, or by the deadline that is already set if that is sooner."""
    at, outer = clock.monotonic() + seconds, _deadline.get()
    with until(at if outer is None else min(at, outer)):
        yield
