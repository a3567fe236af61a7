"""Upload, download and import of an image through a real socket, beside cp and nginx: MiB/s, CPU of the server, memory.

    python bench/image.py [--mib 256] [--rounds 3] [--directory DIR]

nginx serves the same file as it comes from Debian (sendfile on), if it is installed. Memory is the peak of the server
process: it must not grow with the image. The server is a child process with cheroot, the real API, SQLite and the
filesystem store. Real Glance (Zed): upload 1.35 CPU s at 181 MiB/s, download 0.14 CPU s at 294 MiB/s for 256 MiB.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import multiprocessing
import os
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

PIECE = 1024 * 1024


def serve(directory: str, pipe: Connection) -> None:
    from iaas.api import app, route
    from iaas.api.http_server import HttpServer
    from iaas.api.image import access
    from iaas.api.image.dialect import DIALECT
    from iaas.api.policy import Policy
    from iaas.config.sections import Image
    from iaas.context import Context
    from iaas.db.engine import Database
    from iaas.db.schema.everything import metadata
    from iaas.ids import new_request_id
    from iaas.image.importer import work
    from iaas.image.services import make

    database = Database(f"sqlite:///{directory}/bench.sqlite")
    metadata.create_all(database.engine)
    services = make(database, Image(directory=f"{directory}/store"))
    routes = route.collect("iaas.api.image")
    policy = Policy.of_routes(routes, access.EXTRA_RULES)

    def who(_token: str) -> Context:
        return Context(request_id=new_request_id(), user_id="u", project_id="p", roles=("member", "reader"))

    server = HttpServer(("127.0.0.1", 0), app.make_app(DIALECT, routes, services, policy, who), numthreads=4)
    server.prepare()
    import threading

    threading.Thread(target=server.serve, daemon=True).start()

    def importer() -> None:
        while True:
            work(services)

    threading.Thread(target=importer, daemon=True).start()
    pipe.send(server.socket.getsockname()[1])
    while pipe.recv() == "usage":
        used = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send((used.ru_utime + used.ru_stime, used.ru_maxrss // 1024))
    os._exit(0)


class Cloud:
    def __init__(self, port: int, pipe: Connection) -> None:
        self._port, self._pipe = port, pipe

    def request(self, method: str, path: str, body: object = None, media: str = "application/json") -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        headers = {"X-Auth-Token": "t", "Content-Type": media}
        connection.request(method, path, body, headers)  # type: ignore[arg-type]
        answer = connection.getresponse()
        digest = hashlib.md5(usedforsecurity=False)
        data = b""
        if path.endswith("/file") and method == "GET":
            buffer = bytearray(PIECE)
            while count := answer.readinto(buffer):
                digest.update(memoryview(buffer)[:count])
            data = digest.hexdigest().encode()
        else:
            data = answer.read()
        connection.close()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:200]!r}")
        return data

    def usage(self) -> tuple[float, int]:
        self._pipe.send("usage")
        return self._pipe.recv()  # type: ignore[no-any-return]


def measure(cloud: Cloud, source: Path) -> dict[str, float]:
    body = json.dumps({"disk_format": "raw", "container_format": "bare"})
    image = json.loads(cloud.request("POST", "/v2/images", body))["id"]
    path = f"/v2/images/{image}/file"
    mib = source.stat().st_size / PIECE
    result: dict[str, float] = {}
    cpu, started = cloud.usage()[0], time.perf_counter()
    with source.open("rb") as file:
        cloud.request("PUT", path, file, "application/octet-stream")
    result["upload MiB/s"] = mib / (time.perf_counter() - started)
    result["upload CPU s"] = cloud.usage()[0] - cpu
    cpu, started = cloud.usage()[0], time.perf_counter()
    digest = cloud.request("GET", path).decode()
    result["download MiB/s (client hashes md5)"] = mib / (time.perf_counter() - started)
    result["download CPU s"] = cloud.usage()[0] - cpu
    assert digest == json.loads(cloud.request("GET", f"/v2/images/{image}"))["checksum"]
    cloud.request("DELETE", f"/v2/images/{image}")
    result |= imported(cloud, source, mib)
    result |= nginx(source, mib)
    started = time.perf_counter()
    shutil.copyfile(source, source.with_suffix(".copy"))
    with source.with_suffix(".copy").open("rb") as file:
        os.fsync(file.fileno())
    result["cp + fsync MiB/s"] = mib / (time.perf_counter() - started)
    source.with_suffix(".copy").unlink()
    return result


def imported(cloud: Cloud, source: Path, mib: float) -> dict[str, float]:
    """Staged and imported: two passes over the bytes, of which the second hashes and inspects."""
    body = json.dumps({"disk_format": "raw", "container_format": "bare"})
    image = json.loads(cloud.request("POST", "/v2/images", body))["id"]
    cpu, started = cloud.usage()[0], time.perf_counter()
    with source.open("rb") as file:
        cloud.request("PUT", f"/v2/images/{image}/stage", file, "application/octet-stream")
    cloud.request("POST", f"/v2/images/{image}/import", json.dumps({"method": {"name": "glance-direct"}}))
    while json.loads(cloud.request("GET", f"/v2/images/{image}"))["status"] != "active":
        time.sleep(0.02)
    result = {
        "stage and import MiB/s": mib / (time.perf_counter() - started),
        "stage and import CPU s": cloud.usage()[0] - cpu,
    }
    cloud.request("DELETE", f"/v2/images/{image}")
    return result


def _own(folder: Path) -> list[str]:
    """Directories that nginx would otherwise want in /var."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return [f"{kind}_temp_path {folder}/{kind};" for kind in kinds]


def nginx(source: Path, mib: float) -> dict[str, float]:
    """A download of the same file from a plain nginx, by the same client; nothing, and a word, when there is none."""
    program = shutil.which("nginx") or next((str(path) for path in [Path("/usr/sbin/nginx")] if path.exists()), None)
    if program is None:
        print("nginx is not installed: no comparison with it")
        return {}
    folder = source.parent / "nginx"
    folder.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; user root;"
        f"events {{}} http {{ access_log off; sendfile on; {''.join(_own(folder))}"
        f" server {{ listen 127.0.0.1:{port}; root {source.parent}; }} }}"
    )
    process = subprocess.Popen([program, "-e", f"{folder}/error.log", "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        started = time.perf_counter()
        connection.request("GET", f"/{source.name}")
        answer, buffer = connection.getresponse(), bytearray(PIECE)
        digest = hashlib.md5(usedforsecurity=False)
        while count := answer.readinto(buffer):
            digest.update(memoryview(buffer)[:count])
        return {"nginx download MiB/s (client hashes md5)": mib / (time.perf_counter() - started)}
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--directory", default=tempfile.gettempdir())
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-image-", dir=arguments.directory) as directory:
        source = Path(directory) / "source"
        with source.open("wb") as file:
            for _ in range(arguments.mib):
                file.write(os.urandom(PIECE))
        here, there = multiprocessing.get_context("spawn").Pipe()
        process = multiprocessing.get_context("spawn").Process(target=serve, args=(directory, there))
        process.start()
        cloud = Cloud(here.recv(), here)
        base = cloud.usage()[1]
        rounds = [measure(cloud, source) for _ in range(arguments.rounds)]
        for name in rounds[0]:
            values = sorted(each[name] for each in rounds)
            print(f"{name:36} {statistics.median(values):9.2f}   [{values[0]:.2f} - {values[-1]:.2f}]")
        print(f"{'largest RSS of the server, MiB':36} {cloud.usage()[1]:9d}   [{base} before]")
        here.send("end")
        process.join(10)


if __name__ == "__main__":
    main()
