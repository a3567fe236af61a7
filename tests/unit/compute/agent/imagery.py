"""An image service and a cache in front of it, with the real qemu-img, for the tests of compute's images."""

from __future__ import annotations

import hashlib
import http.server
import subprocess
import threading
import uuid
from pathlib import Path

from iaas.clock import SystemClock
from iaas.compute.agent.images.cache import ImageCache
from iaas.compute.agent.images.shelf import Keeping
from iaas.compute.agent.work import Work
from iaas.host.exec import Runner
from iaas.host.image_fetch import fetch
from iaas.host.qemu_img import QemuImg
from iaas.model.order import Action, ImageSource
from tests.unit.compute.agent.bench import order, spec

MIB = 1 << 20
RUNNER = Runner()


class Glance(http.server.ThreadingHTTPServer):
    """An image service: path -> bytes, with the troubles that a test asks for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.hits: list[tuple[str, str | None]] = []
        self.statuses: list[int] = []  # answered first, one each
        self.cut = 0  # bytes after which the next connection breaks

    def add(self, data: bytes, **changes: object) -> ImageSource:
        id = str(uuid.uuid4())
        self.files[f"/v2/images/{id}/file"] = data
        facts: dict[str, object] = {
            "id": id, "url": f"http://127.0.0.1:{self.server_port}/v2/images/{id}/file", "token": "t0ken",
            "format": "raw", "size": len(data), "hash_algo": "sha512",
            "hash_value": hashlib.sha512(data).hexdigest(), "virtual_size": len(data),
        }  # fmt: skip
        return ImageSource(**{**facts, **changes})  # type: ignore[arg-type]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Glance

    def do_GET(self) -> None:
        self.server.hits.append((self.path, self.headers["X-Auth-Token"]))
        data = self.server.files.get(self.path)
        status = self.server.statuses.pop(0) if self.server.statuses else 200 if data is not None else 404
        self.send_response(status)
        self.send_header("Content-Length", str(len(data or b"")))
        if status in (301, 302):
            self.send_header("Location", "http://127.0.0.1:9/canary")
        self.end_headers()
        if status == 200 and data is not None:
            cut, self.server.cut = self.server.cut, 0
            self.wfile.write(data[: cut or None])

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


def again(tmp_path: Path, min_free: int = 0, **keeping: float) -> ImageCache:
    """The cache of a newly started agent on the same directory."""
    kept = Keeping(**keeping)  # type: ignore[arg-type]
    return ImageCache(tmp_path / "cache", QemuImg(RUNNER), fetch, min_free=min_free, keeping=kept)


def work() -> Work:
    return Work(order(Action.BUILD, spec()), "host1", QuickClock(), lambda report: None)


class QuickClock(SystemClock):
    """Waits between attempts take no time."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.is_set()


def qcow2(tmp_path: Path, *options: str, size: str = "2M", fill: bytes = b"") -> bytes:
    path = tmp_path / f"{uuid.uuid4()}.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *options, path, size], check=True)
    if fill:
        raw = tmp_path / f"{uuid.uuid4()}.raw"
        raw.write_bytes(fill)
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path], check=True)
        raw.unlink()
    data = path.read_bytes()
    path.unlink()
    return data
