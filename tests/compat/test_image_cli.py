"""The stock openstack command against the image API. Each start of it costs seconds, so the tests are stories."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.cloud import Cloud
from tests.compat.test_image_sdk import add_image
from tests.evilimg import header as evil


@pytest.fixture(scope="module", autouse=True)
def image_api(cloud: Cloud) -> str:
    return add_image(cloud)


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
