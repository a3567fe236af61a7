"""The unmodified ``openstack`` command against the compute API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compat.cloud import Cloud
from tests.compat.compute import HOST, add_compute
from tests.compat.test_compute_sdk import image

__all__ = ["image"]


@pytest.fixture(scope="module")
def sdk(cloud: Cloud) -> Any:
    add_compute(cloud)
    return cloud.sdk()


def test_the_first_hour_of_a_user(cloud: Cloud, sdk: Any, image: str) -> None:
    """A-007: everything that the guides type, in order."""
    made = cloud.cli("flavor", "create", "--id", "1", "--ram", "512", "--disk", "1", "--vcpus", "1", "m1.tiny")
    assert (made["name"], made["ram"]) == ("m1.tiny", 512)
    cloud.cli("network", "create", "private")
    cloud.cli("subnet", "create", "--network", "private", "--subnet-range", "10.0.0.0/24", "private-v4")
    key = cloud.cli("keypair", "create", "mine", form="")
    assert "PRIVATE KEY-----" in key
    server = cloud.cli(
        "server", "create", "--image", "debian", "--flavor", "m1.tiny", "--network", "private", "--key-name", "mine",
        "--property", "role=web", "--use-config-drive", "--wait", "web",
    )  # fmt: skip
    assert (server["status"], server["OS-EXT-SRV-ATTR:host"], server["key_name"]) == ("ACTIVE", HOST, "mine")
    assert server["config_drive"] == "True"
    (row,) = cloud.cli("server", "list", "--long")
    assert (row["Name"], row["Status"], row["Image Name"], row["Flavor"]) == ("web", "ACTIVE", "debian", "m1.tiny")
    assert row["Networks"]["private"][0].startswith("10.0.0.")
    assert "login:" in cloud.cli("console", "log", "show", "web", form="")
    cloud.cli("server", "stop", "web", form="")
    assert cloud.cli("server", "show", "web")["status"] == "SHUTOFF"
    cloud.cli("server", "start", "web", form="")
    cloud.cli("server", "reboot", "--hard", "--wait", "web", form="")
    cloud.cli("server", "set", "--name", "web2", "--property", "a=b", "--tag", "t", "web", form="")
    assert cloud.cli("server", "show", "web2")["tags"] == ["t"]
    assert {row["Action"] for row in cloud.cli("server", "event", "list", "web2")} == {
        "create",
        "stop",
        "start",
        "reboot",
    }
    cloud.cli("server", "delete", "--wait", "web2", form="")
    assert cloud.cli("server", "list") == []


def test_what_an_operator_types(cloud: Cloud, sdk: Any) -> None:
    rows = cloud.cli("compute", "service", "list")
    assert {row["Binary"]: row["State"] for row in rows} == {
        "nova-compute": "up", "nova-conductor": "up", "nova-scheduler": "up"}  # fmt: skip
    cloud.cli("compute", "service", "set", "--disable", "--disable-reason", "repair", HOST, "nova-compute", form="")
    (row,) = cloud.cli("compute", "service", "list", "--service", "nova-compute", "--long")
    assert (row["Status"], row["Disabled Reason"]) == ("disabled", "repair")
    cloud.cli("compute", "service", "set", "--enable", HOST, "nova-compute", form="")
    (row,) = cloud.cli("hypervisor", "list", "--long")
    assert (row["Hypervisor Hostname"], row["State"], row["vCPUs"]) == (f"{HOST}.local", "up", 8)
    assert cloud.cli("hypervisor", "show", f"{HOST}.local")["memory_mb"] == 16384
    assert cloud.cli("availability", "zone", "list", "--compute")[0]["Zone Name"] in ("internal", "nova")
    cloud.cli("quota", "set", "--cores", "33", "admin", form="")
    quotas = {row["Resource"]: row["Limit"] for row in cloud.cli("quota", "show", "--compute", "admin")}
    assert quotas["cores"] == 33
    limits = {row["Name"]: row["Value"] for row in cloud.cli("limits", "show", "--absolute")}
    assert limits["total_cores"] == 33
    columns = set(cloud.cli("flavor", "list")[0])
    assert columns == {"ID", "Name", "RAM", "Disk", "Ephemeral", "VCPUs", "Is Public"}


def test_where_servers_go_as_an_operator_and_a_user_type_it(cloud: Cloud, sdk: Any, image: str) -> None:
    """A-061: aggregates, zones, server groups."""
    cloud.cli("flavor", "create", "--id", "9", "--ram", "512", "--disk", "1", "--vcpus", "1", "m1.placed")
    made = cloud.cli("aggregate", "create", "--zone", "z1", "--property", "ssd=true", "racks")
    assert (made["name"], made["properties"]) == ("racks", {"availability_zone": "z1", "ssd": "true"})
    assert cloud.cli("aggregate", "add", "host", "racks", HOST)["hosts"] == [HOST]
    cloud.cli("aggregate", "set", "--name", "rows", "--property", "fast=1", "racks", form="")
    cloud.cli("aggregate", "unset", "--property", "ssd", "rows", form="")
    shown = cloud.cli("aggregate", "show", "rows")
    assert (shown["properties"], shown["hosts"]) == ({"fast": "1"}, [HOST])
    assert [row["Name"] for row in cloud.cli("aggregate", "list", "--long")] == ["rows"]
    zones = {row["Zone Name"]: row["Zone Status"] for row in cloud.cli("availability", "zone", "list", "--compute")}
    assert zones["z1"] == "available" and "nova" not in zones
    long = cloud.cli("availability", "zone", "list", "--compute", "--long")
    assert (HOST, "nova-compute") in {(row["Host Name"], row["Service Name"]) for row in long}
    group = cloud.cli("server", "group", "create", "--policy", "anti-affinity", "apart")
    server = cloud.cli(
        "server", "create", "--image", "debian", "--flavor", "m1.placed", "--nic", "none", "--availability-zone", "z1",
        "--hint", f"group={group['id']}", "--wait", "placed",
    )  # fmt: skip
    assert server["OS-EXT-AZ:availability_zone"] == "z1"
    (row,) = cloud.cli("server", "group", "list", "--long")
    assert (row["Name"], row["Policy"], row["Members"]) == ("apart", "anti-affinity", [server["id"]])
    assert cloud.cli("server", "group", "show", "apart")["members"] == [server["id"]]
    cloud.cli("server", "delete", "--wait", "placed", form="")
    cloud.cli("server", "group", "delete", "apart", form="")
    cloud.cli("aggregate", "remove", "host", "rows", HOST, form="")
    cloud.cli("aggregate", "delete", "rows", form="")
    assert cloud.cli("aggregate", "list") == [] == cloud.cli("server", "group", "list")


def test_how_much_there_is_and_how_much_of_it_is_used(cloud: Cloud, sdk: Any, image: str) -> None:
    """A-096, A-097, A-105."""
    stats = cloud.cli("hypervisor", "stats", "show")
    assert (stats["count"], stats["vcpus"], stats["memory_mb"]) == (1, 8, 16384)
    assert HOST in {row["Host Name"] for row in cloud.cli("host", "list")}
    assert cloud.cli("host", "show", HOST)[0]["Project"] == "(total)"
    cloud.cli("quota", "set", "--class", "--instances", "12", "default", form="")
    defaults = {row["Resource"]: row["Limit"] for row in cloud.cli("quota", "show", "--compute", "--default")}
    assert (defaults["instances"], defaults["server-groups"]) == (12, 10)
    cloud.cli("quota", "set", "--instances", "7", "--ram", "9000", "admin", form="")
    usage = {row["Resource"]: row for row in cloud.cli("quota", "show", "--compute", "--usage", "admin")}
    assert (usage["instances"]["Limit"], usage["ram"]["Limit"], usage["ram"]["In Use"] >= 0) == (7, 9000, True)
    limits = {row["Name"]: row["Value"] for row in cloud.cli("limits", "show", "--absolute")}
    assert (limits["instances"], limits["total_ram"]) == (7, 9000)
    rows = cloud.cli("usage", "list", "--start", "2026-01-01", "--end", "2100-01-01")
    assert {"Project", "Servers", "RAM MB-Hours", "CPU Hours", "Disk GB-Hours"} <= set(rows[0])
    shown = cloud.cli("usage", "show", "--start", "2026-01-01", "--end", "2100-01-01")
    assert shown["Servers"], shown
    cloud.cli("quota", "delete", "--compute", "admin", form="")
