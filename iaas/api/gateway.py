"""Between cheroot and a WSGI application: bodies in and out in constant memory, whatever the client sends.

cheroot by itself reads a whole chunk of a chunked body, and what a handler left unread of any body, into memory
(S-022, S-109). Here a body is read only as it is asked for, an unread rest closes the connection, and a part of a
file is sent by the kernel. To be set as ``server.gateway``.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterable
from typing import Any

from cheroot.wsgi import Gateway_10
from werkzeug.exceptions import BadRequest, ClientDisconnected

from iaas.api.file_body import FileBody
from iaas.api.route import TAKES_TIME

_SIZE_LINE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
_MAX_LINE = 1024
_SMALL = 64 * 1024  # an unread rest of so many bytes is read before the answer, and the connection lives on
_REST_S = 0.2  # how long it is waited for


class Gateway(Gateway_10):
    """One request. Errors of a broken connection end it quietly; cheroot closes the socket."""

    def __init__(self, req: Any) -> None:
        length = None if req.chunked_read else req.rfile.remaining
        req.rfile = self.body = Body(req.conn.rfile, length)
        super().__init__(req)
        self.env[TAKES_TIME] = lambda: req.conn.wait_at_most(None)

    def respond(self) -> None:
        response = self.req.server.wsgi_app(self.env, self.start_response)
        try:
            self.req.conn.wait_at_most(_REST_S)
            if not self.body.skip(_SMALL):
                self.req.close_connection = True
            if isinstance(response, FileBody) and not self.req.conn.ssl_env:
                self.req.ensure_headers_sent()
                self._send(response)
            else:
                self._iterate(response)
        finally:
            self.req.ensure_headers_sent()
            if hasattr(response, "close"):
                response.close()
        if not self.body.ended:
            self._say_goodbye()

    def _iterate(self, response: Iterable[bytes]) -> None:
        for piece in response:
            if piece:
                self.write(piece)

    def _send(self, body: FileBody) -> None:
        connection: socket.socket = self.req.conn.socket
        sent = connection.sendfile(body.file, body.offset, body.length) if body.length else 0
        if sent != body.length:  # the file is shorter than promised: the client must not take it for all
            self.req.close_connection = True

    def _say_goodbye(self) -> None:
        """No more comes from us; what the client still sends is read outside, by no worker."""
        with contextlib.suppress(OSError):
            self.req.conn.socket.shutdown(socket.SHUT_WR)
            self.req.conn.is_leaving = True


class Body:
    """A request's body: of ``length`` bytes, or chunked (None). Never holds more than was asked for.

    ``read`` and ``readinto`` raise ClientDisconnected when the client goes away in the middle, BadRequest for
    malformed chunks; a read may give fewer bytes than asked for, and none at the end only.
    """

    def __init__(self, source: Any, length: int | None) -> None:
        self._source = source
        self._chunked = length is None
        self._left = length or 0  # of the body, or of the chunk
        self._first = True
        self.ended = length == 0
        self.remaining = 0  # cheroot reads so many bytes by itself before it answers: none

    def read(self, size: int = -1) -> bytes:
        if size is None or size < 0:
            pieces = []
            while piece := self.read(_SMALL):
                pieces.append(piece)
            return b"".join(pieces)
        if not self._ready(size):
            return b""
        wanted = min(size, self._left)
        buffer = bytearray(wanted if wanted < _SMALL else _SMALL)
        return bytes(memoryview(buffer)[: self._receive(memoryview(buffer))])

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """As ``read``, into a buffer: how many bytes were written to its beginning."""
        if not self._ready(len(buffer)):
            return 0
        return self._receive(memoryview(buffer)[: self._left])

    def readline(self, size: int = -1) -> bytes:
        """For WSGI's sake; no application of ours reads lines."""
        line = bytearray()
        while size < 0 or len(line) < size:
            letter = self.read(1)
            line += letter
            if letter in (b"", b"\n"):
                break
        return bytes(line)

    def skip(self, most: int) -> bool:
        """Reads and forgets at most ``most`` bytes; True when the body is at its end."""
        if not self._chunked and self._left > most:
            return False
        try:
            while not self.ended and most > 0:
                most -= len(self.read(min(most, _SMALL)))
        except (ClientDisconnected, BadRequest):
            return False
        return self.ended

    def close(self) -> None:
        self._source.close()

    def _next_chunk(self) -> bool:
        """To the next chunk; False at the end of the body, trailers read."""
        if not self._first and self._line() != b"\r\n":
            raise BadRequest("A chunk does not end where it should.")
        self._first = False
        match = _SIZE_LINE.fullmatch(self._line())
        if not match:
            raise BadRequest("A chunk has no size.")
        self._left = int(match[1], 16)
        if self._left:
            return True
        for _ in range(64):
            if self._line() == b"\r\n":
                self.ended = True
                return False
        raise BadRequest("The body has too many trailers.")

    def _line(self) -> bytes:
        try:
            line: bytes = self._source.readline(_MAX_LINE)
        except OSError as error:
            raise ClientDisconnected from error
        if not line:
            raise ClientDisconnected
        return line

    def _ready(self, size: int) -> bool:
        """Whether there is a byte to be received, at a place where bytes of the body are."""
        if not size or self.ended:
            return False
        return not self._chunked or self._left > 0 or self._next_chunk()

    def _receive(self, view: memoryview) -> int:
        """At least one byte: what the server has read ahead, else straight from the socket into the buffer."""
        try:
            if self._source.has_data():
                data = self._source.read1(len(view))
                count = len(data)
                view[:count] = data
            else:
                count = self._source.raw.readinto(view) or 0
        except OSError as error:
            raise ClientDisconnected from error
        if not count:
            raise ClientDisconnected
        self._left -= count
        if not self._left and not self._chunked:
            self.ended = True
        return count
