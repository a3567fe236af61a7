"""Reports on their way to the conductor: sent at once, kept while the broker is away. Knows no order.

Bounded: when it is full the oldest is dropped, and the conductor will ask again.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from iaas import context, errors

_LOG = logging.getLogger(__name__)


class Report(Protocol):
    """What is sent: an answer to an order, of a compute or a volume host."""

    @property
    def operation_id(self) -> str: ...


R = TypeVar("R", bound=Report)


class Outbox(Generic[R]):
    """``send`` hands one report to the broker and raises Error when it can't."""

    def __init__(self, send: Callable[[R], None], limit: int = 1000) -> None:
        self._send = send
        self._waiting: deque[tuple[R, context.Context | None]] = deque(maxlen=limit)
        self._lock = threading.Lock()

    def hint(self, report: R) -> None:
        """A sign of life: worth one try."""
        try:
            self._send(report)
        except errors.Error as error:
            _LOG.info("no sign of life sent: %s", error.message)

    def final(self, report: R) -> None:
        """The end of an order: sent now, or kept for ``flush``."""
        try:
            self._send(report)
        except errors.Error as error:
            _LOG.warning("report on operation %s kept: %s", report.operation_id, error.message)
            self._waiting.append((report, context.current()))

    def flush(self) -> int:
        """Sends what was kept, oldest first, up to the first failure; answers how many are left. Raises
        nothing.
        """
        with self._lock:
            while self._waiting:
                report, caller = self._waiting[0]
                try:
                    with context.use(caller or context.system()):
                        self._send(report)
                except errors.Error:
                    break
                if self._waiting and self._waiting[0][0] is report:
                    self._waiting.popleft()
            return len(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)
