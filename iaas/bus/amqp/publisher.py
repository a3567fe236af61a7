"""The publishing connection: many threads hand in messages, one thread sends them and collects the
confirmations.

Confirmations are matched by number, so threads do not wait for each other's. Bytes only; addresses are
resolved to exchange and routing key by the caller.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from iaas.bus.amqp.link import Link, State
from iaas.bus.amqp.topology import Topology
from iaas.bus.transport import CONTENT_TYPE
from iaas.errors import Unavailable

log = logging.getLogger(__name__)

OUTBOX = 10_000  # messages that wait for the connection; beyond it hints are dropped
BATCH = 256


@dataclass(eq=False, slots=True, kw_only=True)
class Outgoing:
    """One message. ``settled`` is called once, on the link's thread: None for confirmed, else why not.

    ``repeat``: send again when the connection was lost before the confirmation (at least once). Without
    ``settled`` the message is best effort.
    """

    exchange: str
    key: str
    body: bytes
    properties: dict[str, Any] = field(default_factory=dict)
    repeat: bool = False
    settled: Callable[[str | None], None] | None = None
    abandoned: bool = False  # the sender waits no longer
    returned: str | None = None


class Publisher:
    """The Role of the publishing link."""

    def __init__(self, name: str, url: str, topology: Topology) -> None:
        self.link = Link(name, url, self)
        self._topology = topology
        self._outbox: deque[Outgoing] = deque()
        self._unconfirmed: dict[int, Outgoing] = {}  # by delivery tag, in the order of sending
        self._tag = 0
        self._confirmed: Any = None  # the channel in confirm mode
        self._loose: Any = None  # the channel for best effort
        self._exchanges: set[str] = set()  # declared on this connection

    # Any thread

    def confirmed(self, message: Outgoing) -> None:
        """Hands in a message with ``settled``. Raises Unavailable at once when the broker is known to be
        away.
        """
        self.link.start()
        if self.link.state in (State.DOWN, State.IDLE):
            raise Unavailable(f"The message broker is away: {self.link.reason}.")
        if self.link.blocked:
            raise Unavailable("The message broker takes no messages now.")
        self._outbox.append(message)
        self.link.wake()

    def publish(self, message: Outgoing, timeout: float) -> None:
        """Sends and waits for the confirmation. Raises Unavailable."""
        done = threading.Event()
        outcome: list[str | None] = []

        def settled(problem: str | None) -> None:
            outcome.append(problem)
            done.set()

        message.settled = settled
        self.confirmed(message)
        if not done.wait(timeout):
            message.abandoned = True
            raise Unavailable(f"The message broker did not confirm within {timeout:g} s.")
        if outcome[0] is not None:
            raise Unavailable(f"The message was not accepted: {outcome[0]}.")

    def loose(self, message: Outgoing) -> None:
        """Best effort: never waits, never raises."""
        self.link.start()
        if self.link.state in (State.DOWN, State.IDLE) or self.link.blocked or len(self._outbox) >= OUTBOX:
            log.debug("dropped a message for %s: %s", message.key or message.exchange, self.link.reason)
            return
        self._outbox.append(message)
        self.link.wake()

    # The link's thread

    def up(self, connection: Any) -> None:
        self._exchanges.clear()
        self._loose = connection.channel()
        self._confirmed = channel = connection.channel()
        channel.confirm_select()
        channel.events["basic_ack"].add(self._acked)
        channel.events["basic_nack"].add(self._nacked)
        channel.events["basic_return"].add(self._returned)
        self._tag = 0

    def work(self) -> float | None:
        for _ in range(BATCH):
            if not self._outbox:
                return None
            message = self._outbox.popleft()
            if message.abandoned:
                continue
            if message.settled is None:
                self._send_loose(message)
            else:
                self._send_confirmed(message)
        return 0.0

    def lost(self, reason: str, *, gone: bool) -> None:
        """What may be repeated waits for the next connection; if there is none, what waits fails now.

        A call that was sent and not confirmed is neither: its answer may still come, by the other link.
        """
        unconfirmed, self._unconfirmed = list(self._unconfirmed.values()), {}
        self._outbox.extendleft(message for message in reversed(unconfirmed) if message.repeat)
        while gone and self._outbox:
            self._settle(self._outbox.popleft(), reason)

    def _send_confirmed(self, message: Outgoing) -> None:
        self._tag += 1
        message.returned = None
        self._unconfirmed[self._tag] = message
        self._put(self._confirmed, message, mandatory=True, message_id=str(self._tag))

    def _send_loose(self, message: Outgoing) -> None:
        if self.link.blocked:
            return
        if message.exchange and message.exchange not in self._exchanges:
            self._topology.declare_exchange(self._loose, message.exchange)
            self._exchanges.add(message.exchange)
        self._put(self._loose, message, mandatory=False)

    def _put(self, channel: Any, message: Outgoing, *, mandatory: bool, **more: str) -> None:
        content = channel.prepare_message(
            message.body, content_type=CONTENT_TYPE, properties={**message.properties, **more}
        )
        channel.basic_publish(content, message.exchange, message.key, mandatory=mandatory)

    def _acked(self, tag: int, multiple: bool) -> None:
        for message in self._take(tag, multiple):
            self._settle(message, message.returned)

    def _nacked(self, tag: int, multiple: bool) -> None:
        for message in self._take(tag, multiple):
            self._settle(message, f"queue {message.key} is full or can't be written")

    def _take(self, tag: int, multiple: bool) -> list[Outgoing]:
        tags = [each for each in self._unconfirmed if each <= tag] if multiple else [tag]
        return [self._unconfirmed.pop(each) for each in tags if each in self._unconfirmed]

    def _returned(self, error: Exception, exchange: str, key: str, content: Any) -> None:
        """Unroutable: comes before the acknowledgement, which then settles it."""
        message = self._unconfirmed.get(int(content.properties["message_id"]))
        if message is not None:
            message.returned = f"there is no queue {key}"

    def _settle(self, message: Outgoing, problem: str | None) -> None:
        if message.settled is not None:
            message.settled(problem)
