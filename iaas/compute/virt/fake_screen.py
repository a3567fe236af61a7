"""The screen of a fake guest: greets as RFB has it, and then says everything back that it hears."""

from __future__ import annotations

from contextlib import suppress
from socket import socket


def screen(connection: socket) -> None:
    """Until the other end closes."""
    with connection, suppress(OSError):
        connection.sendall(b"RFB 003.008\n")
        while data := connection.recv(4096):
            connection.sendall(data)
