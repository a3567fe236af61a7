"""One accepted order while it is carried out: its checkpoints, its patience, its signs of life. Knows no
driver.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from iaas import errors
from iaas.clock import Clock
from iaas.model.order import Order, Report

T = TypeVar("T")
SIGN_OF_LIFE = 5.0  # seconds between two; the conductor asks again after a longer silence
PATIENCE = 15.0  # seconds that a hypervisor may be away (a restart of libvirtd) before an order fails
Key = tuple[str, str, int]


class Patience(Protocol):
    """What long work asks of whoever wants it; each may raise, which ends the work."""

    def check(self) -> None:
        """Before a side effect."""

    def progress(self) -> None:
        """Between two pieces."""

    def pause(self, seconds: float) -> None:
        """Waits."""


class Superseded(Exception):
    """A newer fence has arrived for this server: stop here, undo nothing, report nothing."""


def key_of(order: Order) -> Key:
    """What makes two orders the same order."""
    return order.operation_id, order.step, order.fence


class Work:
    """``certain``: the order came to a host that is in touch, so what is here is the host's own (see Tenure)."""

    def __init__(
        self, order: Order, host: str, clock: Clock, tell: Callable[[Report], None], *, certain: bool = True
    ) -> None:
        self.order = order
        self.certain = certain
        self.key = key_of(order)
        self._host = host
        self._clock = clock
        self._tell = tell
        self.data: dict[str, Any] = {}  # what the handler has to tell beside the power
        self._stop = threading.Event()
        self._told = clock.monotonic()

    def supersede(self) -> None:
        self._stop.set()

    def check(self) -> None:
        """A checkpoint: raises Superseded when a newer order for the server has come. Before every side
        effect.
        """
        if self._stop.is_set():
            raise Superseded

    def progress(self) -> None:
        """A checkpoint in long work, with a sign of life to the conductor every few seconds."""
        self.check()
        if self._clock.monotonic() - self._told >= SIGN_OF_LIFE:
            self.sign_of_life()

    def sign_of_life(self) -> None:
        self._told = self._clock.monotonic()
        self._tell(self.report(done=False))

    def pause(self, seconds: float) -> None:
        """Waits, at most until superseded."""
        self._clock.wait(self._stop, seconds)
        self.progress()

    def now(self) -> float:
        return self._clock.monotonic()

    def insist(self, act: Callable[[], T]) -> T:
        """Repeats what bears repetition while the hypervisor is away (F-55), for PATIENCE seconds."""
        deadline = self.now() + PATIENCE
        while True:
            self.check()
            try:
                return act()
            except errors.Unavailable as error:
                if error.details.get("resource") != "hypervisor" or self.now() >= deadline:
                    raise
            self.pause(1.0)

    def report(self, *, done: bool, error: errors.Error | None = None, stale: bool = False) -> Report:
        """A report on this order; the power is for the caller to add."""
        return Report(
            operation_id=self.order.operation_id,
            step=self.order.step,
            fence=self.order.fence,
            server_id=self.order.server_id,
            host=self._host,
            done=done,
            error=error.message if error else None,
            error_kind=error.kind if error else None,
            stale=stale,
            data=dict(self.data),
        )
