"""The transport in memory: deterministic, for tests. Its behaviour is the specification that RabbitMQ is held
to.

Nothing moves by itself: ``drain()`` delivers, on the caller's thread, until all is quiet; only calls are
delivered at once, on the calling thread. Hooks for the fault tests: ``faults`` (drop, duplicate, shuffle by a
seed: F-27 to F-29), ``purge()`` (the broker's data are gone: F-25), ``away`` (the broker can't be reached:
F-22).
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from iaas.bus.transport import (
    CONFIRM_SECONDS,
    CONTENT_TYPE,
    DELIVERY_LIMIT,
    Address,
    DeadLetter,
    Delivery,
    Lane,
    Subscription,
    Transport,
)
from iaas.clock import Clock, SystemClock
from iaas.errors import Timeout, Unavailable
from iaas.failpoints import Crash

DEAD_LETTERS = 10_000


@dataclass
class Faults:
    """What goes wrong, reproducibly. Shares are probabilities per message; ``only`` restricts them to some
    addresses.
    """

    seed: int = 0
    drop: float = 0.0  # lost after it was accepted; a call times out without being run
    drop_reply: float = 0.0  # a call is run, and its answer lost
    duplicate: float = 0.0  # delivered 2 to 5 times (calls excepted: they are at most once)
    shuffle: bool = False  # any waiting message may be the next
    only: Callable[[Address], bool] = field(default=lambda address: True)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311

    def strikes(self, share: float, address: Address) -> bool:
        return share > 0 and self.only(address) and self.random.random() < share


@dataclass(eq=False)
class _Message:
    address: Address
    body: bytes
    content_type: str | None = CONTENT_TYPE
    attempt: int = 1
    target: _Subscription | None = None  # fanout: the one consumer that this copy is for


class _Delivery(Delivery):
    def __init__(self, bus: InprocTransport, message: _Message, received: float) -> None:
        self._bus, self._message, self._settled = bus, message, False
        self.body, self.content_type = message.body, message.content_type
        self.lane, self.attempt, self.received = message.address.lane, message.attempt, received
        self.answer: bytes | None = None

    def ack(self) -> None:
        self._settled = True

    def reject(self, *, requeue: bool, delay: float = 0.0) -> None:
        """The delay does not pass: the message goes behind all that wait."""
        if not self._settled:
            self._settled = True
            self._bus._returned(self._message, requeue)

    def reply(self, body: bytes) -> None:
        if self.lane is Lane.CALL:
            self.answer = body

    def lost(self) -> None:
        """The consumer died: what it had not settled is delivered again."""
        self.reject(requeue=True)


class _Subscription(Subscription):
    def __init__(self, bus: InprocTransport, sources: Sequence[Address], handler: Callable[[Delivery], None]) -> None:
        self._bus, self.sources, self.handler = bus, tuple(sources), handler

    def ready(self, timeout: float) -> bool:
        return True

    def close(self, grace: float = 5.0) -> None:
        self._bus._unsubscribe(self)


class InprocTransport(Transport):
    """See the module. ``prefetch`` and ``workers`` mean nothing here; a durable queue exists once it had a
    consumer.
    """

    def __init__(self, *, clock: Clock | None = None, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.away = False
        self.crashes: list[tuple[Address, BaseException]] = []  # endpoints that died while answering a call
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._draining = threading.Lock()
        self._ready: deque[_Message] = deque()
        self._parked: dict[Address, deque[_Message]] = {}  # durable queues: messages that wait for a consumer
        self._consumers: dict[Address, deque[_Subscription]] = {}  # the next to be served is the first
        self._dead: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS)
        self._closed = False

    def publish(self, to: Address, body: bytes, timeout: float = CONFIRM_SECONDS) -> None:
        with self._lock:
            self._check_broker()
            if to not in self._consumers and to not in self._parked:
                raise Unavailable(f"nobody has ever consumed {to.queue}")
            self._accept(to, body)

    def hint(self, to: Address, body: bytes) -> None:
        with self._lock:
            if not (self.away or self._closed):
                self._accept(to, body)

    def request(self, to: Address, body: bytes, seconds: float) -> bytes:
        """Delivers at once on this thread. An endpoint that dies of it is kept in ``crashes``; the caller
        times out.
        """
        with self._lock:
            self._check_broker()
            consumer = self._next_consumer(to)
            dropped = self.faults.strikes(self.faults.drop, to)
            unheard = self.faults.strikes(self.faults.drop_reply, to)
        if consumer is None:
            raise Unavailable(f"nobody consumes {to.queue}")
        delivery = _Delivery(self, _Message(to, body), self._clock.monotonic())
        if not dropped:
            try:
                consumer.handler(delivery)
            except (Exception, Crash) as death:  # noqa: BLE001  it is the callee that dies
                self.crashes.append((to, death))
        if delivery.answer is None or unheard:
            raise Timeout(f"no answer from {to.queue} within {seconds:g} s")
        return delivery.answer

    def consume(
        self, sources: Sequence[Address], handler: Callable[[Delivery], None], *, prefetch: int, workers: int
    ) -> Subscription:
        subscription = _Subscription(self, sources, handler)
        with self._lock:
            for source in sources:
                self._consumers.setdefault(source, deque()).append(subscription)
                self._ready.extend(self._parked.pop(source, ()))
        return subscription

    def reachable(self) -> bool:
        return not (self.away or self._closed)

    def depth(self, of: Address) -> int | None:
        with self._lock:
            self._check_broker()
            if of not in self._consumers and of not in self._parked:
                return None
            return len(self._parked.get(of, ())) + sum(message.address == of for message in self._ready)

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        with self._lock:
            self._check_broker()
            return list(self._dead)[:limit]

    def close(self, grace: float = 5.0) -> None:
        with self._lock:
            self._closed = True
            self._consumers.clear()

    # For tests

    def drain(self, limit: int = 100_000) -> int:
        """Delivers until nothing is left to deliver; returns how many deliveries that took.

        Raises RuntimeError beyond ``limit`` (daemons that keep each other busy) and when called by a handler.
        What kills a handler (failpoints.Crash) comes out here, with its message back in the queue.
        """
        if not self._draining.acquire(blocking=False):
            raise RuntimeError("drain() is running already")
        try:
            for count in range(limit):
                if not self.step():
                    return count
            raise RuntimeError(f"not quiet after {limit} deliveries")
        finally:
            self._draining.release()

    def step(self) -> bool:
        """Delivers one message; False if there was none."""
        with self._lock:
            message, consumer = self._take()
        if message is None or consumer is None:
            return False
        delivery = _Delivery(self, message, self._clock.monotonic())
        try:
            consumer.handler(delivery)
        except BaseException:
            delivery.lost()
            raise
        return True

    def waiting(self) -> list[Address]:
        """The addresses of the messages that drain() would deliver now."""
        with self._lock:
            return [message.address for message in self._ready]

    def inject(self, to: Address, body: bytes, content_type: str | None = CONTENT_TYPE) -> None:
        """Puts raw bytes into a queue: poison for F-30."""
        with self._lock:
            self._ready.append(_Message(to, body, content_type))

    def purge(self) -> None:
        """The broker lost its data. Running consumers declare their queues again; no message survives."""
        with self._lock:
            self._ready.clear()
            self._parked.clear()
            self._dead.clear()

    # The broker's inside; the caller holds the lock

    def _check_broker(self) -> None:
        if self.away or self._closed:
            raise Unavailable("the message broker is away")

    def _accept(self, to: Address, body: bytes) -> None:
        if self.faults.strikes(self.faults.drop, to):
            return
        copies = self.faults.random.randint(2, 5) if self.faults.strikes(self.faults.duplicate, to) else 1
        targets: list[_Subscription | None] = [None]
        if to.lane is Lane.FANOUT:
            targets = list(self._consumers.get(to, ()))
        elif to.lane is Lane.HINT and to not in self._consumers:
            targets = []
        self._ready.extend(_Message(to, body, target=target) for target in targets for _ in range(copies))

    def _take(self) -> tuple[_Message | None, _Subscription | None]:
        while self._ready:
            if self.faults.shuffle:
                self._ready.rotate(-self.faults.random.randrange(len(self._ready)))
            message = self._ready.popleft()
            if message.target is not None:
                if message.target in self._consumers.get(message.address, ()):
                    return message, message.target
                continue
            consumer = self._next_consumer(message.address)
            if consumer is not None:
                return message, consumer
            if message.address.lane is Lane.CAST:
                self._parked.setdefault(message.address, deque()).append(message)
        return None, None

    def _next_consumer(self, address: Address) -> _Subscription | None:
        consumers = self._consumers.get(address)
        if not consumers:
            return None
        consumers.rotate(-1)
        return consumers[-1]

    def _returned(self, message: _Message, requeue: bool) -> None:
        with self._lock:
            if requeue and message.attempt <= DELIVERY_LIMIT:
                message.attempt += 1
                self._ready.append(message)
            elif message.address.lane is Lane.CAST:
                reason = "delivery_limit" if requeue else "rejected"
                self._dead.append(DeadLetter(queue=message.address.queue, reason=reason, body=message.body[:4096]))

    def _unsubscribe(self, subscription: _Subscription) -> None:
        with self._lock:
            for source in subscription.sources:
                consumers = self._consumers.get(source)
                if consumers and subscription in consumers:
                    consumers.remove(subscription)
                    if not consumers:
                        del self._consumers[source]
                        if source.lane is Lane.CAST:
                            self._parked.setdefault(source, deque())
