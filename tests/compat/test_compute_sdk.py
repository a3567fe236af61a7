"""Unmodified openstacksdk against the compute API."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from openstack import exceptions

from iaas.db.engine import Tx
from iaas.db.image import images
from iaas.network import networks, subnets
from tests.api.compute.world import NOW
from tests.compat.cloud import Cloud
from tests.compat.compute import HOST, add_compute


@pytest.fixture(scope="module")
def sdk(cloud: Cloud) -> Any:
    add_compute(cloud)
    return cloud.sdk()


@pytest.fixture(scope="module")
def image(cloud: Cloud, sdk: Any) -> str:
    from iaas.ids import new_uuid
    from iaas.model.image import Image, State, Visibility

    image = Image(
        id=new_uuid(), name="debian", project_id="ops", state=State.ACTIVE, task=None, visibility=Visibility.PUBLIC,
        disk_format="qcow2", container_format="bare", min_disk=0, min_ram=0, protected=False, hidden=False, size=1000,
        virtual_size=1 << 30, checksum="0" * 32, hash_algo="sha512", hash_value="0" * 128, generation=1, version=1,
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    cloud.database.run(lambda tx: images.insert(tx, image))
    return image.id


@pytest.fixture(scope="module")
def flavor(sdk: Any) -> Any:
    return sdk.compute.create_flavor(name="m1.tiny", ram=512, vcpus=1, disk=1, id="1")


@pytest.fixture(scope="module")
def network(cloud: Cloud, sdk: Any) -> str:
    from iaas.network.settings import Settings

    def make(tx: Tx) -> str:
        values = {"name": "private", "kind": "local"}
        made = networks.create(tx, Settings(), sdk.current_project_id, values)
        subnets.create(tx, Settings(), sdk.current_project_id, made, {"ip_version": 4, "cidr": "10.0.0.0/24"})
        return made.id

    return cloud.database.run(make)


@pytest.fixture
def server(sdk: Any, image: str, flavor: Any, network: str) -> Iterator[Any]:
    made = sdk.compute.create_server(name="web", image_id=image, flavor_id=flavor.id, networks=[{"uuid": network}])
    yield sdk.compute.wait_for_server(made, wait=10)
    sdk.compute.delete_server(made, ignore_missing=True)


def test_the_client_negotiates_the_maximum(sdk: Any) -> None:
    data = sdk.compute.get_endpoint_data()
    assert data.min_microversion == (2, 1) and data.max_microversion == (2, 85)


def test_a_server_lives_and_dies(sdk: Any, server: Any) -> None:
    assert (server.status, server.compute_host, server.flavor.original_name) == ("ACTIVE", HOST, "m1.tiny")
    assert server.addresses["private"][0]["addr"].startswith("10.0.0.")
    assert [found.id for found in sdk.compute.servers(name="web", details=True)] == [server.id]
    assert sdk.compute.find_server("web").id == server.id
    sdk.compute.stop_server(server)
    assert sdk.compute.get_server(server.id).status == "SHUTOFF"
    sdk.compute.start_server(server)
    sdk.compute.reboot_server(server, "SOFT")
    sdk.compute.reboot_server(server, "HARD")
    assert sdk.compute.get_server(server.id).status == "ACTIVE"
    with pytest.raises(exceptions.ConflictException, match="vm_state active"):
        sdk.compute.start_server(server)
    sdk.compute.delete_server(server)
    sdk.compute.wait_for_delete(server, wait=10)
    assert list(sdk.compute.servers()) == []


def test_the_cloud_layer_makes_a_server_with_everything(sdk: Any, image: str, flavor: Any, network: str) -> None:
    key = sdk.create_keypair("mine")
    made = sdk.create_server(
        "full", image=image, flavor=flavor, network=network, key_name=key.name, userdata="#!/bin/sh", auto_ip=False,
        meta={"role": "db"}, tags=["t"], config_drive=True, wait=True, timeout=10,
    )  # fmt: skip
    assert (made.status, made.metadata, made.key_name, made.tags) == ("ACTIVE", {"role": "db"}, "mine", ["t"])
    assert made.has_config_drive == "True"
    assert base64.b64decode(made.user_data) == b"#!/bin/sh"
    assert sdk.delete_server(made.id, wait=True, timeout=10)
    assert sdk.delete_keypair("mine")


def test_what_belongs_to_a_server(sdk: Any, server: Any) -> None:
    assert sdk.compute.get_server_console_output(server, length=2)["output"] == "login: \n" * 2
    sdk.compute.set_server_metadata(server, a="1")
    assert sdk.compute.get_server_metadata(server).metadata == {"a": "1"}
    sdk.compute.delete_server_metadata(server, ["a"])
    sdk.compute.add_tag_to_server(server, "x")
    assert sdk.compute.get_server(server.id).tags == ["x"]
    (action,) = sdk.compute.server_actions(server)
    shown = sdk.compute.get_server_action(action.request_id, server)
    assert (shown.action, shown.events[0].event, shown.events[0].host) == ("create", "compute_work", HOST)
    (interface,) = sdk.compute.server_interfaces(server)
    assert interface.mac_addr == server.addresses["private"][0]["OS-EXT-IPS-MAC:mac_addr"]
    assert [item.address for item in sdk.compute.server_ips(server)] == [interface.fixed_ips[0]["ip_address"]]
    assert sdk.compute.fetch_server_security_groups(server.id).security_groups[0]["name"] == "default"
    assert list(sdk.compute.volume_attachments(server)) == []
    sdk.compute.lock_server(server, "why")
    assert sdk.compute.get_server(server.id).is_locked
    sdk.compute.unlock_server(server)
    sdk.compute.update_server(server, name="renamed", description="words")
    assert sdk.compute.get_server(server.id).description == "words"
    sdk.compute.reset_server_state(server, "error")
    assert sdk.compute.get_server(server.id).status == "ERROR"


def test_a_page_at_a_time_gives_them_all(sdk: Any, image: str, flavor: Any) -> None:
    sdk.compute.create_server(
        name="many", image_id=image, flavor_id=flavor.id, networks="none", min_count=3, max_count=3
    )
    found = list(sdk.compute.servers(limit=2, sort_key="display_name", sort_dir="asc"))
    assert [item.name for item in found] == ["many-1", "many-2", "many-3"]
    for item in found:
        sdk.compute.delete_server(item)


def test_flavors_and_their_access(sdk: Any, flavor: Any) -> None:
    made = sdk.compute.create_flavor(name="secret", ram=64, vcpus=1, disk=1, is_public=False)
    assert {item.name for item in sdk.compute.flavors(is_public=None)} == {"m1.tiny", "secret"}
    assert sdk.compute.find_flavor("secret").id == made.id
    sdk.compute.flavor_add_tenant_access(made, "f" * 32)
    assert "f" * 32 in {item["tenant_id"] for item in sdk.compute.get_flavor_access(made)}
    sdk.compute.flavor_remove_tenant_access(made, "f" * 32)
    sdk.compute.create_flavor_extra_specs(made, {"hw:a": "1"})
    assert sdk.compute.fetch_flavor_extra_specs(made).extra_specs == {"hw:a": "1"}
    sdk.compute.delete_flavor(made)
    with pytest.raises(exceptions.NotFoundException):
        sdk.compute.get_flavor(made.id)


def test_quotas_limits_and_usage(sdk: Any, server: Any) -> None:
    project = sdk.current_project_id
    assert sdk.compute.get_quota_set(project).cores == 20
    sdk.compute.update_quota_set(project, cores=21)
    assert sdk.compute.get_quota_set(project, usage=True).usage["cores"] == 1
    assert sdk.compute.get_limits().absolute.total_cores == 21
    sdk.compute.revert_quota_set(project)
    assert sdk.compute.get_quota_set_defaults(project).cores == 20
    sdk.compute.update_quota_set(project, cores=0, force=True)
    with pytest.raises(
        exceptions.ForbiddenException, match="Quota exceeded for cores: Requested 1, but already used 1"
    ):
        sdk.compute.create_server(name="no", image_id=server.image.id, flavor_id="1", networks="none")
    sdk.compute.revert_quota_set(project)


def test_the_operators_view(sdk: Any, server: Any) -> None:
    assert {item.binary for item in sdk.compute.services()} == {"nova-compute", "nova-conductor", "nova-scheduler"}
    (service,) = sdk.compute.services(binary="nova-compute")
    assert (service.state, service.availability_zone) == ("up", "nova")
    sdk.compute.disable_service(service, HOST, "nova-compute", "repair")
    assert next(iter(sdk.compute.services(binary="nova-compute"))).disabled_reason == "repair"
    sdk.compute.enable_service(service, HOST, "nova-compute")
    (hypervisor,) = sdk.compute.hypervisors(details=True)
    assert (hypervisor.name, hypervisor.vcpus, hypervisor.state) == (f"{HOST}.local", 8, "up")
    assert sdk.compute.get_hypervisor(hypervisor).host_ip == "192.0.2.1"
    assert [zone.name for zone in sdk.compute.availability_zones()] == ["nova"]
    assert {zone.name for zone in sdk.compute.availability_zones(details=True)} == {"nova", "internal"}
    assert list(sdk.compute.aggregates()) == [] and list(sdk.compute.server_groups()) == []
    assert "os-keypairs" in {item.alias for item in sdk.compute.extensions()}


def test_images_are_brought_to_the_hosts_of_an_aggregate(sdk: Any, image: str) -> None:
    """os-aggregates/{id}/images, with the client's own idea of the microversion."""
    made = sdk.compute.create_aggregate(name="racks")
    sdk.compute.add_host_to_aggregate(made, HOST)
    sdk.compute.aggregate_precache_images(made, image)
    with pytest.raises(exceptions.NotFoundException):
        sdk.compute.aggregate_precache_images(made, ["0b3a3c1e-5b4e-4a55-9f0e-2d8e8c0d1a11"])
    sdk.compute.remove_host_from_aggregate(made, HOST)
    sdk.compute.delete_aggregate(made)
