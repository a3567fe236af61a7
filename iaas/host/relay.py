"""Bytes between two connections, both ways, until one of them ends."""

from __future__ import annotations

import select
import socket
import ssl

_PIECE = 1 << 16
_STUCK_S = 60.0  # seconds that one end may take no byte
_LOOK_S = 60.0
_SILENT = 720  # looks in a row at which nobody has said anything: half a day


def relay(one: socket.socket, other: socket.socket) -> None:
    """Ends quietly when either side closes, breaks, takes nothing for a minute, or after half a day of silence."""
    for end in (one, other):
        end.settimeout(_STUCK_S)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    quiet = 0
    try:
        while quiet < _SILENT:
            ready = [end for end in (one, other) if held(end)] or select.select([one, other], [], [], _LOOK_S)[0]
            quiet = 0 if ready else quiet + 1
            for end in ready:
                data = end.recv(_PIECE)
                if not data:
                    return
                (other if end is one else one).sendall(data)
    except OSError:
        return


def held(end: socket.socket) -> bool:
    """Whether there are bytes that TLS has decrypted already: the descriptor says nothing of them."""
    return isinstance(end, ssl.SSLSocket) and end.pending() > 0
