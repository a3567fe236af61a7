"""Turns on a server: operations that a user may pile up (attachments of volumes) take them one after the other."""

from __future__ import annotations

from collections.abc import Callable

from iaas.db.compute import servers
from iaas.db.engine import Tx
from iaas.errors import Conflict
from iaas.model.operation import Operation


def on_server(event: str) -> Callable[[Tx, Operation], int | None]:
    """Begins ``event`` on the operation's server when nothing else is under way; gives the new fence, else None."""

    def take(tx: Tx, operation: Operation) -> int | None:
        server = servers.get(tx, operation.resource_id)
        if server.task is not None:
            return None
        try:
            return servers.begin(tx, server, event)
        except Conflict:  # it was changed at the same time
            return None

    return take
