"""The conductor's threads: a bounded pool that advances operations, the sweeper, the renewal of leases."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from iaas.conductor.engine import Engine
from iaas.db import operations
from iaas.db.engine import Database
from iaas.errors import Unavailable

log = logging.getLogger(__name__)

QUEUE = 1000  # doorbells held at most; the sweeper finds what was dropped
QUIET_S = 2.0  # a queued operation older than this lost its doorbell (C-02)


class Executor(Protocol):
    """What runs work elsewhere; tests hand in one that runs it at once."""

    def submit(self, function: Callable[[str], None], argument: str, /) -> object: ...


class Worker:
    """``ring`` is safe from any thread, never blocks, and forgets what it is already about to do.

    Operations that have begun go before those that have not: in a storm the first server that was ordered is the first
    that is there, and not all of them at the end.
    """

    def __init__(self, database: Database, engine: Engine, executor: Executor) -> None:
        self.database, self.engine, self.executor = database, engine, executor
        self._waiting: set[str] = set()
        self._begun: deque[str] = deque()
        self._new: deque[str] = deque()
        self._lock = threading.Lock()
        engine.ring = self.ring

    def ring(self, operation_id: str, begun: bool = True) -> None:
        with self._lock:
            if operation_id in self._waiting or len(self._waiting) >= QUEUE:
                return
            self._waiting.add(operation_id)
            (self._begun if begun else self._new).append(operation_id)
        with suppress(RuntimeError):  # the pool is shut down: the sweeper of another worker takes it up
            self.executor.submit(self._advance, operation_id)

    def sweep(self) -> int:
        """Rings for every operation that nobody works on and somebody should; gives their number."""
        with self.database.read() as tx:
            found = operations.due(tx, QUIET_S, self.engine.owner)
        # Our own that no thread has in hand were dropped when the database went away: they go on without their lease's
        # having to run out.
        dropped = [operation_id for operation_id in found if operation_id not in self.engine.held]
        for operation_id in dropped:
            self.ring(operation_id)
        return len(dropped)

    def _advance(self, _rung: str) -> None:
        """Each ring makes one run, of whatever is the next then."""
        with self._lock:
            operation_id = (self._begun or self._new).popleft()
            self._waiting.discard(operation_id)
        try:
            self.engine.advance(operation_id)
        except Unavailable as error:
            log.warning("operation %s: %s", operation_id, error.message)
        except Exception:
            log.exception("operation %s", operation_id)


def pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=workers, thread_name_prefix="operation")
