"""Uploads to an image service that obeys, refuses, hangs up or lies."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from iaas import errors
from iaas.host.image_send import send
from iaas.model.order import Upload

DATA = b"q" * (3 << 20) + b"end"


class Service(BaseHTTPRequestHandler):
    """``put``: the status of the answer to the upload; ``image``: what is shown of it afterwards."""

    put: ClassVar[int] = 204
    words: ClassVar[str] = ""
    image: ClassVar[dict[str, Any]] = {}
    show: ClassVar[int] = 200
    got: ClassVar[list[tuple[str, str | None, bytes]]] = []

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"])) if self.put else b""
        self.got.append((self.path, self.headers["X-Auth-Token"], data))
        if self.put == 0:
            self.connection.close()
            return
        self._answer(self.put, {"message": self.words})

    def do_GET(self) -> None:
        self._answer(self.show, self.image)

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode() if status != 204 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def service() -> Iterator[tuple[type[Service], Upload]]:
    class Mine(Service):
        got: ClassVar[list[Any]] = []
        image: ClassVar[dict[str, Any]] = {"status": "active", "os_hash_value": hashlib.sha512(DATA).hexdigest()}

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v2/images/x/file"
    yield Mine, Upload(image_id="x", url=url, token="ticket", format="qcow2")
    server.shutdown()
    server.server_close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "copy"
    path.write_bytes(DATA)
    return path


def test_all_bytes_arrive_and_are_proven(service: tuple[type[Service], Upload], file: Path) -> None:
    there, upload = service
    calls: list[None] = []
    send(upload, file, lambda: calls.append(None))
    assert there.got == [("/v2/images/x/file", "ticket", DATA)]
    assert len(calls) >= 4


def test_an_image_that_has_the_bytes_already_is_left_alone(service: tuple[type[Service], Upload], file: Path) -> None:
    there, upload = service
    there.put = 409
    send(upload, file, lambda: None)
    there.image = {"status": "saving", "os_hash_value": None}
    with pytest.raises(errors.Conflict):
        send(upload, file, lambda: None)


def test_bytes_that_are_not_ours_are_a_conflict(service: tuple[type[Service], Upload], file: Path) -> None:
    there, upload = service
    there.image = {"status": "active", "os_hash_value": "00"}
    with pytest.raises(errors.Conflict):
        send(upload, file, lambda: None)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, errors.NotFound), (410, errors.NotFound), (401, errors.Forbidden), (403, errors.Forbidden),
     (413, errors.QuotaExceeded), (415, errors.Invalid), (500, errors.Unavailable), (0, errors.Unavailable)],
)  # fmt: skip
def test_a_refusal_is_understood(
    service: tuple[type[Service], Upload], file: Path, status: int, kind: type[errors.Error]
) -> None:
    there, upload = service
    there.put, there.words = status, "because"
    with pytest.raises(kind) as caught:
        send(upload, file, lambda: None)
    if kind in (errors.QuotaExceeded, errors.Invalid):
        assert caught.value.message == "because"


def test_what_progress_raises_ends_the_upload(service: tuple[type[Service], Upload], file: Path) -> None:
    def stop() -> None:
        raise errors.Timeout("superseded")

    with pytest.raises(errors.Timeout):
        send(service[1], file, stop)


def test_no_service_is_unavailable_and_a_lost_file_is_our_own_trouble(tmp_path: Path, file: Path) -> None:
    upload = Upload(image_id="x", url="http://127.0.0.1:1/v2/images/x/file", token="t", format="qcow2")
    with pytest.raises(errors.Unavailable):
        send(upload, file, lambda: None)
    with pytest.raises(FileNotFoundError):
        send(upload, tmp_path / "nothing", lambda: None)
