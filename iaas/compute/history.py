"""What was done to a server, by whom and how it went: its operations and their journals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from iaas.compute import servers
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db import operations
from iaas.errors import Invalid, NotFound
from iaas.model.operation import JournalLine, Operation
from iaas.model.server import Server


@dataclass(frozen=True, kw_only=True)
class Span:
    """``since`` and ``before`` limit the last change of an operation; ``marker`` is a request id."""

    limit: int = 1000
    marker: str | None = None
    since: datetime | None = None
    before: datetime | None = None


def of_server(
    compute: Compute, context: Context, server_id: str, span: Span, deleted: bool
) -> tuple[Server, list[Operation]]:
    """The newest first. Raises NotFound, Invalid for the marker."""
    with compute.database.read() as tx:
        server = servers.get(tx, context, server_id, deleted)
        found = operations.of_resource(tx, "server", server_id)
    found = [item for item in found if _within(item, span)]
    if span.marker is not None:
        ids = [item.request_id for item in found]
        if span.marker not in ids:
            raise Invalid(f"marker [{span.marker[:64]}] not found", field="marker")
        found = found[ids.index(span.marker) + 1 :]
    return server, found[: span.limit]


def of_request(
    compute: Compute, context: Context, server_id: str, request_id: str, deleted: bool
) -> tuple[Server, Operation, list[JournalLine]]:
    """What one request did, with its steps, the oldest first. Raises NotFound."""
    with compute.database.read() as tx:
        server = servers.get(tx, context, server_id, deleted)
        for item in operations.of_resource(tx, "server", server_id):
            if item.request_id == request_id:
                return server, item, operations.lines(tx, [item.id])
    raise NotFound(f"Action for request_id {request_id[:64]} on instance {server_id} not found")


def _within(item: Operation, span: Span) -> bool:
    if span.since and item.updated_at < span.since:
        return False
    return not (span.before and item.updated_at > span.before)
