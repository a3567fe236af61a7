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
        "--property", "role=web", "--wait", "web",
    )  # fmt: skip
    assert (server["status"], server["OS-EXT-SRV-ATTR:host"], server["key_name"]) == ("ACTIVE", HOST, "mine")
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
