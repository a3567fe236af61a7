"""Data from the web, for a user who names a URL: one GET, in constant memory (S-020, S-021).

The name is resolved once and the checked address is the one connected to, so that a second answer of the DNS changes
nothing; TLS still asks for the name. Each redirect is a new URL with all checks. No credentials are sent, no proxy is
used, nothing is unpacked. By http.client: a headers' size and number are limited there, and one stream is all it takes.
"""

from __future__ import annotations

import http.client
import io
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from urllib.parse import urljoin

from iaas.config.sections import Image as Options
from iaas.errors import Invalid, Unavailable
from iaas.image import address
from iaas.image.address import Target
from iaas.image.faults import Broken

log = logging.getLogger(__name__)
CONNECT_S = 10.0
ANSWER_S = 40.0  # for all that comes before the data, redirects included: less than a worker's lease (S-117)
SILENCE_S = 30.0  # without a byte
REDIRECTS = 3
_MOST_ADDRESSES = 4
_MOST_AT_ONCE = 256 * 1024
_MOVED = (301, 302, 303, 307, 308)

Resolve = Callable[[str, int], list[str]]


def resolve(host: str, port: int) -> list[str]:
    """The host's addresses. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


def open_url(url: str, options: Options, resolver: Resolve = resolve, offset: int = 0) -> WebStream:
    """The data at the URL, from ``offset`` on. Raises Invalid for what is refused or not there, Unavailable for a
    server that does not answer."""
    started = time.monotonic()
    target = address.parsed(url, options)
    for _ in range(REDIRECTS + 1):
        connection = _connect(target, options, resolver, started + ANSWER_S)
        stream = WebStream(connection)
        try:
            stream.ends_at(started + ANSWER_S)
            _shake_hands(connection)
            answer = _ask(connection, target, offset)
            if answer.status not in _MOVED:
                stream.ends_at(started + options.web_hours * 3600)
                stream.start(answer, offset)
                return stream
            there = urljoin(url, answer.headers.get("Location") or "")
            stream.close()
            following = address.parsed(there, options)
        except BaseException:
            stream.close()
            raise
        if target.scheme == "https" and following.scheme != "https":
            raise Invalid("The URL is not fetched: it leads from https to http.", field="uri")
        url, target = there, following
    raise Invalid("The URL is not fetched: it leads on and on.", field="uri")


def _connect(target: Target, options: Options, resolver: Resolve, until: float) -> http.client.HTTPConnection:
    """To a checked address of the host; an address that may not be is a reason to use none of them. ``until``: by the
    monotonic clock."""
    try:
        found = resolver(target.host, target.port)
    except OSError:
        raise Invalid("The URL is not fetched: its host is not known.", field="uri") from None
    if not found or not all(address.allowed(item, options.web_networks) for item in found):
        raise Invalid("The URL is not fetched: its address is not allowed.", field="uri")
    error: OSError | None = None
    for item in found[:_MOST_ADDRESSES]:
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            plain = socket.create_connection((item, target.port), min(CONNECT_S, left))
        except OSError as failure:
            error = failure
            continue
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = _wrapped(plain, target, options)
        return connection
    raise Unavailable("The server of the URL can't be reached.") from error


def _wrapped(plain: socket.socket, target: Target, options: Options) -> socket.socket:
    plain.settimeout(SILENCE_S)
    if target.scheme == "http":
        return plain
    try:
        context = ssl.create_default_context(cafile=options.web_ca_file or None)
        # Of an answer without a length TLS says whether it is complete; a connection that just ends may have been cut.
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        return context.wrap_socket(
            plain, server_hostname=target.host, do_handshake_on_connect=False, suppress_ragged_eofs=False
        )
    except (OSError, ValueError) as error:
        plain.close()
        raise _unproven() from error


def _shake_hands(connection: http.client.HTTPConnection) -> None:
    if isinstance(connection.sock, ssl.SSLSocket):
        try:
            connection.sock.do_handshake()
        except (OSError, ValueError) as error:
            raise _unproven() from error


def _unproven() -> Invalid:
    return Invalid("The URL is not fetched: its server does not prove its name.", field="uri")


def _ask(connection: http.client.HTTPConnection, target: Target, offset: int) -> http.client.HTTPResponse:
    host = f"[{target.host}]" if ":" in target.host else target.host
    named = host if target.port == {"http": 80, "https": 443}[target.scheme] else f"{host}:{target.port}"
    headers = {"Host": named, "Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "iaas-image",
               "Connection": "close"}  # fmt: skip
    if offset:
        headers["Range"] = f"bytes={offset}-"
    try:
        connection.request("GET", target.path, headers=headers)
        return connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable("The server of the URL does not answer.") from error


class WebStream(io.RawIOBase):
    """The body of an answer. ``length``: how many bytes the server announced, None when it did not."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection, self._socket = connection, connection.sock  # which the connection forgets with the answer
        self._watch: threading.Timer | None = None
        self._answer: http.client.HTTPResponse | None = None
        self.length: int | None = None
        self._left: int | None = None
        self._is_cut = False

    def ends_at(self, moment: float) -> None:
        """Whatever the server does, the connection is cut then (by the monotonic clock)."""
        if self._watch is not None:
            self._watch.cancel()
        self._watch = threading.Timer(max(0.0, moment - time.monotonic()), self._cut)
        self._watch.daemon = True
        self._watch.start()

    def _cut(self) -> None:
        """Whoever reads sees the end of the connection, and here that it is none of the data. By the plain socket's own
        method: an SSLSocket's drops TLS first, and would go on in the clear."""
        self._is_cut = True
        try:
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except OSError:
            log.debug("the connection had ended by itself")

    def start(self, answer: http.client.HTTPResponse, offset: int) -> None:
        """Raises Invalid, Unavailable for an answer that is not the data."""
        if self._is_cut:
            raise Unavailable("The server of the URL does not answer.")
        if answer.status >= 500:
            raise Unavailable(f"The server of the URL answers {answer.status}.")
        if answer.status != (206 if offset else 200):
            raise Invalid(f"The URL is not fetched: its server answers {answer.status}.", field="uri")
        if (answer.headers.get("Content-Encoding") or "identity").lower() != "identity":
            raise Invalid("The URL is not fetched: its server sends packed data.", field="uri")
        self._answer, self.length, self._left = answer, answer.length, answer.length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """What is there, however little: who sends a byte at a time must not keep the reader from its other duties.
        Raises Broken when the server stops in the middle."""
        assert self._answer is not None
        most = min(len(buffer), _MOST_AT_ONCE) if self._left is None else min(len(buffer), _MOST_AT_ONCE, self._left)
        if not most:
            return 0
        try:
            data = self._answer.read1(most)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Broken("The server of the URL stopped in the middle.") from error
        if not data and self._left:
            raise Broken(f"The server of the URL announced {self.length} bytes and stopped before their end.")
        if not data and self._is_cut:
            raise Broken("The server of the URL takes too long.")
        if self._left is not None:
            self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._answer is not None:
            self._answer.close()
        self._connection.close()
        super().close()
