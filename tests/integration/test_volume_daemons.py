"""Volumes through real processes, a real broker and real files; iaas-volume is killed whenever it suits worst. No
root. F-11, F-22."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iaas.host.exec import Runner
from tests.integration.processes import Processes, wait
from tests.integration.rabbit import Rabbit

STORE = "volume"


@pytest.fixture(scope="module")
def cloud(rabbit: Rabbit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    options = {"volume": "driver = qcow2\ncapacity_gb = 100\n"}
    running = Processes(tmp_path_factory.mktemp("volumes"), rabbit, hosts=0, options=options)
    try:
        running.up()
        running.start(STORE)
        wait(lambda: services(running), 20, running.logs)
        yield running
    finally:
        running.down()


def call(cloud: Processes, method: str, path: str, body: Any = None) -> Any:
    answer = cloud.client.http.request(method, f"{cloud.url('volume')}/v3{path}", json=body)
    assert answer.is_success or (method == "GET" and answer.status_code == 404), answer.text
    return answer.json() if answer.content and answer.is_success else None


def services(cloud: Processes) -> bool:
    found = call(cloud, "GET", "/os-services?binary=cinder-volume")["services"]
    return [item["state"] for item in found] == ["up"]


def create(cloud: Processes) -> str:
    return str(call(cloud, "POST", "/volumes", {"volume": {"size": 1, "name": "v"}})["volume"]["id"])


def status(cloud: Processes, volume_id: str) -> str | None:
    found = call(cloud, "GET", f"/volumes/{volume_id}")
    return found["volume"]["status"] if found else None


def directory(cloud: Processes) -> Path:
    return cloud.root / "node1" / "volume"


def files(cloud: Processes) -> set[str]:
    return {file.name for file in directory(cloud).glob("volume-*")}


def test_a_volume_is_a_file_until_it_is_deleted(cloud: Processes) -> None:
    id = create(cloud)
    wait(lambda: status(cloud, id) == "available", 10, "not available")
    assert files(cloud) == {f"volume-{id}.qcow2"}
    call(cloud, "DELETE", f"/volumes/{id}")
    wait(lambda: status(cloud, id) is None, 10, "not deleted")
    assert files(cloud) == set()


@pytest.mark.parametrize(
    ("point", "verb"),
    [
        ("volume.order.after_fence", "create"),
        ("volume.create.after_file", "create"),
        ("volume.create.after_publish", "create"),
        ("volume.order.before_report", "create"),
        ("volume.order.before_report", "delete"),
        ("volume.delete.after_unlink", "delete"),
    ],
)
def test_a_daemon_killed_in_the_middle_is_made_good_by_the_next(cloud: Processes, point: str, verb: str) -> None:
    id = "" if verb == "create" else create(cloud)
    if id:
        wait(lambda: status(cloud, id) == "available", 10, "not available")
    cloud.restart(STORE, IAAS_FAILPOINTS=f"{point}=kill")
    if id:
        call(cloud, "DELETE", f"/volumes/{id}")
    else:
        id = create(cloud)
    wait(lambda: cloud.daemons[STORE].poll() is not None, 20, "the point was not on the path")
    cloud.restart(STORE)
    end = "available" if verb == "create" else None
    wait(lambda: status(cloud, id) == end, 20, cloud.logs)
    if verb == "create":
        call(cloud, "DELETE", f"/volumes/{id}")
        wait(lambda: status(cloud, id) is None, 20, "not deleted")
    assert files(cloud) == set() and not list(directory(cloud).glob(".*.part"))
    audit = cloud.manage("audit")  # the one that looks twice
    assert audit.returncode == 0, audit.stdout + audit.stderr


def image(cloud: Processes) -> str:
    """A raw image of one MiB, uploaded through the image API."""
    http, url = cloud.client.http, f"{cloud.url('image')}/v2/images"
    made = http.post(url, json={"name": "i", "disk_format": "raw", "container_format": "bare"}).json()
    headers = {"Content-Type": "application/octet-stream"}
    answer = http.put(f"{url}/{made['id']}/file", content=b"\x77" * (1 << 20), headers=headers)
    assert answer.is_success, answer.text
    return str(made["id"])


def new(cloud: Processes, **body: Any) -> str:
    id = str(call(cloud, "POST", "/volumes", {"volume": {"size": 1, **body}})["volume"]["id"])
    wait(lambda: status(cloud, id) == "available", 30, cloud.logs)
    return id


def test_volumes_of_an_image_a_snapshot_and_a_volume(cloud: Processes) -> None:
    """The whole way: image API, token, download, hash, conversion, chains. A-155."""
    cloud.restart(STORE)
    first = new(cloud, imageRef=image(cloud))
    shown = call(cloud, "GET", f"/volumes/{first}")["volume"]
    assert (shown["bootable"], shown["volume_image_metadata"]["disk_format"]) == ("true", "raw")
    snapshot = call(cloud, "POST", "/snapshots", {"snapshot": {"volume_id": first}})["snapshot"]["id"]
    wait(lambda: call(cloud, "GET", f"/snapshots/{snapshot}")["snapshot"]["status"] == "available", 20, cloud.logs)
    ids = [first, new(cloud, snapshot_id=snapshot), new(cloud, source_volid=first)]
    for id in ids:
        raw = cloud.root / f"{id}.raw"
        link = directory(cloud) / f"volume-{id}.qcow2"
        Runner().run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(link), str(raw)], timeout=60)
        with raw.open("rb") as file:
            assert file.read(1 << 20) == b"\x77" * (1 << 20) and file.read(4096) == bytes(4096)
    audit = cloud.manage("audit")  # the one that looks twice
    assert audit.returncode == 0, audit.stdout + audit.stderr
    call(cloud, "DELETE", f"/snapshots/{snapshot}")
    for id in reversed(ids):
        wait(lambda: not call(cloud, "GET", "/snapshots")["snapshots"], 20, cloud.logs)
        call(cloud, "DELETE", f"/volumes/{id}")
    wait(lambda: not call(cloud, "GET", "/volumes")["volumes"], 30, cloud.logs)
    assert list(directory(cloud).glob("*.qcow2")) == []
