"""Mutual TLS between hosts of the cloud, on the certificates of pki.py, and a small threaded listener for it."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from iaas import errors

_LOG = logging.getLogger(__name__)


def server(pki: Path) -> ssl.SSLContext:
    """For whoever listens: only hosts of the cloud get in. Read anew each time, as certificates are renewed."""
    return _context(ssl.PROTOCOL_TLS_SERVER, pki, "server")


def client(pki: Path) -> ssl.SSLContext:
    """For whoever connects: only to a host of the cloud, by the address in its certificate."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, pki, "client")


def connect(address: str, port: int, pki: Path, timeout: float) -> ssl.SSLSocket:
    """Raises Unavailable: nobody there, or nobody of this cloud."""
    try:
        raw = socket.create_connection((address, port), timeout=timeout)
        try:
            return client(pki).wrap_socket(raw, server_hostname=address)
        except BaseException:
            raw.close()
            raise
    except OSError as error:
        _LOG.warning("no connection to %s port %d: %s", address, port, error)
        raise errors.Unavailable("The host can't be reached.") from error


def serve(address: str, port: int, name: str, come: Callable[[socket.socket], None]) -> int:
    """Listens from now on, in a thread; every connection is handed over in a thread of its own and closed after it.
    ``port`` 0 is any; gives the port. Raises Unavailable when it is taken.
    """
    try:
        listener = socket.create_server((address, port), backlog=16)
    except OSError as error:
        raise errors.Unavailable(f"Port {port} can't be listened on.") from error
    threading.Thread(target=_accept, args=(listener, name, come), name=name, daemon=True).start()
    found: int = listener.getsockname()[1]
    return found


def read_line(connection: socket.socket, length: int) -> str:
    """A line of exactly ``length`` ASCII characters, without its line feed, and not a byte more. Raises OSError."""
    data = b""
    while len(data) <= length:
        piece = connection.recv(length + 1 - len(data))
        if not piece:
            break
        data += piece
    if len(data) != length + 1 or not data.endswith(b"\n") or not data.isascii():
        raise OSError("no greeting as agreed")
    return data[:-1].decode()


def _context(protocol: int, pki: Path, role: str) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(pki / "ca-cert.pem")
    context.load_cert_chain(pki / f"{role}-cert.pem", pki / f"{role}-key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _accept(listener: socket.socket, name: str, come: Callable[[socket.socket], None]) -> None:
    def run(connection: socket.socket) -> None:
        with connection:
            come(connection)

    while True:
        try:
            connection, _ = listener.accept()
        except OSError as error:
            _LOG.warning("%s: %s", name, error)
            continue
        threading.Thread(target=run, args=(connection,), name=name, daemon=True).start()
