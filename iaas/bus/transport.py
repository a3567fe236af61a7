"""The verbs of a message transport: what RabbitMQ and the in-memory bus both do. Bytes only; no codec, no
contracts.

Lanes, one queue each per topic or topic and host:
    CAST    durable, confirmed, at least once; a message that cannot be handled ends in the dead-letter queue
    CALL    transient, at most once, expires at the caller's deadline; answered by ``Delivery.reply``
    HINT    transient, best effort, bounded: the oldest go first
    FANOUT  transient, best effort, to every consumer of the topic
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from iaas.errors import Invalid

DELIVERY_LIMIT = 5  # returns of one message before it is dead-lettered, so it is tried at most six times
CONFIRM_SECONDS = 5.0
CONTENT_TYPE = "application/json"
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-])?")


class Lane(StrEnum):
    CAST = "cast"
    CALL = "call"
    HINT = "hint"
    FANOUT = "fanout"


_RESERVED = {"call", "hint", "fanout", "dead", "reply"}


@dataclass(frozen=True)
class Address:
    """Where a message goes: any consumer of a topic, or the one on a host. Invalid for an unfit name."""

    topic: str
    host: str | None
    lane: Lane

    def __post_init__(self) -> None:
        for name in (self.topic, self.host):
            if name is not None and (not _NAME.fullmatch(name) or name.rpartition(".")[2] in _RESERVED):
                raise Invalid(f"{name!r} is not fit for a queue name", field="host")
        if self.lane is Lane.FANOUT and self.host is not None:
            raise Invalid("a fanout has no host", field="host")

    @property
    def queue(self) -> str:
        """The queue's name less the prefix: ``compute``, ``compute.node1``, ``compute.node1.call`` …"""
        parts = [self.topic, self.host, None if self.lane is Lane.CAST else self.lane.value]
        return ".".join(part for part in parts if part)


class Delivery(ABC):
    """One received message. Settle it once, from any thread, by ack() or reject(); a second time does
    nothing.

    Settling never raises: when the connection went down in between, the broker delivers the message again.
    """

    body: bytes
    content_type: str | None
    lane: Lane
    attempt: int  # 1 at the first delivery
    received: float  # clock.monotonic() at arrival in this process

    @abstractmethod
    def ack(self) -> None:
        """The message is done with."""

    @abstractmethod
    def reject(self, *, requeue: bool, delay: float = 0.0) -> None:
        """``requeue``: deliver it again, ``delay`` seconds from now at the soonest, at most DELIVERY_LIMIT
        times.

        Otherwise, or beyond the limit: to the dead-letter queue (CAST), or away (the transient lanes).
        """

    @abstractmethod
    def reply(self, body: bytes) -> None:
        """Answers a CALL, best effort: nobody may be waiting any more. Does nothing on other lanes."""


class Subscription(ABC):
    """A running consumer; it survives the broker's absence and the deletion of its queues."""

    @abstractmethod
    def ready(self, timeout: float) -> bool:
        """Waits until the queues exist and are being consumed; False when that took longer."""

    @abstractmethod
    def close(self, grace: float = 5.0) -> None:
        """No new messages; waits ``grace`` seconds for running handlers. The queues stay. Repeatable."""


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message nobody could handle, for the operator. ``queue`` without prefix; ``body`` cut at 4 KiB."""

    queue: str
    reason: str  # "rejected", "delivery_limit" …
    body: bytes


class Transport(ABC):
    """Thread-safe. Connects by itself at the first use and again whenever the connection is lost."""

    @abstractmethod
    def publish(self, to: Address, body: bytes, timeout: float = CONFIRM_SECONDS) -> None:
        """Durable: returns when the broker has it safely (CAST).

        Raises Unavailable: broker away, no such queue, queue full, or no confirmation in time. The last
        leaves open whether it was sent: the caller repeats, and every endpoint takes repetition.
        """

    @abstractmethod
    def hint(self, to: Address, body: bytes) -> None:
        """Best effort (HINT, FANOUT): returns at once, raises nothing, dropped if the broker is away."""

    @abstractmethod
    def request(self, to: Address, body: bytes, seconds: float) -> bytes:
        """Sends a CALL and returns the answer's bytes. A repeated request is a new call.

        Raises Unavailable when it was surely not delivered (broker away, nobody consumes), Timeout when that
        is unknown. An answer that comes later is ignored.
        """

    @abstractmethod
    def consume(
        self, sources: Sequence[Address], handler: Callable[[Delivery], None], *, prefetch: int, workers: int
    ) -> Subscription:
        """Declares the queues and hands their messages to ``handler``, on up to ``workers`` threads at once.

        Returns before the broker is there. At most ``prefetch`` unsettled messages per queue. The handler
        settles each delivery; one that raises leaves it unsettled, as a daemon's death would.
        """

    @abstractmethod
    def reachable(self) -> bool:
        """False while the broker is known to be away (or refuses us, or blocks publishers)."""

    @abstractmethod
    def depth(self, of: Address) -> int | None:
        """Messages ready in a queue; None if there is no such queue. Raises Unavailable. For operators."""

    @abstractmethod
    def dead_letters(self, limit: int) -> list[DeadLetter]:
        """The oldest dead letters, left where they are. Raises Unavailable. For operators."""

    @abstractmethod
    def close(self, grace: float = 5.0) -> None:
        """Closes every subscription, then the connections. Later publishes raise Unavailable. Repeatable."""
