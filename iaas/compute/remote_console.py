"""Consoles that a browser shows: a URL with a token for the user, and a connection to the guest for the proxy."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from urllib.parse import urlencode

from iaas.compute import servers
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db import services
from iaas.db.compute import console_sessions
from iaas.db.compute import servers as rows
from iaas.db.engine import Database, Tx
from iaas.errors import Conflict, Forbidden, Unavailable
from iaas.host import tls
from iaas.model.order import Power
from iaas.rpc.compute import ComputeRpc

TTL_S = 600  # in which the page must be opened; each token shows the screen once
PAGE = "/vnc_lite.html"
_CONNECT_S = 10.0


def url(compute: Compute, context: Context, server_id: str, screen: bool) -> str | None:
    """Of noVNC's page, with a new token; None when it is not the ``screen`` that is asked for. Raises NotFound;
    Conflict for a server that is not on.
    """
    token = secrets.token_urlsafe(32)

    def write(tx: Tx) -> None:
        server = servers.get(tx, context, server_id)
        if not screen:
            return
        if server.host is None or server.power not in (Power.RUNNING, Power.PAUSED):
            raise Conflict(f"Instance {server_id} is not ready", resource="server", id=server_id)
        console_sessions.insert(tx, token, server_id, TTL_S)

    compute.database.run(write)
    if not screen:
        return None
    path = urlencode({"path": "?" + urlencode({"token": token})})
    return f"{compute.console_url}{PAGE}?{path}"


@dataclass(frozen=True, kw_only=True)
class Screens:
    """What the proxy works with. ``pki``: the directory with its host's certificates."""

    database: Database
    hosts: ComputeRpc
    pki: Path

    def open(self, token: str) -> socket:
        """The screen of the server that the token is for, wherever that is by now; the token is used up.

        Raises Forbidden for a token that does not hold, Conflict for a server that is off, NotFound, Unavailable.
        """
        server_id = self.database.run(lambda tx: console_sessions.take(tx, token))
        if server_id is None:
            raise Forbidden("The console's token does not hold: it is too old, or it was used.")
        with self.database.read() as tx:
            server = rows.get(tx, server_id)
            service = services.find(tx, "iaas-compute", server.host) if server.host else None
        if server.host is None:
            raise Conflict(f"Instance {server_id} is not ready")
        if service is None or not service.address:
            raise Unavailable("The host's address is not known.")
        door = self.hosts.open_console(server.host, server_id)
        connection = tls.connect(service.address, door.port, self.pki, _CONNECT_S)
        connection.sendall(door.secret.encode() + b"\n")
        return connection
