"""Looking into a broker's queues, for ``iaas-manage``: each look is a short connection of its own, on the
caller's thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from iaas.bus.amqp.link import connect, place
from iaas.bus.amqp.replies import as_bytes
from iaas.bus.amqp.topology import NOT_FOUND, Topology
from iaas.bus.transport import Address, DeadLetter
from iaas.errors import Unavailable


def depth(url: str, topology: Topology, of: Address) -> int | None:
    with _channel(url) as channel:
        try:
            found = channel.queue_declare(topology.queue(of), passive=True)
        except Exception as error:
            if getattr(error, "code", None) == NOT_FOUND:
                return None
            raise
        return int(found.message_count)


def dead_letters(url: str, topology: Topology, limit: int) -> list[DeadLetter]:
    """Fetched without acknowledgement: closing the connection puts them back."""
    found: list[DeadLetter] = []
    with _channel(url) as channel:
        topology.declare_dead(channel)
        while len(found) < limit:
            message = channel.basic_get(topology.dead, no_ack=False)
            if message is None:
                break
            found.append(_letter(topology, message))
    return found


def _letter(topology: Topology, message: Any) -> DeadLetter:
    headers = message.properties.get("application_headers") or {}
    return DeadLetter(
        queue=topology.short(str(headers.get("x-first-death-queue", ""))),
        reason=str(headers.get("x-first-death-reason", "")),
        body=as_bytes(message.body)[:4096],
    )


@contextmanager
def _channel(url: str) -> Iterator[Any]:
    """Raises Unavailable when the broker does not answer, or stops answering."""
    try:
        connection = connect(url, "iaas operator")
    except Exception as error:
        raise Unavailable(f"no message broker at {place(url)}: {error}") from error
    try:
        yield connection.channel()
        connection.close()
    except OSError as error:
        raise Unavailable(f"the message broker went away: {error}") from error
    finally:
        connection.collect()
