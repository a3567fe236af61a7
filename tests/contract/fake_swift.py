"""A stand-in for Swift with its old TempAuth: objects, listings and static large objects, in memory.

Not a real server: what it shows is that the store speaks these verbs through swiftclient, not that Swift takes them.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class Account:
    def __init__(self) -> None:
        self.containers: dict[str, dict[str, Any]] = {}  # container -> name -> bytes, or the list of segments
        self.port = 0
        self.largest = 0  # bytes of one request's body

    def data(self, found: Any) -> bytes:
        if isinstance(found, bytes):
            return found
        return b"".join(self.containers[c][n] for c, _, n in (item["path"].partition("/") for item in found))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    account: Account

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        body = self._body()
        self.account.largest = max(self.account.largest, len(body))
        if parts.path == "/auth/v1.0":
            url = f"http://127.0.0.1:{self.account.port}/v1/a"
            return self._reply(200, b"", {"X-Storage-Url": url, "X-Auth-Token": "t"})
        container, _, name = unquote(parts.path).removeprefix("/v1/a/").partition("/")
        if self.command == "PUT":
            return self._put(container, name, query, body)
        if container not in self.account.containers:
            return self._reply(404)
        if not name:
            return self._list(self.account.containers[container], query)
        return self._object(self.account.containers[container], name, query)

    do_GET = do_PUT = do_DELETE = do_HEAD = _serve

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _put(self, container: str, name: str, query: dict[str, str], body: bytes) -> None:
        objects = self.account.containers.setdefault(container, {})
        if name:
            large = query.get("multipart-manifest") == "put"
            objects[name] = json.loads(body) if large else body
        self._reply(201, b"", {"Etag": hashlib.md5(body).hexdigest()})

    def _list(self, objects: dict[str, Any], query: dict[str, str]) -> None:
        now = datetime.now(UTC).replace(tzinfo=None).isoformat()
        names = sorted(name for name in objects if name.startswith(query.get("prefix", "")))
        rows = [{"name": name, "bytes": len(self.account.data(objects[name])), "last_modified": now}
                for name in names if name > query.get("marker", "")]  # fmt: skip
        self._reply(200, json.dumps(rows[: int(query.get("limit", 1000))]).encode())

    def _object(self, objects: dict[str, Any], name: str, query: dict[str, str]) -> None:
        if name not in objects:
            return self._reply(404)
        found = objects[name]
        if self.command == "DELETE":
            if query.get("multipart-manifest") == "delete":
                for item in found:
                    container, _, segment = item["path"].partition("/")
                    self.account.containers[container].pop(segment, None)
            del objects[name]
            return self._reply(204)
        data, span = self.account.data(found), self.headers.get("Range")
        if span:
            data = data[int(span.removeprefix("bytes=").rstrip("-")) :]
        headers = {"Etag": hashlib.md5(data).hexdigest()}
        headers |= {} if isinstance(found, bytes) else {"X-Static-Large-Object": "True"}
        self._reply(206 if span else 200, data, headers)

    def _reply(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def serving() -> Iterator[Account]:
    account = Account()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"account": account}))
    server.daemon_threads = True
    account.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield account
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
