"""The names and arguments of all queues, and nothing that talks to a broker by itself.

Everything goes through the default exchange, whose bindings are implied by the queues' names: there is no
exchange or binding of ours that could be deleted behind our back, fanout excepted (F-26). Only consumers
declare queues; a cast to a queue that nobody has declared is returned to the sender.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

from iaas.bus.transport import DELIVERY_LIMIT, Address, Lane

log = logging.getLogger(__name__)

NOT_FOUND = 404  # AMQP's
HINT_TTL_MS = 10_000  # a hint older than this tells nothing any more
EXPIRES_MS = 60_000  # a transient queue without consumer goes away
MAX_CASTS = 50_000
MAX_CALLS = 1_000
MAX_HINTS = 10_000
MAX_DEAD = 10_000


class Topology:
    """The names under one prefix. ``channel`` everywhere is a kombu channel of the caller's own thread."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.dead = f"{prefix}.dead"

    def queue(self, address: Address) -> str:
        return f"{self.prefix}.{address.queue}"

    def exchange(self, address: Address) -> str:
        """Of a FANOUT address; the default exchange for every other."""
        return self.queue(address) if address.lane is Lane.FANOUT else ""

    def short(self, queue: str) -> str:
        """A queue's name less the prefix."""
        return queue.removeprefix(self.prefix + ".")

    def is_reply(self, name: str) -> bool:
        """Whether an answer may be sent there: a forged reply_to must not reach a queue of casts."""
        return name.startswith(f"{self.prefix}.reply.")

    def declare(self, channel: Any, address: Address) -> str:
        """Makes sure that the queue behind an address exists; its name."""
        name = self.queue(address)
        if address.lane is Lane.CAST:
            self.declare_dead(channel)
            _quorum(channel, name, self._cast_arguments())
        elif address.lane is Lane.CALL:
            _transient(channel, name, {"x-max-length": MAX_CALLS, "x-overflow": "reject-publish"})
        elif address.lane is Lane.HINT:
            _transient(channel, name, {"x-max-length": MAX_HINTS, "x-message-ttl": HINT_TTL_MS})
        else:
            name = f"{name}.{uuid4().hex}"
            arguments = {"x-max-length": MAX_HINTS, "x-message-ttl": HINT_TTL_MS}
            channel.queue_declare(name, durable=False, exclusive=True, auto_delete=True, arguments=arguments)
            self.bind(channel, address, name)
        return name

    def bury(self, channel: Any, address: Address) -> None:
        """Deletes a quorum queue that has lost its leader for good, if there is nothing in it.

        RabbitMQ 3.10 leaves such a queue behind when the broker is killed within seconds of creating it: its
        log is empty, nobody can publish or consume, and a restart does not help.
        """
        name = self.queue(address)
        try:
            found = channel.queue_declare(name, passive=True)
        except Exception as error:
            if getattr(error, "code", None) == NOT_FOUND:
                return  # somebody has deleted it already
            raise
        if address.lane is Lane.CAST and found.message_count == 0 and found.consumer_count == 0:
            log.error("queue %s is empty and does not answer: deleting it, to declare it anew", name)
            channel.queue_delete(name)

    def bind(self, channel: Any, address: Address, queue: str) -> None:
        """Makes sure that a fanout reaches the queue."""
        self.declare_exchange(channel, self.exchange(address))
        channel.queue_bind(queue, exchange=self.exchange(address))

    def declare_exchange(self, channel: Any, name: str) -> None:
        """Publishers declare it too: to publish into a missing exchange would close their channel."""
        channel.exchange_declare(name, "fanout", durable=True, auto_delete=False)

    def declare_dead(self, channel: Any) -> None:
        _quorum(channel, self.dead, {"x-max-length": MAX_DEAD, "x-overflow": "drop-head"})

    def declare_reply(self, channel: Any) -> str:
        """A queue for this connection alone. A new name each time: the old one may live on half-open for a
        while.
        """
        name = f"{self.prefix}.reply.{uuid4().hex}"
        channel.queue_declare(name, durable=False, exclusive=True, auto_delete=True,
                              arguments={"x-max-length": MAX_CALLS})  # fmt: skip
        return name

    def _cast_arguments(self) -> dict[str, Any]:
        """reject-publish is what lets RabbitMQ dead-letter at least once: it keeps its copy until the target
        has one.
        """
        return {
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-max-length": MAX_CASTS,
            "x-overflow": "reject-publish",
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self.dead,
            "x-dead-letter-strategy": "at-least-once",
        }


def _quorum(channel: Any, name: str, arguments: dict[str, Any]) -> None:
    channel.queue_declare(name, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum", **arguments})


def _transient(channel: Any, name: str, arguments: dict[str, Any]) -> None:
    arguments = {"x-expires": EXPIRES_MS, **arguments}
    channel.queue_declare(name, durable=False, auto_delete=False, arguments=arguments)
