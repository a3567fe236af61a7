"""Several brokers that need not know each other: everybody listens at all of them and sends to any (A-014).

One that dies takes with it what it held, until it is back: hints, calls under way, and casts, which are doorbells whose
work is a row. Nothing else stands still. They may as well be the members of a cluster of three or more; of two it must
not be one, as RabbitMQ's quorum queues need more than half of their members.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from iaas.bus.transport import CONFIRM_SECONDS, Address, DeadLetter, Delivery, Subscription, Transport
from iaas.errors import Unavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

TURN_S = 5.0  # for so long a sender keeps to one broker, so that what follows each other mostly arrives so
LEAST_S = 1.0  # of the time for a confirmation, for a broker that is not the last to be tried


class Several(Transport):
    """``brokers``: a transport for each."""

    def __init__(self, brokers: Sequence[Transport]) -> None:
        self._brokers = tuple(brokers)
        self._offset = random.randrange(len(self._brokers))  # noqa: S311 - spreads load, protects nothing

    def publish(self, to: Address, body: bytes, timeout: float = CONFIRM_SECONDS) -> None:
        end = time.monotonic() + timeout
        reasons: list[str] = []
        for left, broker in self._in_turn():
            remaining = end - time.monotonic()
            try:
                return broker.publish(to, body, max(LEAST_S, remaining / left))
            except Unavailable as error:
                reasons.append(error.message)
        raise Unavailable(" ".join(reasons))

    def hint(self, to: Address, body: bytes) -> None:
        _, broker = next(self._in_turn())
        broker.hint(to, body)

    def request(self, to: Address, body: bytes, seconds: float) -> bytes:
        end = time.monotonic() + seconds
        reasons: list[str] = []
        for _, broker in self._in_turn():
            try:
                return broker.request(to, body, max(0.001, end - time.monotonic()))
            except Unavailable as error:  # surely not delivered; a Timeout leaves that open, and is not tried again
                reasons.append(error.message)
        raise Unavailable(" ".join(reasons))

    def consume(
        self, sources: Sequence[Address], handler: Callable[[Delivery], None], *, prefetch: int, workers: int
    ) -> Subscription:
        return _Subscriptions(
            [broker.consume(sources, handler, prefetch=prefetch, workers=workers) for broker in self._brokers]
        )

    def reachable(self) -> bool:
        return any(broker.reachable() for broker in self._brokers)

    def depth(self, of: Address) -> int | None:
        found = [depth for depth in self._ask(lambda broker: broker.depth(of)) if depth is not None]
        return sum(found) if found else None

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        found = self._ask(lambda broker: broker.dead_letters(limit))
        return [letter for letters in found for letter in letters][:limit]

    def close(self, grace: float = 5.0) -> None:
        end = time.monotonic() + grace
        for broker in self._brokers:
            broker.close(max(0.0, end - time.monotonic()))

    def _in_turn(self) -> Iterator[tuple[int, Transport]]:
        """(how many are left to try, broker): whose turn it is first, those that are known to be away last."""
        count = len(self._brokers)
        turn = (self._offset + int(time.monotonic() / TURN_S)) % count
        rotated = self._brokers[turn:] + self._brokers[:turn]
        ranked = sorted(rotated, key=lambda broker: not broker.reachable())
        yield from zip(range(count, 0, -1), ranked, strict=True)

    def _ask(self, question: Callable[[Transport], T]) -> list[T]:
        """Every broker's answer that is there. Raises Unavailable when none has one."""
        found, reasons = [], []
        for broker in self._brokers:
            try:
                found.append(question(broker))
            except Unavailable as error:
                reasons.append(error.message)
        if not found:
            raise Unavailable(" ".join(reasons))
        for reason in reasons:
            log.warning("a broker is left out: %s", reason)
        return found


class _Subscriptions(Subscription):
    """Ready as soon as messages can come in by one of the brokers: another may be away for long."""

    def __init__(self, parts: Sequence[Subscription]) -> None:
        self._parts = tuple(parts)

    def ready(self, timeout: float) -> bool:
        end = time.monotonic() + timeout
        while True:
            if any(part.ready(0.02) for part in self._parts):
                return True
            if time.monotonic() >= end:
                return False

    def close(self, grace: float = 5.0) -> None:
        end = time.monotonic() + grace
        for part in self._parts:
            part.close(max(0.0, end - time.monotonic()))
