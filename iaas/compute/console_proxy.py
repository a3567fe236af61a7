"""The proxy between browsers and screens: noVNC's files by HTTP, and a guest's RFB inside a web socket.

A web socket comes with a token in its address and gets one guest's screen; the token is the only right that it has or
needs (it is 256 random bits, lives for minutes and is used up), so that no cookie could be borrowed by another page;
a page of another origin is refused all the same.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockify.websocket import WebSocketWantReadError, WebSocketWantWriteError
from websockify.websocketserver import HttpWebSocket, WebSocketRequestHandlerMixIn

from iaas.errors import Error
from iaas.host.relay import held

Open = Callable[[str], socket.socket]
_LOG = logging.getLogger(__name__)
_PIECE = 1 << 16
_MESSAGE = 1 << 20  # bytes of one message from a browser: keys, a pointer, a clipboard
_REQUEST_S = 20.0  # for a request to be complete
_STUCK_S = 60.0  # for one end to take some bytes
_LOOK_S = 60.0
_SILENT = 720  # looks in a row at which nobody has said anything: half a day
_MISSING = b"""<!DOCTYPE html><title>Console</title><h1>noVNC is not installed here</h1>
<p>This proxy works; only the page that shows a screen in the browser is missing. The operator installs it with
<code>apt install novnc</code>, or says in <code>[console] web</code> where it is. Until then any VNC client that
speaks web sockets can use this address, with ws:// instead of http:// and the token of the query's path.</p>
"""


class _Socket(HttpWebSocket):  # type: ignore[misc]
    def select_subprotocol(self, protocols: list[str]) -> str:
        """What noVNC offers; a client that offers nothing is all right."""
        return "binary" if "binary" in protocols else ""


class Handler(WebSocketRequestHandlerMixIn, SimpleHTTPRequestHandler):  # type: ignore[misc]
    """One connection of a browser."""

    SocketClass = _Socket
    server_version, sys_version = "iaas-console", ""
    protocol_version = "HTTP/1.1"
    timeout = _REQUEST_S

    def __init__(self, *arguments: Any, open_screen: Open, web: Path, origin: str) -> None:
        self._open, self._web, self._origin = open_screen, web, origin
        super().__init__(*arguments, directory=str(web))

    def do_GET(self) -> None:
        if self._web.is_dir():
            super().do_GET()
            return
        self.send_response(503)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(_MISSING)))
        self.end_headers()
        self.wfile.write(_MISSING)

    def list_directory(self, path: Any) -> None:
        """Nobody browses here."""
        self.send_error(404)

    def handle_upgrade(self) -> None:
        """The screen first: a browser is told of a failure by HTTP, before there is a web socket."""
        self.close_connection = True
        tokens = parse_qs(urlsplit(self.path).query).get("token", [])
        if not self._same_origin() or len(tokens) != 1:
            self.send_error(403)
            return
        try:
            self._screen = self._open(tokens[0])
        except Error as error:
            _LOG.info("a console was refused: %s", error.message)
            self.send_error(403 if error.kind == "forbidden" else 503, error.message)
            return
        with self._screen:
            super().handle_upgrade()

    def handle_websocket(self) -> None:
        try:
            _relay(self.request, self.connection, self._screen)
        except OSError as error:
            _LOG.debug("console ended: %s", error)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: a request's line has the token in it."""

    def _same_origin(self) -> bool:
        """No page but ours; clients that are no browsers say nothing."""
        origin = self.headers.get("Origin")
        return origin is None or urlsplit(origin).netloc in (self.headers.get("Host"), self._origin)


class Server(ThreadingHTTPServer):
    """A thread a browser, 256 at most at a time."""

    daemon_threads = True
    request_queue_size = 32
    _MOST = 256

    def __init__(self, address: tuple[str, int], open_screen: Open, web: Path, url: str) -> None:
        self._running, self._count = 0, threading.Lock()
        handler = partial(Handler, open_screen=open_screen, web=web, origin=urlsplit(url).netloc)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._count:
            full = self._running >= self._MOST
            self._running += 0 if full else 1
        if full:
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._count:
                self._running -= 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        _LOG.debug("a connection broke", exc_info=True)


def _relay(web: Any, raw: socket.socket, screen: socket.socket) -> None:
    """``web`` is the web socket on ``raw``. Ends when either side does. Raises OSError."""
    raw.settimeout(_STUCK_S)
    screen.settimeout(_STUCK_S)
    quiet = 0
    while quiet < _SILENT:
        ready = [raw] if web.pending() else []
        ready += [screen] if held(screen) else []
        ready = ready or select.select([raw, screen], [], [], _LOOK_S)[0]
        quiet = 0 if ready else quiet + 1
        if raw in ready and not _from_browser(web, screen):
            return
        if screen in ready:
            data = screen.recv(_PIECE)
            if not data:
                return
            _to_browser(web, raw, data)


def _from_browser(web: Any, screen: socket.socket) -> bool:
    """False at the end. The library keeps what is not yet a whole message, however long the client says it will be."""
    try:
        data = web.recvmsg()
    except WebSocketWantReadError:
        return len(web._recv_buffer) + len(web._partial_msg) <= _MESSAGE
    if data is None:
        return False
    screen.sendall(data)
    return True


def _to_browser(web: Any, raw: socket.socket, data: bytes) -> None:
    while True:
        try:
            web.sendmsg(data)
            return
        except WebSocketWantWriteError:
            if not select.select([], [raw], [], _STUCK_S)[1]:
                raise TimeoutError("the browser takes nothing") from None
