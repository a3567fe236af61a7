"""The consuming connection: subscriptions, their channels, and the settling of what their handlers have done.

A channel that breaks takes its subscription's deliveries with it: the broker delivers them again, and late
settlements are dropped, because they name the channel that they belong to.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from iaas.bus.amqp.link import Link
from iaas.bus.amqp.publisher import Outgoing, Publisher
from iaas.bus.amqp.replies import Replies, as_bytes
from iaas.bus.amqp.topology import Topology
from iaas.bus.amqp.workers import Workers
from iaas.bus.transport import Address, Delivery, Lane, Subscription
from iaas.clock import Clock

log = logging.getLogger(__name__)

SILENCES = 2  # unanswered attempts to consume a queue after which it may be one that has no leader
REFRESH = 4.0  # seconds between two looks whether what is not ours to be told about is still there (F-26)


class AmqpDelivery(Delivery):
    def __init__(self, consumer: Consumer, lane: Lane, message: Any, received: float) -> None:
        headers = message.properties.get("application_headers") or {}
        returns = headers.get("x-delivery-count", int(message.delivery_info["redelivered"]))
        self.body, self.lane, self.received = as_bytes(message.body), lane, received
        self.content_type = message.properties.get("content_type")
        self.attempt = 1 + (returns if isinstance(returns, int) else 1)
        self._consumer, self._message, self._settled = consumer, message, False

    def ack(self) -> None:
        self._settle(lambda channel, tag: channel.basic_ack(tag))

    def reject(self, *, requeue: bool, delay: float = 0.0) -> None:
        self._settle(lambda channel, tag: channel.basic_reject(tag, requeue), delay if requeue else 0.0)

    def reply(self, body: bytes) -> None:
        properties = self._message.properties
        if self.lane is Lane.CALL and properties.get("reply_to"):
            self._consumer.reply(properties["reply_to"], properties.get("correlation_id", ""), body)

    def _settle(self, verb: Callable[[Any, int], None], delay: float = 0.0) -> None:
        if self._settled:
            return
        self._settled = True
        channel, tag = self._message.channel, self._message.delivery_info["delivery_tag"]
        self._consumer.later(delay, partial(_on_open_channel, channel, tag, verb))


def _on_open_channel(channel: Any, tag: int, verb: Callable[[Any, int], None]) -> None:
    if channel.is_open:
        verb(channel, tag)


class AmqpSubscription(Subscription):
    def __init__(
        self,
        consumer: Consumer,
        sources: Sequence[Address],
        handler: Callable[[Delivery], None],
        prefetch: int,
        workers: int,
    ) -> None:
        self.sources, self.prefetch = tuple(sources), prefetch
        self.channel: Any = None
        self.fanouts: list[tuple[Address, str]] = []  # with the queue that is bound to it
        self.tags: list[str] = []
        self.silences: dict[Address, int] = {}  # how often in a row the broker did not let us consume a queue
        self.consuming = threading.Event()
        self.closed = threading.Event()
        self._consumer, self._handler = consumer, handler
        self._workers = Workers(f"bus-{self.sources[0].topic}", workers)

    def ready(self, timeout: float) -> bool:
        return self.consuming.wait(timeout)

    def close(self, grace: float = 5.0) -> None:
        end = time.monotonic() + grace
        if self.consuming.is_set() and not self.closed.is_set():
            self._consumer.later(0.0, partial(self._consumer.cancel, self))
            self.closed.wait(grace)
        self.closed.set()
        if not self._workers.stop(end - time.monotonic()):
            log.warning("%s: handlers still at work after %g s", self.sources[0].topic, grace)
        self._consumer.drop(self)

    def take(self, delivery: Delivery) -> None:
        self._workers.put(partial(self._handler, delivery))


class Consumer:
    """The Role of the consuming link."""

    def __init__(self, name: str, url: str, topology: Topology, publisher: Publisher, clock: Clock) -> None:
        self.link = Link(name, url, self)
        self.replies = Replies()
        self._topology, self._publisher, self._clock = topology, publisher, clock
        self._subscriptions: list[AmqpSubscription] = []
        self._lock = threading.Lock()
        self._tasks: deque[Callable[[], None]] = deque()
        self._incoming: deque[tuple[float, Callable[[], None]]] = deque()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._connection: Any = None
        self._maintenance: Any = None  # the channel of the reply queue and of refreshes
        self._refresh_at = 0.0
        self._calls = False

    # Any thread

    def add(self, subscription: AmqpSubscription) -> None:
        with self._lock:
            self._subscriptions.append(subscription)
        self.link.start()
        self.link.wake()

    def drop(self, subscription: AmqpSubscription) -> None:
        """Forgets a closed subscription; its channel goes once all settlements are sent."""
        with self._lock:
            if subscription not in self._subscriptions:
                return
            self._subscriptions.remove(subscription)
        self.later(0.0, partial(self._close_channel, subscription))

    def subscriptions(self) -> list[AmqpSubscription]:
        with self._lock:
            return list(self._subscriptions)

    def later(self, delay: float, task: Callable[[], None]) -> None:
        """Runs the task on the link's thread, if the connection is still there then."""
        if delay <= 0:
            self._tasks.append(task)
        else:
            self._incoming.append((time.monotonic() + delay, task))
        self.link.wake()

    def reply(self, to: str, correlation_id: str, body: bytes) -> None:
        if self._topology.is_reply(to):
            self._publisher.loose(
                Outgoing(exchange="", key=to, body=body,
                         properties={"correlation_id": correlation_id, "delivery_mode": 1})
            )  # fmt: skip
        else:
            log.error("a call asks for its answer at %.100r, which is no reply queue", to)

    def expect_replies(self) -> None:
        """Makes sure that there is, or will be, a reply queue."""
        if not self._calls:
            self._calls = True
            self.link.start()
            self.link.wake()

    # The link's thread

    def up(self, connection: Any) -> None:
        self._connection, self._maintenance = connection, connection.channel()
        self._refresh_at = time.monotonic() + REFRESH
        self._reply_queue = ""

    def work(self) -> float | None:
        if self._calls and not self._reply_queue:
            self._open_replies()
        for subscription in self.subscriptions():
            if subscription.channel is None and not subscription.closed.is_set():
                self._open(subscription)
        while self._incoming:
            at, task = self._incoming.popleft()
            heapq.heappush(self._timers, (at, next(self._order), task))
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            self._tasks.append(heapq.heappop(self._timers)[2])
        while self._tasks:
            self._tasks.popleft()()
        if now >= self._refresh_at:
            self._refresh(now)
        upcoming = min(self._refresh_at, self._timers[0][0]) if self._timers else self._refresh_at
        return max(0.0, upcoming - now)

    def lost(self, reason: str, *, gone: bool) -> None:
        self._connection = None
        self._tasks.clear()
        self._incoming.clear()
        self._timers.clear()
        self.replies.lost(reason, gone=gone)
        for subscription in self.subscriptions():
            subscription.channel = None
            subscription.consuming.clear()

    def cancel(self, subscription: AmqpSubscription) -> None:
        """No more deliveries; the channel stays for the settlements of those under way."""
        if subscription.channel is not None:
            for tag in subscription.tags:
                subscription.channel.basic_cancel(tag)
        subscription.closed.set()

    def _open(self, subscription: AmqpSubscription) -> None:
        channel = self._connection.channel()
        subscription.channel, subscription.fanouts, subscription.tags = channel, [], []
        channel.basic_qos(0, subscription.prefetch, False)
        for source in subscription.sources:
            try:
                subscription.tags.append(self._consume(subscription, source))
            except OSError:
                subscription.silences[source] = subscription.silences.get(source, 0) + 1
                raise
            subscription.silences.pop(source, None)
        subscription.consuming.set()

    def _consume(self, subscription: AmqpSubscription, source: Address) -> str:
        channel = subscription.channel
        if subscription.silences.get(source, 0) >= SILENCES:
            probe = self._connection.channel()  # one of its own: the broker closes it if there is no such queue
            self._topology.bury(probe, source)
            if probe.is_open:
                probe.close()
        queue = self._topology.declare(channel, source)
        if source.lane is Lane.FANOUT:
            subscription.fanouts.append((source, queue))
        tag: str = channel.basic_consume(
            queue,
            callback=partial(self._arrived, subscription, source.lane),
            on_cancel=partial(self._cancelled, subscription, channel),
        )
        return tag

    def _arrived(self, subscription: AmqpSubscription, lane: Lane, message: Any) -> None:
        subscription.take(AmqpDelivery(self, lane, message, self._clock.monotonic()))

    def _cancelled(self, subscription: AmqpSubscription, channel: Any, tag: str) -> None:
        """The broker ended a consumer, because its queue was deleted: begin anew on another channel."""
        log.warning("a queue of %s is gone; declaring it again", subscription.sources[0].topic)
        if subscription.channel is channel:
            self.later(0.0, partial(self._close_channel, subscription))

    def _close_channel(self, subscription: AmqpSubscription) -> None:
        channel, subscription.channel = subscription.channel, None
        subscription.consuming.clear()
        if channel is not None and channel.is_open:
            channel.close()
        self.link.wake()

    def _open_replies(self) -> None:
        queue = self._topology.declare_reply(self._maintenance)
        self._maintenance.basic_consume(
            queue, no_ack=True, callback=self.replies.arrived, on_cancel=self._replies_cancelled
        )
        self._reply_queue = queue
        self.replies.up(queue)

    def _replies_cancelled(self, tag: str) -> None:
        self._reply_queue = ""
        self.replies.lost("the reply queue was deleted", gone=False)
        self.link.wake()

    def _refresh(self, now: float) -> None:
        """Nobody tells us of a deleted exchange, or of a deleted dead-letter queue."""
        self._refresh_at = now + REFRESH
        if any(Lane.CAST in (source.lane for source in each.sources) for each in self.subscriptions()):
            self._topology.declare_dead(self._maintenance)
        for subscription in self.subscriptions():
            for address, queue in subscription.fanouts:
                self._topology.bind(self._maintenance, address, queue)
