"""The console output of a server: a question to its host, with the answer relayed (A-073, A-080)."""

from __future__ import annotations

from iaas.compute import servers
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.errors import Conflict


def output(compute: Compute, context: Context, server_id: str, lines: int | None) -> str:
    """The last ``lines`` (None: all that is kept). Raises NotFound, Conflict before there is a host,
    Timeout.
    """
    with compute.database.read() as tx:
        server = servers.get(tx, context, server_id)
    if server.host is None:
        raise Conflict(f"Instance {server_id} is not ready", resource="server", id=server_id)
    if lines == 0:
        return ""
    return compute.hosts.console_output(server.host, server_id, lines)
