"""cheroot's server as every API runs it: bodies in constant memory, slow clients outside, no request in two readings.

A request that says twice how long it is, or in two ways, could be split differently by a proxy in front of us: it is
400 (S-121). What a worker still has to wait for, it waits for ``PROMPT_S`` in all, and not for each byte (S-117): only
who reads a long body for a known caller takes its time.
"""

from __future__ import annotations

import re
import socket
import time
from typing import Any, cast

from cheroot.makefile import StreamReader, StreamWriter
from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest
from cheroot.wsgi import Server

from iaas.api.gateway import Gateway
from iaas.api.waiting_room import HEAD, WaitingRoom

PROMPT_S = 2.0
_SOON_S = 0.001
_ONCE = (b"Content-Length", b"Transfer-Encoding", b"Host", b"X-Auth-Token")
_NUMBER = re.compile(rb"[0-9]{1,18}")


class _Headers(dict[bytes, bytes]):
    def __setitem__(self, name: bytes, value: bytes) -> None:
        if name in _ONCE and name in self:
            raise ValueError("A header is there twice.")
        super().__setitem__(name, value)


class StrictHeaders(HeaderReader):
    """Raises ValueError, which is cheroot's 400."""

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        found = super().__call__(rfile, _Headers())
        length = found.get(b"Content-Length")
        if length is not None and (b"Transfer-Encoding" in found or not _NUMBER.fullmatch(length)):
            raise ValueError("The length of the body is ambiguous.")
        hdict = {} if hdict is None else hdict
        hdict.update(found)
        return hdict

    def _transform_key(self, key_name: bytes) -> bytes:
        if key_name != key_name.strip():
            raise ValueError("There is space in the name of a header.")
        return key_name.title()

    def _allow_header(self, key_name: bytes) -> bool:
        """WSGI can't tell X_Auth_Token from X-Auth-Token: one of them could hide behind the other (S-034)."""
        return b"_" not in key_name


class Request(HTTPRequest):
    header_reader = StrictHeaders()

    def read_request_headers(self) -> bool:
        """HTTP/1.0 knows no chunks: what a proxy took for a body would be read as the next request."""
        if not super().read_request_headers():  # type: ignore[no-untyped-call]
            return False
        if b"Transfer-Encoding" in self.inheaders and not self.chunked_read:
            self.simple_response("400 Bad Request", "The length of the body is ambiguous.")
            return False
        return True


class _Socket(socket.SocketIO):
    """``patience``: for how many seconds more one may wait for bytes, in all; None: the socket's timeout each time.
    What is written has that timeout as a whole."""

    patience: float | None = None
    timeout: float | None = None
    _sock: socket.socket

    def readinto(self, buffer: Any) -> int | None:
        if self.patience is None:
            return super().readinto(buffer)
        self._sock.settimeout(max(_SOON_S, self.patience))
        started = time.monotonic()
        try:
            return super().readinto(buffer)
        finally:
            self.patience -= time.monotonic() - started
            self._sock.settimeout(self.timeout)

    def write(self, data: Any) -> int:
        self._sock.sendall(data)
        return len(data)


class _Reader(StreamReader):
    _read_buf: bytes
    _read_pos: int

    def __init__(self, end: socket.socket, size: int) -> None:
        super(StreamReader, self).__init__(_Socket(end, "rb"), size)
        self.bytes_read = 0

    def held(self) -> bytes:
        """What was read ahead of the last request: the beginning of the next one."""
        return bytes(self._read_buf[self._read_pos :])


class _Writer(StreamWriter):
    def __init__(self, end: socket.socket, size: int) -> None:
        super(StreamWriter, self).__init__(_Socket(end, "wb"), size)
        self.bytes_written = 0


def _file(end: socket.socket, mode: str, size: int) -> _Reader | _Writer:
    return _Reader(end, size) if "r" in mode else _Writer(end, size)


class Connection(HTTPConnection):
    RequestHandlerClass = Request
    is_leaving = False  # the answer is sent, and nothing of what the client still sends is of interest

    def __init__(self, server: HttpServer, end: socket.socket, makefile: Any = None) -> None:
        super().__init__(server, end, _file)

    def communicate(self) -> bool:
        self.wait_at_most(self.server.patience_s)
        return cast(bool, super().communicate())  # type: ignore[no-untyped-call]

    def wait_at_most(self, seconds: float | None) -> None:
        """For all bytes that are read from now on together; None: for each the server's timeout."""
        raw = self.rfile.raw
        raw.patience, raw.timeout = seconds, self.server.timeout

    def close(self) -> None:
        """Closing while the client sends would reset the connection, and the answer would be lost with it: who is
        leaving is seen off outside."""
        if self.is_leaving:
            self.is_leaving = False
            self.server.room.see_off(self)
        else:
            super().close()


class HttpServer(Server):
    patience_s = PROMPT_S

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.gateway = Gateway
        self.ConnectionClass = Connection
        self.max_request_header_size = HEAD

    def prepare(self) -> None:
        super().prepare()
        self.room = WaitingRoom(super().process_conn)
        self.room.start()

    def process_conn(self, conn: Any) -> None:
        self.room.enter(conn)

    def stop(self) -> None:
        room = getattr(self, "room", None)
        super().stop()
        if room is not None:
            room.stop()
