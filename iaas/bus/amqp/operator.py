"""Looking into a broker's queues, for ``iaas-manage``: each look is a short connection of its own, on the
caller's thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from iaas.bus.amqp.link import connect, place
from iaas.bus.amqp.replies import as_bytes
from iaas.bus.amqp.topology import Topology
from iaas.bus.transport import Address, DeadLetter
from iaas.errors import Unavailable

NOT_FOUND = 404


def depth(urls: Sequence[str], topology: Topology, of: Address) -> int | None:
    with _channel(urls) as channel:
        try:
            found = channel.queue_declare(topology.queue(of), passive=True)
        except Exception as error:
            if getattr(error, "code", None) == NOT_FOUND:
                return None
            raise
        return int(found.message_count)


def dead_letters(urls: Sequence[str], topology: Topology, limit: int) -> list[DeadLetter]:
    """Fetched without acknowledgement: closing the connection puts them back."""
    found: list[DeadLetter] = []
    with _channel(urls) as channel:
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
def _channel(urls: Sequence[str]) -> Iterator[Any]:
    """Raises Unavailable when no broker answers, or one stops answering."""
    connection, reasons = None, []
    for url in urls:
        try:
            connection = connect(url, "iaas operator")
            break
        except Exception as error:  # noqa: BLE001  the next URL may do
            reasons.append(f"{place(url)}: {error}")
    if connection is None:
        raise Unavailable(f"no message broker: {'; '.join(reasons)}")
    try:
        yield connection.channel()
        connection.close()
    except OSError as error:
        raise Unavailable(f"the message broker went away: {error}") from error
    finally:
        connection.collect()
