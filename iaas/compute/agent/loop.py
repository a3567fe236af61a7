"""A thread that does one thing again and again, at its interval or as soon as it is woken. Knows not
what it does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from iaas import context

_LOG = logging.getLogger(__name__)


class Loop:
    """``action`` may raise: that round is logged and the next one comes. A daemon thread: it never
    delays an exit.
    """

    def __init__(self, name: str, interval: float, action: Callable[[], object]) -> None:
        self._name = name
        self._interval = interval
        self._action = action
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """The next round is now; from any thread."""
        self._wake.set()

    def stop(self, seconds: float) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping:
            try:
                with context.use(context.system()):
                    self._action()
            except Exception:  # noqa: BLE001  (the loop is what repairs things: it must go on)
                _LOG.exception("loop %s", self._name)
            self._wake.wait(self._interval)
            self._wake.clear()
