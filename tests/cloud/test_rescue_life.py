"""Rescued and rebuilt servers through the whole cloud."""

import pytest

from iaas.compute import lifecycle
from iaas.compute.actions import rebuild, rescue
from iaas.db import operations
from iaas.errors import Internal
from iaas.model.order import Power
from iaas.model.server import State
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, delete, image, left_behind, network


def stopped(cloud: Cloud, server_id: str) -> str:
    lifecycle.stop(cloud.compute, cloud.context, server_id)
    cloud.settle()
    assert cloud.server(server_id).state is State.STOPPED
    return server_id


def do_rescue(cloud: Cloud, server_id: str) -> State:
    rescue.rescue(cloud.compute, cloud.context, server_id, None, False)
    cloud.settle()
    return cloud.server(server_id).state


def do_rebuild(cloud: Cloud, server_id: str, image_id: str, **changes: object) -> State:
    rebuild.rebuild(cloud.compute, cloud.context, server_id, image_id, changes, False)
    cloud.settle()
    return cloud.server(server_id).state


def disks(cloud: Cloud, server_id: str) -> list[str]:
    host = cloud.hosts[cloud.server(server_id).host or ""]
    return [disk.path.name for disk in host.hypervisor.domains[server_id].disks]


@pytest.mark.parametrize("off", [False, True])
def test_a_rescued_server_runs_from_another_disk_with_its_own_beside_it_and_comes_back(cloud: Cloud, off: bool) -> None:
    server_id = boot(cloud, network(cloud))
    if off:
        stopped(cloud, server_id)
    assert do_rescue(cloud, server_id) is State.RESCUED
    server = cloud.server(server_id)
    assert (server.power, server.status) == (Power.RUNNING, "RESCUE")
    assert server.rescue_image_id == server.image_id
    assert disks(cloud, server_id) == ["rescue.disk", "disk"]
    assert cloud.audit() == []
    rescue.unrescue(cloud.compute, cloud.context, server_id)
    cloud.settle()
    server = cloud.server(server_id)
    assert (server.state, server.power, server.rescue_image_id) == (State.ACTIVE, Power.RUNNING, None)
    assert disks(cloud, server_id) == ["disk"]
    assert cloud.hosts[server.host or ""].disks.rescues == set()
    assert cloud.audit() == []


@pytest.mark.parametrize("off", [False, True])
def test_a_rescue_that_fails_leaves_the_server_as_it_was(cloud: Cloud, off: bool) -> None:
    server_id = boot(cloud, network(cloud))
    if off:
        stopped(cloud, server_id)
    host = cloud.hosts[cloud.server(server_id).host or ""]
    before = cloud.server(server_id)
    host.hypervisor.fail("define", Internal("no"))
    assert do_rescue(cloud, server_id) is before.state
    assert cloud.server(server_id).power is before.power
    assert disks(cloud, server_id) == ["disk"]
    assert host.disks.rescues == set()
    assert cloud.audit() == []


def test_a_rescued_server_can_be_deleted(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    do_rescue(cloud, server_id)
    delete(cloud, server_id)
    cloud.settle()
    assert left_behind(cloud, server_id) == []
    assert cloud.audit() == []


@pytest.mark.parametrize("off", [False, True])
def test_a_rebuilt_server_keeps_host_and_addresses_and_is_as_on_or_off_as_before(cloud: Cloud, off: bool) -> None:
    server_id = boot(cloud, network(cloud))
    if off:
        stopped(cloud, server_id)
    before = cloud.server(server_id)
    with cloud.database.read() as tx:
        addresses = cloud.network.addresses(tx, [server_id])
    other = image(cloud)
    assert do_rebuild(cloud, server_id, other, name="new", metadata={"a": "b"}) is before.state
    server = cloud.server(server_id)
    assert (server.host, server.image_id, server.name, server.metadata) == (before.host, other, "new", {"a": "b"})
    assert server.power is before.power and server.origin_state is None
    with cloud.database.read() as tx:
        assert cloud.network.addresses(tx, [server_id]) == addresses
        [done, *_] = operations.of_resource(tx, "server", server_id)
        assert [line.step for line in operations.lines(tx, [done.id])] == ["destroy", "spawn"]
    domain = cloud.hosts[server.host or ""].hypervisor.domains[server_id]
    assert domain.guest.image is not None and domain.guest.image.id == other
    assert cloud.audit() == []


def test_a_rebuild_that_fails_is_an_error_and_can_be_repeated(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    host = cloud.hosts[cloud.server(server_id).host or ""]
    host.hypervisor.fail("define", Internal("no room for it"))
    assert do_rebuild(cloud, server_id, image(cloud)) is State.ERROR
    server = cloud.server(server_id)
    assert server.fault is not None and server.fault["message"] == "no room for it"
    assert cloud.audit() == []
    assert do_rebuild(cloud, server_id, image(cloud)) is State.ACTIVE
    assert cloud.server(server_id).fault is None
    assert cloud.audit() == []
