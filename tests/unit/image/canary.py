"""A web server on loopback that counts who came, and says what it is told to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Canary:
    """``pages``: path -> (status, headers, body); ``hits``: (path, headers) of every request."""

    def __init__(self, port: int, scheme: str = "http") -> None:
        self.port, self.scheme = port, scheme
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.hits: list[tuple[str, dict[str, str]]] = []
        self.before: Any = lambda path: None  # called before the body is sent
        self.after: Any = lambda path: None  # called when it is sent, before the connection is closed

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


@contextmanager
def serving(address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Canary]:
    class Handler(BaseHTTPRequestHandler):
        def handle(self) -> None:
            with suppress(ssl.SSLError):  # the client does not believe our certificate
                super().handle()

        def do_GET(self) -> None:
            canary.hits.append((self.path, dict(self.headers)))
            status, headers, body = canary.pages.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            canary.before(self.path)
            with suppress(OSError):  # who asked went away
                self.wfile.write(body)
                self.wfile.flush()
            canary.after(self.path)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((address, 0), Handler)
    canary = Canary(server.server_address[1], "https" if tls else "http")
    if tls:  # the handshake in the connection's own thread: who never ends it holds up nobody
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield canary
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
