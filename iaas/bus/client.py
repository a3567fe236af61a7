"""The sending side: turns a contract's method call into a message.
``ConductorRpc(Client(transport)).run(id)``.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from iaas import context
from iaas.bus import codec, deadline
from iaas.bus.shape import Method, lane
from iaas.bus.transport import Address, Lane, Transport
from iaas.clock import Clock, SystemClock
from iaas.errors import Timeout


class Client:
    """Implements ``iaas.rpc.contract.Sender``. Thread-safe; one a process is enough, it holds nothing of its
    own.
    """

    def __init__(self, transport: Transport, *, clock: Clock | None = None) -> None:
        self._transport = transport
        self._clock = clock or SystemClock()

    def send(self, topic: str, host: str | None, version: str, method: Method, arguments: dict[str, Any]) -> Any:
        """Casts and fanouts return None once handed to the broker; calls return the result or raise its
        error.

        Cast: Unavailable when the broker did not confirm it (it may have been sent all the same). Hint and
        fanout: never raise, never wait. Call: Timeout or Unavailable from the bus, else whatever the endpoint
        raised; it ends after ``method.seconds``, or with the deadline of the work that makes it. Invalid for
        an unfit host name, TooLarge for a message over the limit.
        """
        to = Address(topic, host, lane(method))
        if to.lane is Lane.CALL:
            return self._call(to, version, method, arguments)
        body = codec.encode_request(method, version, arguments, id=uuid4().hex, context=context.current())
        if to.lane is Lane.CAST:
            self._transport.publish(to, body)
        else:
            self._transport.hint(to, body)
        return None

    def _call(self, to: Address, version: str, method: Method, arguments: dict[str, Any]) -> Any:
        left = deadline.remaining(self._clock)
        seconds = method.seconds if left is None else min(method.seconds, left)
        if seconds <= 0:
            raise Timeout(f"No time is left to call {to.topic}.{method.name}.")
        body = codec.encode_request(
            method, version, arguments, id=uuid4().hex, context=context.current(), deadline=seconds
        )
        return codec.decode_reply(method, self._transport.request(to, body, seconds))
