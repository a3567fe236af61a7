"""Where orders are carried out: a bounded pool of threads, or at once in the caller's thread for tests.

Daemon threads: when the process is told to end it ends, and the conductor has the work done again (C-25).
"""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from iaas import errors

_LOG = logging.getLogger(__name__)
Job = Callable[[], None]


class Executor(Protocol):
    def submit(self, job: Job) -> None:
        """Carries the job out, now or later, in the submitter's context. Raises Unavailable when it is
        full.
        """


class Inline:
    """At once, in the caller's thread: tests see every effect when ``submit`` returns."""

    def submit(self, job: Job) -> None:
        job()


class Pool:
    """``workers`` threads, started as they are needed; at most ``backlog`` jobs wait."""

    def __init__(self, workers: int, name: str, backlog: int = 1000) -> None:
        self._workers = workers
        self._name = name
        self._jobs: queue.Queue[Job | None] = queue.Queue(backlog)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._unfinished = 0

    def submit(self, job: Job) -> None:
        context = contextvars.copy_context()
        with self._lock:
            try:
                self._jobs.put_nowait(lambda: context.run(job))
            except queue.Full:
                raise errors.Unavailable("The host has too many orders waiting.") from None
            self._unfinished += 1
            if len(self._threads) < min(self._workers, self._unfinished):
                thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def stop(self, seconds: float) -> bool:
        """Takes nothing more and waits for what runs; True if all ended in time. Waiting jobs are dropped."""
        with suppress(queue.Empty):
            while True:
                self._jobs.get_nowait()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(seconds / len(self._threads))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:  # noqa: BLE001  (a defect in one job must not cost the pool a thread)
                _LOG.exception("job of %s", self._name)
            with self._lock:
                self._unfinished -= 1
