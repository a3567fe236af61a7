"""A few threads that run handlers. Started as needed, never more than allowed; daemon threads, so that a
stuck handler cannot keep a process from ending."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Workers:
    """Not bounded itself: the prefetch of the consumers that feed it bounds it."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._idle = threading.Condition()
        self._pending = 0  # queued and running
        self._threads = 0
        self._stopped = False

    def put(self, task: Callable[[], None]) -> None:
        """Runs the task soon; after stop() it is forgotten, its message unsettled."""
        with self._idle:
            if self._stopped:
                return
            self._pending += 1
            if self._pending > self._threads and self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._run, name=f"{self._name}-{self._threads}", daemon=True).start()
        self._tasks.put(task)

    def stop(self, grace: float) -> bool:
        """Lets queued and running tasks end for ``grace`` seconds; False if some did not. Repeatable."""
        end = time.monotonic() + grace
        with self._idle:
            done = self._idle.wait_for(lambda: self._pending == 0, max(end - time.monotonic(), 0))
            if not self._stopped:
                self._stopped = True
                for _ in range(self._threads):
                    self._tasks.put(None)
        return done

    def _run(self) -> None:
        while True:
            task = self._tasks.get()
            if task is None:
                return
            try:
                if not self._stopped:
                    task()
            except BaseException:
                log.critical("%s: a handler died; its message stays unsettled", self._name, exc_info=True)
            finally:
                with self._idle:
                    self._pending -= 1
                    if self._pending == 0:
                        self._idle.notify_all()
