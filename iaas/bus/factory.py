"""Chooses the transport by the scheme of the configured broker URLs. Called by ``iaas.cmd`` and by tests
only.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from iaas.bus.transport import Transport
from iaas.clock import Clock, SystemClock
from iaas.config.sections import Bus
from iaas.errors import Invalid


def connect(bus: Bus, clock: Clock | None = None) -> Transport:
    """The transport of the ``[bus]`` section; connects at its first use, so a broker that is away is no error
    here.

    ``amqp://`` and ``amqps://`` URLs give RabbitMQ, several brokers if there are several; ``inproc://`` a private
    in-memory bus. Raises Invalid for no URL, a mixture, or another scheme.
    """
    schemes = {urlsplit(url).scheme for url in bus.urls}
    clock = clock or SystemClock()
    if schemes == {"inproc"}:
        from iaas.bus.inproc import InprocTransport

        return InprocTransport(clock=clock)
    if schemes and schemes <= {"amqp", "amqps"}:
        from iaas.bus.amqp.transport import AmqpTransport
        from iaas.bus.several import Several

        brokers = [AmqpTransport(url, bus.prefix, clock=clock) for url in bus.urls]
        return Several(brokers) if len(brokers) > 1 else brokers[0]
    raise Invalid("[bus] urls must be one or more amqp:// URLs", field="bus.urls")
