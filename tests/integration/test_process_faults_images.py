"""The real image daemon is killed by SIGKILL while imports of every method, and data on their way to the stage, are
half done; it starts again, and each image is what was wished for or says why not. No byte is left that no row names.

Only iaas-identity and iaas-image run: the image service needs no broker.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.processes import PASSWORD, Client, Processes, wait
from tests.integration.rabbit import Rabbit
from tests.unit.image.canary import Canary, serving

MIB = 1024 * 1024
DATA = bytes(3 * MIB)
OCTETS = {"Content-Type": "application/octet-stream"}
PAUSE = "image.upload.piece=pause:600*2"  # the two that read from a store stand still after their first piece


class Pair(Processes):
    """iaas-identity and iaas-image on SQLite, with two stores and a stage."""

    def up(self) -> None:
        (self.root / "password").write_text(PASSWORD)
        for words in (("db", "upgrade"), ("bootstrap", "--admin-password-file", str(self.root / "password"))):
            done = self.manage(*words)
            assert done.returncode == 0, done.stderr
        self.start("identity")
        self.image_starts()
        self.client = Client(self)

    def answers(self) -> bool:
        try:
            return all(httpx.get(self.url(name)).status_code < 500 for name in ("identity", "image"))
        except httpx.HTTPError:
            return False

    def image_starts(self, **env: str) -> None:
        self.start("image", **env)
        wait(self.answers, 30, lambda: f"the daemons do not answer\n{self.logs()}")

    def sql(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.root / "iaas.sqlite", timeout=20)) as database, database:
            return database.execute(statement).fetchall()

    def files(self) -> list[str]:
        """Every file of the stores and the stage, as ``store/name``."""
        return sorted(f"{path.parts[-3].removeprefix('blobs-')}/{path.name}" for path in self.root.glob("blobs-*/*/*"))

    def half_done(self) -> int:
        """How many files have some bytes, and are not complete."""
        return sum(path.stat().st_size > 0 for path in self.root.glob("blobs-*/*/.*.part"))

    def named(self) -> list[str]:
        """What the rows say there is."""
        return sorted(f"{store}/{name}" for store, name in self.sql("SELECT store, name FROM image_locations"))

    def fresh(self, name: str) -> str:
        body = {"name": name, "disk_format": "raw", "container_format": "bare"}
        return str(self.client.json("POST", "/images", body, "image")["id"])

    def send(self, image_id: str, where: str, data: Any = DATA) -> httpx.Response:
        url = f"{self.url('image')}/v2/images/{image_id}/{where}"
        return httpx.put(url, content=data, headers={**OCTETS, "X-Auth-Token": self.client.token}, timeout=60)

    def wish(self, image_id: str, **body: Any) -> None:
        answer = self.client.request("POST", f"/images/{image_id}/import", body, "image")
        assert answer.status_code == 202, answer.text

    def show(self, image_id: str) -> dict[str, Any]:
        return dict(self.client.json("GET", f"/images/{image_id}", service="image"))

    def task(self, image_id: str) -> dict[str, Any]:
        return dict(self.client.json("GET", f"/images/{image_id}/tasks", service="image")["tasks"][0])

    def used(self) -> int:
        """MiB, rounded up."""
        usage = self.client.json("GET", "/info/usage", service="image")["usage"]
        return int(usage["image_size_total"]["usage"])


@pytest.fixture
def canary() -> Iterator[Canary]:
    with serving() as found:
        yield found


@pytest.fixture
def pair(tmp_path: Path, canary: Canary) -> Iterator[Pair]:
    stores = {
        "image": "stores = fast:filesystem, slow:filesystem\nimport_workers = 5\n"
        f"web_ports = {canary.port}\nweb_networks = 127.0.0.1/32",
        **{f"store:{id}": f"directory = {tmp_path}/blobs-{id}" for id in ("fast", "slow", "staging")},
    }
    pair = Pair(tmp_path, Rabbit(tmp_path), hosts=0, options=stores)
    try:
        pair.up()
        yield pair
    finally:
        pair.down()


@contextmanager
def sending(pair: Pair, image_id: str) -> Iterator[None]:
    """A client that stages two pieces, and has no more to say until the daemon is dead."""
    over, failed = threading.Event(), []

    def pieces() -> Iterator[bytes]:
        yield DATA[: 2 * MIB]
        over.wait(60)

    def send() -> None:
        try:
            pair.send(image_id, "stage", pieces())
        except httpx.TransportError as error:
            failed.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(60)
    assert failed, "the daemon answered, although it was killed"


def test_imports_of_every_method_survive_the_kill_of_their_daemon(pair: Pair, canary: Canary) -> None:
    """F-10, I-10: web-download (whose server still has the data, and whose has not), glance-direct, copy-image, and a
    staging, all half done."""
    kept, staged, web, lost, staging = (pair.fresh(name) for name in ("kept", "staged", "web", "lost", "staging"))
    assert pair.send(kept, "file").status_code == 204
    assert pair.send(staged, "stage").status_code == 204
    pair.kill("image")
    pair.image_starts(IAAS_FAILPOINTS=PAUSE)
    over = threading.Event()
    canary.pages["/web"] = canary.pages["/lost"] = (200, {"Content-Length": str(2 * len(DATA))}, DATA)
    canary.after = lambda path: over.wait(60)
    pair.wish(kept, method={"name": "copy-image"}, stores=["slow"])
    pair.wish(staged, method={"name": "glance-direct"}, all_stores=True)
    # These two have met the failpoint when the others come, which wait for their sources.
    wait(lambda: pair.half_done() == 3, 60, lambda: f"{pair.files()}\n{pair.logs()}")
    pair.wish(web, method={"name": "web-download", "uri": canary.url("/web")})
    pair.wish(lost, method={"name": "web-download", "uri": canary.url("/lost")})
    with sending(pair, staging):
        wait(lambda: pair.half_done() == 6, 60, lambda: f"{pair.files()}\n{pair.logs()}")
        pair.kill("image")
    over.set()

    # The minute of the leases goes by.
    pair.sql("UPDATE image_tasks SET lease_until = created_at WHERE lease_until IS NOT NULL")
    pair.sql("UPDATE images SET lease_until = created_at WHERE lease_until IS NOT NULL")
    canary.pages["/web"] = (200, {}, DATA)
    canary.pages["/lost"] = (404, {}, b"")
    pair.image_starts()
    wait(lambda: all(pair.task(id)["status"] in ("success", "failure") for id in (kept, staged, web, lost)), 60,
         lambda: f"{[pair.task(id) for id in (kept, staged, web, lost)]}\n{pair.logs()}")  # fmt: skip
    wait(lambda: pair.show(staging)["status"] == "queued", 30, pair.logs)

    found = {name: pair.show(id) for name, id in (("kept", kept), ("staged", staged), ("web", web), ("lost", lost))}
    assert {name: (image["status"], image.get("stores")) for name, image in found.items()} == {
        "kept": ("active", "fast,slow"), "staged": ("active", "fast,slow"), "web": ("active", "fast"),
        "lost": ("queued", None),
    }  # fmt: skip
    assert {image["os_hash_value"] for name, image in found.items() if name != "lost"} == {
        found["kept"]["os_hash_value"]
    }
    assert pair.task(lost)["status"] == "failure"
    assert "its server answers 404" in pair.task(lost)["message"]
    wait(lambda: not any(name.startswith("staging/") for name in pair.files()), 10, lambda: f"{pair.files()}")
    there = [f"{store}/{id}" for id, stores in ((kept, "fast slow"), (staged, "fast slow"), (web, "fast"))
             for store in stores.split()]  # fmt: skip
    assert sorted(name.rpartition(".")[0] for name in pair.files()) == sorted(there)
    assert set(pair.files()) <= set(pair.named())
    assert pair.used() == 5 * 3
    assert pair.shames() == []
    for id in (kept, staged, web, lost, staging):
        assert pair.client.request("DELETE", f"/images/{id}", service="image").status_code == 204
    assert (pair.files(), pair.used()) == ([], 0)
