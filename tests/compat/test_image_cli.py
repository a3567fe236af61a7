"""The stock openstack command against the image API. Each start of it costs seconds, so the tests are stories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from iaas.image.importer import run_one
from tests.compat.cloud import Cloud
from tests.compat.test_image_sdk import SERVICES, add_image
from tests.evilimg import header as evil
from tests.unit.image.canary import Canary, serving


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def image_api(cloud: Cloud, canary: Canary) -> str:
    return add_image(cloud, "slow", web_ports=(str(canary.port),), web_networks=("127.0.0.1/32",))


def test_the_life_of_an_image(cloud: Cloud, tmp_path: Path) -> None:
    """A-003, A-172, A-173, A-175"""
    (tmp_path / "disk.qcow2").write_bytes(evil.qcow2())
    made = cloud.cli("image", "create", "debian", "--file", str(tmp_path / "disk.qcow2"), "--disk-format", "qcow2",
                     "--public", "--min-disk", "1", "--property", "hw_disk_bus=virtio", "--tag", "stable")  # fmt: skip
    assert (made["name"], made["visibility"], made["min_disk"]) == ("debian", "public", 1)
    shown = cloud.cli("image", "show", "debian")
    assert (shown["status"], shown["size"]) == ("active", len(evil.qcow2()))
    assert shown["properties"]["hw_disk_bus"] == "virtio"
    (row,) = cloud.cli("image", "list")
    assert (row["ID"], row["Name"], row["Status"]) == (made["id"], "debian", "active")
    table = cloud.cli("image", "list", form="table")
    assert [word in table for word in ("ID", "Name", "Status")] == [True] * 3
    cloud.cli("image", "set", "debian", "--name", "debian 12", "--property", "os_distro=debian", form="")
    cloud.cli("image", "unset", "debian 12", "--tag", "stable", "--property", "hw_disk_bus", form="")
    shown = cloud.cli("image", "show", made["id"])
    assert (shown["name"], shown["tags"]) == ("debian 12", [])
    assert shown["properties"]["os_distro"] == "debian"
    assert "hw_disk_bus" not in shown["properties"]
    cloud.cli("image", "save", "--file", str(tmp_path / "saved"), made["id"], form="")
    assert (tmp_path / "saved").read_bytes() == evil.qcow2()
    cloud.cli("image", "delete", made["id"], form="")
    assert cloud.cli("image", "list") == []


def test_sharing_an_image_with_a_project(cloud: Cloud) -> None:
    project = cloud.cli("project", "create", "friends")
    image = cloud.cli("image", "create", "gift", "--shared")
    member = cloud.cli("image", "add", "project", "gift", "friends")
    assert (member["member_id"], member["status"]) == (project["id"], "pending")
    (row,) = cloud.cli("image", "member", "list", "gift")
    assert (row["Image ID"], row["Member ID"], row["Status"]) == (image["id"], project["id"], "pending")
    cloud.cli("image", "remove", "project", "gift", "friends", form="")
    cloud.cli("image", "delete", "gift", form="")


def test_every_method_of_import_with_its_options(cloud: Cloud, canary: Canary, tmp_path: Path) -> None:
    """One start: what it would read from its input, or answers nothing to, openstacksdk does before."""
    disk = tmp_path / "disk"
    disk.write_bytes(b"disk" * 1000)
    canary.pages["/disk"] = (200, {}, b"web" * 1000)
    image = cloud.sdk().image
    for name in ("staged", "web", "everywhere", "lost"):
        fresh = image.create_image(name=name, disk_format="raw", container_format="bare")
        if name == "staged":
            image.stage_image(fresh, data=disk.read_bytes())
    image.create_image(name="copied", disk_format="raw", container_format="bare", data=b"here" * 1000)
    web = "--method web-download --uri"
    made, *_ = cloud.cli_many(
        f"image create made --file {disk} --import --property hw_disk_bus=scsi --tag t",
        "image import staged --method glance-direct --store slow",
        f"image import web {web} {canary.url('/disk')} --store filesystem slow --allow-failure",
        f"image import everywhere {web} {canary.url('/disk')} --all-stores --disallow-failure",
        f"image import lost {web} {canary.url('/nothing')}",
        "image import copied --method copy-image --store slow",
        "image import info",
        "image stores list --detail",
    )
    assert made["status"] == "importing"
    while run_one(SERVICES[cloud]):
        pass
    found = {item.name: item for item in image.images()}
    assert {name: (item.status, item.size, item.properties.get("stores")) for name, item in found.items()} == {
        "made": ("active", 4000, "filesystem"), "staged": ("active", 4000, "slow"),
        "web": ("active", 3000, "filesystem,slow"), "everywhere": ("active", 3000, "filesystem,slow"),
        "lost": ("queued", None, None), "copied": ("active", 4000, "filesystem,slow"),
    }  # fmt: skip
    (task,) = image.image_tasks(found["lost"])
    assert (task.status, "answers 404" in task.message) == ("failure", True)
    for item in found.values():
        image.delete_image(item)
