"""A stand-in for an S3 service: the few verbs that the store uses, in memory. It judges no signature, has one bucket.

Not a real server: what it shows is that the store speaks these verbs through boto3, not that some product takes them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

_NOW = "%Y-%m-%dT%H:%M:%S.000Z"


class Bucket:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.port = 0
        self.largest = 0  # bytes of one request's body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: Bucket

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        _, _, key = unquote(parts.path).lstrip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.bucket.largest = max(self.bucket.largest, len(body))
        status, answer, headers = getattr(self, f"_{self.command.lower()}")(key, query, body)
        self.send_response(status)
        if self.command != "HEAD":
            headers = {**headers, "Content-Length": str(len(answer))}
        for name, value in headers.items():
            self.send_header(name, value)
        if status == 204:
            self.send_header("Content-Length", "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

    def _head(self, key: str, query: dict[str, str], body: bytes) -> Any:
        if key not in self.bucket.objects:
            return 404, b"", {"Content-Length": "0"}
        return 200, b"", {"Content-Length": str(len(self.bucket.objects[key]))}

    def _get(self, key: str, query: dict[str, str], body: bytes) -> Any:
        if not key:
            return self._list(query)
        if "uploadId" in query:
            parts = self.bucket.uploads[query["uploadId"]][1]
            rows = "".join(f"<Part><PartNumber>{n}</PartNumber><Size>{len(data)}</Size></Part>"
                           for n, data in parts.items())  # fmt: skip
            return 200, f"<ListPartsResult>{rows}</ListPartsResult>".encode(), {}
        if key not in self.bucket.objects:
            return 404, b"<Error><Code>NoSuchKey</Code></Error>", {}
        data = self.bucket.objects[key]
        if span := self.headers.get("Range"):
            return 206, data[int(span.removeprefix("bytes=").rstrip("-")) :], {}
        return 200, data, {}

    def _list(self, query: dict[str, str]) -> Any:
        now = time.strftime(_NOW, time.gmtime())
        if "uploads" in query:
            rows = "".join(
                f"<Upload><Key>{escape(key)}</Key><UploadId>{id}</UploadId><Initiated>{now}</Initiated></Upload>"
                for id, (key, _) in self.bucket.uploads.items() if key.startswith(query.get("prefix", ""))
            )  # fmt: skip
            return 200, f"<ListMultipartUploadsResult>{rows}</ListMultipartUploadsResult>".encode(), {}
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size><LastModified>{now}</LastModified></Contents>"
            for key, data in self.bucket.objects.items()
        )
        return 200, f"<ListBucketResult>{rows}</ListBucketResult>".encode(), {}

    def _post(self, key: str, query: dict[str, str], body: bytes) -> Any:
        if "uploads" in query:
            id = f"u{len(self.bucket.uploads)}{time.monotonic_ns()}"
            self.bucket.uploads[id] = (key, {})
            return (
                200,
                f"<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>".encode(),
                {},
            )
        if query["uploadId"] not in self.bucket.uploads:
            return 404, b"<Error><Code>NoSuchUpload</Code></Error>", {}
        _, parts = self.bucket.uploads.pop(query["uploadId"])
        wanted = [
            int(item.text or 0) for item in ElementTree.fromstring(body).iter() if item.tag.endswith("PartNumber")
        ]
        self.bucket.objects[key] = b"".join(parts[number] for number in wanted)
        return 200, b"<CompleteMultipartUploadResult/>", {}

    def _put(self, key: str, query: dict[str, str], body: bytes) -> Any:
        if query["uploadId"] not in self.bucket.uploads:
            return 404, b"<Error><Code>NoSuchUpload</Code></Error>", {}
        self.bucket.uploads[query["uploadId"]][1][int(query["partNumber"])] = body
        return 200, b"", {"ETag": '"e"'}

    def _delete(self, key: str, query: dict[str, str], body: bytes) -> Any:
        if "uploadId" in query:
            self.bucket.uploads.pop(query["uploadId"], None)
        else:
            self.bucket.objects.pop(key, None)
        return 204, b"", {}

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def serving() -> Iterator[Bucket]:
    bucket = Bucket()
    handler = type("Handler", (_Handler,), {"bucket": bucket})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    bucket.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
