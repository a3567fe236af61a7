"""The largest layout: two controllers, a compute host, a network host and a volume host, all from one copied file.

The smaller ones are parts of it (tests/unit/devstack/test_layouts.py). The controller with everything but guests is
the layout of test_hosts.py; the machine itself that of test_first_light.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openstack
import pytest

from devstack.stack import config
from tests.integration.fleet import ROOT_ONLY, FleetRig, eventually, private_fleet

pytestmark = [pytest.mark.root, pytest.mark.timeout(400), ROOT_ONLY]


@pytest.fixture(scope="module")
def spread() -> Iterator[FleetRig]:
    with private_fleet("separate", 4, controllers=2, prefix="iaas-spread-") as rig:
        yield rig


def boot(rig: FleetRig, name: str) -> Any:
    network = [{"uuid": rig.furniture.network}]
    made = rig.admin.compute.create_server(
        name=name, flavor_id=rig.furniture.flavor, image_id=rig.furniture.image, networks=network
    )
    return rig.admin.compute.wait_for_server(made, interval=0.5, wait=120)


def test_every_part_runs_where_the_layout_says_a011_a026(spread: FleetRig) -> None:
    found = {(item.binary, item.host) for item in spread.admin.compute.services() if item.state == "up"}
    for twice in ("nova-api", "nova-scheduler", "nova-conductor"):
        assert {host for binary, host in found if binary == twice} == {"controller", "controller2"}
    assert {host for binary, host in found if binary == "nova-compute"} == {"compute1"}
    agents = {(item.binary, item.host) for item in spread.admin.network.agents() if item.is_alive}
    assert {host for binary, host in agents if binary == "neutron-dhcp-agent"} == {"network1"}
    assert ("neutron-linuxbridge-agent", "compute1") in agents
    assert ("volume", "volume1") in spread.beating()


def test_a_guest_on_the_compute_host_is_served_by_the_network_host(spread: FleetRig) -> None:
    server = boot(spread, "served")
    assert server.compute_host == "compute1"
    (address,) = [entry["addr"] for entries in server.addresses.values() for entry in entries]
    namespace = f"qdhcp-{spread.furniture.network}"

    def answers() -> bool:
        ping = ("ip", "netns", "exec", namespace, "ping", "-c", "1", "-W", "1", address)
        return spread.attempt("network1", *ping).returncode == 0

    eventually(answers, 60, f"{server.name} has its address from network1 and answers")
    spread.admin.compute.delete_server(server.id)
    spread.admin.compute.wait_for_delete(server, interval=0.5, wait=60)
    spread.check()


def test_without_the_second_controller_its_broker_and_its_api_work_goes_on_a014(spread: FleetRig) -> None:
    second = spread.host("controller2")
    auth = config.accounts(spread.settings)["devstack"]
    other = openstack.connect(
        auth=auth | {"auth_url": f"http://{second.address}:5000/v3"}, region_name=config.REGION,
        identity_api_version="3", compute_endpoint_override=f"http://{second.address}:8774/v2.1",
        load_yaml_config=False, load_envvars=False,
    )  # fmt: skip
    assert {item.name for item in other.compute.hypervisors()} == {"compute1"}  # the second API, the same cloud
    spread.kill("controller2")
    try:
        server = boot(spread, "with-one")
        spread.admin.compute.delete_server(server.id)
        spread.admin.compute.wait_for_delete(server, interval=0.5, wait=60)
    finally:
        spread.start("controller2")
    spread.wait_for_all()
    spread.check()
