"""The receiving side: lets the bus call an endpoint's methods, those of its contract and no others.

A daemon makes one Server per contract that it serves. What a failure in the endpoint means to a message:
    cast          Unavailable: tried again later, DELIVERY_LIMIT times; any other error: dead-letter queue
    call          the error is the answer
    hint, fanout  logged; the next one will do
"""

from __future__ import annotations

import logging
import random
from typing import Any

from iaas import context, errors
from iaas.bus import codec, deadline
from iaas.bus.shape import Contract, lane
from iaas.bus.transport import Address, Delivery, Lane, Subscription, Transport
from iaas.clock import Clock, SystemClock
from iaas.ids import new_request_id

log = logging.getLogger(__name__)


class Server:
    """Serves ``contract`` by ``endpoint``: for any worker of the topic, and for this ``host`` if one is
    given.

    ``prefetch``: messages taken from each queue ahead of time; ``workers``: handlers at once. Raises
    TypeError when the endpoint lacks a method of the contract, or a contract with host methods gets no host.
    """

    def __init__(
        self,
        transport: Transport,
        contract: type[Contract],
        endpoint: object,
        *,
        host: str | None = None,
        prefetch: int = 16,
        workers: int = 4,
        clock: Clock | None = None,
    ) -> None:
        self._transport = transport
        self._endpoint = endpoint
        self._clock = clock or SystemClock()
        self._topic = contract.TOPIC
        self._decoder = codec.Decoder(contract)
        self._sources = _sources(contract, host)
        self._prefetch, self._workers = prefetch, workers
        self._subscription: Subscription | None = None
        missing = [name for name in contract.methods() if not callable(getattr(endpoint, name, None))]
        if missing:
            raise TypeError(f"{type(endpoint).__name__} does not serve {contract.TOPIC}: {', '.join(missing)}")

    def start(self) -> Server:
        """Begins to consume; returns before the broker is there. Repeatable."""
        if self._subscription is None:
            self._subscription = self._transport.consume(
                self._sources, self._handle, prefetch=self._prefetch, workers=self._workers
            )
        return self

    def ready(self, timeout: float) -> bool:
        """Waits until messages can come in; False when that took longer than ``timeout`` seconds."""
        return self._subscription is not None and self._subscription.ready(timeout)

    def stop(self, grace: float = 5.0) -> None:
        """No new messages; running handlers get ``grace`` seconds. What is unfinished is delivered again."""
        if self._subscription is not None:
            self._subscription.close(grace)
            self._subscription = None

    def _handle(self, delivery: Delivery) -> None:
        try:
            message = self._decoder.decode(delivery.body, delivery.content_type)
            if lane(message.method) is not delivery.lane:
                raise errors.Invalid(f"{message.method.name} came as a {delivery.lane}")
        except errors.Error as error:
            log.error("%s refused a %s: %s", self._topic, delivery.lane, error.message)
            self._refuse(delivery, error)
            return
        end = None if message.seconds is None else delivery.received + message.seconds
        caller = message.context or context.Context(request_id=new_request_id())
        with context.use(caller), deadline.until(end):
            if delivery.lane is Lane.CALL:
                self._answer(delivery, message, end)
            else:
                self._carry_out(delivery, message)

    def _answer(self, delivery: Delivery, message: codec.Incoming, end: float | None) -> None:
        """At most once: the message is gone before the work begins."""
        delivery.ack()
        if delivery.attempt > 1:
            log.warning("%s.%s was delivered before; not run again", self._topic, message.method.name)
            return
        if end is not None and end <= self._clock.monotonic():
            log.warning("%s.%s is past its deadline; not run", self._topic, message.method.name)
            return
        try:
            reply = codec.encode_result(self._run(message))
        except errors.Error as error:
            reply = codec.encode_error(error)
        except Exception:
            log.exception("%s.%s failed", self._topic, message.method.name)
            reply = codec.encode_error(errors.Internal("The call failed; the cause is in the daemon's log."))
        delivery.reply(reply)

    def _carry_out(self, delivery: Delivery, message: codec.Incoming) -> None:
        name = f"{self._topic}.{message.method.name}"
        try:
            self._run(message)
        except errors.Unavailable as error:
            log.warning("%s (attempt %d): %s", name, delivery.attempt, error.message)
            self._again(delivery)
        except Exception as error:
            log.exception("%s failed", name)
            kind = error if isinstance(error, errors.Error) else errors.Internal(str(error))
            self._refuse(delivery, kind)
        else:
            delivery.ack()

    def _run(self, message: codec.Incoming) -> Any:
        return getattr(self._endpoint, message.method.name)(**message.arguments)

    def _again(self, delivery: Delivery) -> None:
        """Later: 0.2, 0.4, 0.8 … seconds, with jitter, so that six tries span some seconds of an outage."""
        if delivery.lane is Lane.CAST:
            pause = 0.2 * 2 ** min(delivery.attempt - 1, 5)
            delivery.reject(requeue=True, delay=pause * random.uniform(0.5, 1.0))  # noqa: S311
        else:
            delivery.ack()

    def _refuse(self, delivery: Delivery, error: errors.Error) -> None:
        if delivery.lane is Lane.CAST:
            delivery.reject(requeue=False)
        else:
            delivery.ack()
            delivery.reply(codec.encode_error(error))


def _sources(contract: type[Contract], host: str | None) -> list[Address]:
    """The queues that this contract's methods are sent to, and no more than those."""
    sources = []
    for method in contract.methods().values():
        if method.to_host and host is None:
            raise TypeError(f"{contract.TOPIC}.{method.name} is addressed to a host, and this server has none")
        source = Address(contract.TOPIC, host if method.to_host else None, lane(method))
        if source not in sources:
            sources.append(source)
    return sources
