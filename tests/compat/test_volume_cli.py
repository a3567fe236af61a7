"""The unmodified ``openstack`` command against the volume API."""

from __future__ import annotations

import pytest

from tests.compat.cloud import Cloud
from tests.compat.volume import HOST, add_volume


@pytest.fixture(scope="module", autouse=True)
def volume(cloud: Cloud) -> None:
    add_volume(cloud)


def test_a_volume_from_its_creation_to_its_end(cloud: Cloud) -> None:
    """What the guides type."""
    made = cloud.cli("volume", "create", "--size", "1", "--property", "role=db", "--description", "rows", "x")
    assert (made["name"], made["size"], made["description"], made["type"]) == ("x", 1, "rows", "__DEFAULT__")
    (row,) = cloud.cli("volume", "list", "--long")
    assert (row["Name"], row["Status"], row["Size"], row["Properties"]) == ("x", "available", 1, {"role": "db"})
    shown = cloud.cli("volume", "show", "x")
    assert (shown["id"], shown["status"], shown["os-vol-host-attr:host"]) == (made["id"], "available", HOST)
    cloud.cli("volume", "set", "--name", "y", "--property", "a=b", "--bootable", "x", form="")
    shown = cloud.cli("volume", "show", made["id"])
    assert (shown["name"], shown["properties"], shown["bootable"]) == ("y", {"role": "db", "a": "b"}, True)
    assert [row["Name"] for row in cloud.cli("volume", "list", "--property", "a=b", "--all-projects")] == ["y"]
    assert cloud.cli("volume", "list", "--property", "a=c") == []
    cloud.cli("volume", "unset", "--property", "a", "y", form="")
    assert cloud.cli("volume", "summary") == {"Total Count": 1, "Total Size": 1}
    cloud.cli("volume", "delete", "y", form="")
    assert cloud.cli("volume", "list") == []


def test_snapshots_clones_and_growth_from_the_command_line(cloud: Cloud) -> None:
    """The issue's lines: volume snapshot create, volume create --snapshot."""
    cloud.cli("volume", "create", "--size", "1", "data")
    made = cloud.cli("volume", "snapshot", "create", "--volume", "data", "monday")
    assert (made["name"], made["size"]) == ("monday", 1)
    (row,) = cloud.cli("volume", "snapshot", "list")
    assert (row["Name"], row["Status"], row["Size"]) == ("monday", "available", 1)
    assert cloud.cli("volume", "create", "--snapshot", "monday", "copy")["snapshot_id"] == made["id"]
    assert cloud.cli("volume", "create", "--source", "data", "--size", "2", "clone")["size"] == 2
    cloud.cli("volume", "set", "--size", "3", "clone", form="")
    assert cloud.cli("volume", "show", "clone")["size"] == 3
    cloud.cli("volume", "snapshot", "set", "--name", "tuesday", "--property", "a=b", "monday", form="")
    shown = cloud.cli("volume", "snapshot", "show", "tuesday")
    assert (shown["status"], shown["properties"]) == ("available", {"a": "b"})
    cloud.cli("volume", "snapshot", "delete", "tuesday", form="")
    for name in ("data", "copy", "clone"):
        cloud.cli("volume", "delete", name, form="")
    assert cloud.cli("volume", "snapshot", "list") == cloud.cli("volume", "list") == []
    (pool,) = cloud.cli("volume", "backend", "pool", "list", "--long")
    assert pool["Name"] == HOST


def test_what_an_operator_types(cloud: Cloud) -> None:
    assert [row["Name"] for row in cloud.cli("volume", "type", "list", "--long")] == ["__DEFAULT__"]
    assert cloud.cli("volume", "type", "show", "__DEFAULT__")["is_public"] is True
    assert cloud.cli("volume", "type", "list", "--default")[0]["Name"] == "__DEFAULT__"
    rows = {row["Binary"]: (row["Host"], row["State"]) for row in cloud.cli("volume", "service", "list")}
    assert rows == {"cinder-volume": (HOST, "up"), "cinder-scheduler": (HOST, "up")}
    cloud.cli("volume", "service", "set", "--disable", "--disable-reason", "repair", HOST, "cinder-volume", form="")
    (row,) = cloud.cli("volume", "service", "list", "--service", "cinder-volume", "--long")
    assert (row["Status"], row["Disabled Reason"]) == ("disabled", "repair")
    cloud.cli("volume", "service", "set", "--enable", HOST, "cinder-volume", form="")
    assert cloud.cli("availability", "zone", "list", "--volume")[0]["Zone Name"] == "nova"
    assert "os-quota-sets" in {row["Alias"] for row in cloud.cli("extension", "list", "--volume")}
    cloud.cli("quota", "set", "--volumes", "3", "--gigabytes", "30", "admin", form="")
    quotas = {row["Resource"]: row["Limit"] for row in cloud.cli("quota", "show", "--volume", "admin")}
    assert (quotas["volumes"], quotas["gigabytes"]) == (3, 30)
    assert cloud.cli("volume", "snapshot", "list") == cloud.cli("volume", "backup", "list") == []
    cloud.cli("volume", "create", "--size", "2", "stuck")
    cloud.cli("volume", "set", "--state", "error", "stuck", form="")
    assert cloud.cli("volume", "list", "--status", "error")[0]["Name"] == "stuck"
    cloud.cli("volume", "delete", "--force", "stuck", form="")
