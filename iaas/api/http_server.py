"""cheroot's server as every API runs it: bodies in constant memory, slow clients outside, no request in two readings.

A request that says twice how long it is, or in two ways, could be split differently by a proxy in front of us: it is
400 (S-121).
"""

from __future__ import annotations

import re
from typing import Any

from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest
from cheroot.wsgi import Server

from iaas.api.gateway import Gateway
from iaas.api.waiting_room import HEAD, WaitingRoom

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


class Request(HTTPRequest):
    header_reader = StrictHeaders()


class Connection(HTTPConnection):
    RequestHandlerClass = Request


class HttpServer(Server):
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
        if conn.rfile.has_data():  # of a pipelined request: read already
            super().process_conn(conn)
        else:
            self.room.enter(conn)

    def stop(self) -> None:
        room = getattr(self, "room", None)
        super().stop()
        if room is not None:
            room.stop()
