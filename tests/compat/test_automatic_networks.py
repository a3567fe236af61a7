"""Unmodified clients of two projects that make no network, and get one each (A-092)."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest
from openstack import exceptions

from iaas.network.settings import Settings
from tests.compat.cloud import Cloud
from tests.compat.compute import add_compute
from tests.compat.test_compute_sdk import image
from tests.compat.test_deleted_owners import member

__all__ = ["image"]  # the fixture
TOPOLOGY = ("network", "auto", "allocated", "topology")


@pytest.fixture(scope="module")
def sdk(cloud: Cloud) -> Any:
    """The operator, who has given projects two VLANs and a default way out."""
    settings = Settings(
        physical={"physnet1": "br-ex"}, tenant_types=("vlan",), vlan_ranges=(("physnet1", 100, 101),),
        subnet_pool=IPv4Network("10.200.0.0/16"),
    )  # fmt: skip
    add_compute(cloud, settings)
    sdk = cloud.sdk()
    flat = {"provider_network_type": "flat", "provider_physical_network": "physnet1"}
    public = sdk.network.create_network(name="public", is_router_external=True, is_default=True, **flat)
    assert public.is_default is True
    sdk.network.create_subnet(network_id=public.id, ip_version=4, cidr="203.0.113.0/24", is_dhcp_enabled=False)
    sdk.compute.create_flavor(name="m1.auto", ram=512, vcpus=1, disk=1, id="5")
    return sdk


def as_user(cloud: Cloud, name: str) -> dict[str, str]:
    member(cloud, name)
    return {"OS_USERNAME": name, "OS_PASSWORD": "secret", "OS_PROJECT_NAME": name}


def test_two_projects_boot_without_a_network_and_get_one_each(cloud: Cloud, sdk: Any, image: str) -> None:
    red, blue = as_user(cloud, "red"), as_user(cloud, "blue")
    boot = ("server", "create", "--image", image, "--flavor", "m1.auto", "--nic", "auto")
    assert "dry_run" in cloud.cli(*TOPOLOGY, "create", "--check-resources", form="table", **red)
    server = cloud.cli(*boot, "--wait", "first", **red)
    assert list(server["addresses"]) == ["auto_allocated_network"]
    shown = cloud.cli(*TOPOLOGY, "create", "--or-show", **red)
    [network] = list(sdk.network.networks(name="auto_allocated_network"))
    assert (shown["id"], shown["project_id"]) == (network.id, network.project_id)
    assert sdk.network.get_auto_allocated_topology(network.project_id).id == network.id
    cloud.cli(*boot, "second", **blue)
    both = list(sdk.network.networks(name="auto_allocated_network"))
    assert {item.provider_segmentation_id for item in both} == {100, 101}
    theirs = [line["Name"] for line in cloud.cli("network", "list", **blue)]
    assert sorted(theirs) == ["auto_allocated_network", "public"]
    owner = network.project_id
    with pytest.raises(exceptions.ConflictException, match="still in use"):
        sdk.network.delete_auto_allocated_topology(owner)
    cloud.cli("server", "delete", "first", form="", **red)
    cloud.cli(*TOPOLOGY, "delete", form="", **red)
    assert [item.id for item in both if item.id != network.id] == [
        item.id for item in sdk.network.networks(name="auto_allocated_network")
    ]
    assert list(sdk.network.routers(project_id=owner)) == []
    assert sdk.network.validate_auto_allocated_topology(owner).id == "dry-run=pass"
