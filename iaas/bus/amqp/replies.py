"""The answers to this process's calls: who waits for which, and the queue that they come to."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any
from uuid import uuid4

from iaas.errors import Timeout, Unavailable

log = logging.getLogger(__name__)


class Waiter:
    """One call in flight."""

    def __init__(self) -> None:
        self.id = uuid4().hex
        self._done = threading.Event()
        self._body: bytes | None = None
        self._problem: Exception | None = None

    def answer(self, body: bytes) -> None:
        self._body = body
        self._done.set()

    def undelivered(self, problem: str | None) -> None:
        """From the publisher: None (it was delivered) changes nothing."""
        if problem is not None:
            self._problem = Unavailable(f"The call was not accepted: {problem}.")
            self._done.set()

    def unheard(self, reason: str) -> None:
        """The reply queue is gone, and with it the answer; whether the call was run is unknown."""
        self._problem = Timeout(f"The answer was lost: {reason}.")
        self._done.set()

    def wait(self, seconds: float) -> bytes:
        if not self._done.wait(max(seconds, 0)):
            raise Timeout("The answer did not come in time.")
        if self._body is None and self._problem is not None:
            raise self._problem
        return self._body or b""


class Replies:
    """The calls in flight, and the name of the current reply queue (None while there is none)."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[str, Waiter] = {}
        self._gone: str | None = None  # why there is no broker
        self._queue: str | None = None

    def queue(self, seconds: float) -> str:
        """The reply queue's name, waiting for the first connection. Raises Unavailable."""
        queue = self._queue
        if queue is not None:
            return queue
        end = time.monotonic() + seconds
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._gone, max(end - time.monotonic(), 0))
            if self._queue is None:
                raise Unavailable(f"The message broker is away: {self._gone or 'no connection in time'}.")
            return self._queue

    def expect(self) -> Waiter:
        waiter = Waiter()
        with self._changed:
            self._waiting[waiter.id] = waiter
        return waiter

    def forget(self, waiter: Waiter) -> None:
        with self._changed:
            self._waiting.pop(waiter.id, None)

    def up(self, queue: str) -> None:
        with self._changed:
            self._queue, self._gone = queue, None
            self._changed.notify_all()

    def lost(self, reason: str, *, gone: bool) -> None:
        with self._changed:
            self._queue, self._gone = None, reason if gone else None
            waiting, self._waiting = self._waiting, {}
            self._changed.notify_all()
        for waiter in waiting.values():
            waiter.unheard(reason)

    def arrived(self, message: Any) -> None:
        """An answer; one that nobody waits for (F-37: it came too late) is dropped."""
        waiter = self._waiting.get(message.properties.get("correlation_id", ""))
        if waiter is None:
            log.debug("an answer came too late")
            return
        waiter.answer(as_bytes(message.body))


def as_bytes(body: Any) -> bytes:
    """py-amqp decodes a body whose sender named an encoding; ours don't."""
    return body if isinstance(body, bytes) else str(body).encode("utf-8", "surrogateescape")
