"""The Transport on RabbitMQ: puts together one publishing and one consuming connection, both opened when
needed.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence

from iaas.bus.amqp import operator
from iaas.bus.amqp.consumer import AmqpSubscription, Consumer
from iaas.bus.amqp.link import State
from iaas.bus.amqp.publisher import Outgoing, Publisher
from iaas.bus.amqp.topology import Topology
from iaas.bus.transport import CONFIRM_SECONDS, Address, DeadLetter, Delivery, Subscription, Transport
from iaas.clock import Clock, SystemClock

TRANSIENT, PERSISTENT = 1, 2  # AMQP's delivery_mode


class AmqpTransport(Transport):
    """``url``: of the broker; ``prefix``: of every queue, so that clouds can share a broker."""

    def __init__(self, url: str, prefix: str = "iaas", *, clock: Clock | None = None) -> None:
        name = f"{prefix} {socket.gethostname()} {os.getpid()}"
        self._url = url
        self._topology = Topology(prefix)
        self._publisher = Publisher(f"{name} publish", self._url, self._topology)
        self._consumer = Consumer(f"{name} consume", self._url, self._topology, self._publisher, clock or SystemClock())

    def publish(self, to: Address, body: bytes, timeout: float = CONFIRM_SECONDS) -> None:
        message = Outgoing(exchange="", key=self._topology.queue(to), body=body, repeat=True,
                           properties={"delivery_mode": PERSISTENT})  # fmt: skip
        self._publisher.publish(message, timeout)

    def hint(self, to: Address, body: bytes) -> None:
        exchange = self._topology.exchange(to)
        key = "" if exchange else self._topology.queue(to)
        self._publisher.loose(Outgoing(exchange=exchange, key=key, body=body, properties={"delivery_mode": TRANSIENT}))

    def request(self, to: Address, body: bytes, seconds: float) -> bytes:
        end = time.monotonic() + seconds
        replies = self._consumer.replies
        self._consumer.expect_replies()
        queue = replies.queue(min(seconds, CONFIRM_SECONDS))
        waiter = replies.expect()
        left = end - time.monotonic()
        message = Outgoing(
            exchange="",
            key=self._topology.queue(to),
            body=body,
            settled=waiter.undelivered,
            properties={
                "delivery_mode": TRANSIENT,
                "reply_to": queue,
                "correlation_id": waiter.id,
                "expiration": str(max(1, int(left * 1000))),
            },
        )
        try:
            self._publisher.confirmed(message)
            return waiter.wait(left)
        finally:
            message.abandoned = True
            replies.forget(waiter)

    def consume(
        self, sources: Sequence[Address], handler: Callable[[Delivery], None], *, prefetch: int, workers: int
    ) -> Subscription:
        subscription = AmqpSubscription(self._consumer, sources, handler, prefetch, workers)
        self._consumer.add(subscription)
        return subscription

    def reachable(self) -> bool:
        links = (self._publisher.link, self._consumer.link)
        return all(link.state in (State.UP, State.IDLE) and not link.blocked for link in links)

    def depth(self, of: Address) -> int | None:
        return operator.depth(self._url, self._topology, of)

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        return operator.dead_letters(self._url, self._topology, limit)

    def close(self, grace: float = 5.0) -> None:
        end = time.monotonic() + grace
        for subscription in self._consumer.subscriptions():
            subscription.close(max(0.0, end - time.monotonic()))
        self._consumer.link.close(2.0)
        self._publisher.link.close(2.0)
