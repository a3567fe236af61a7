"""Shelved servers through the whole cloud: an image instead of a disk, no host, and the same addresses afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iaas.compute import lifecycle
from iaas.compute.actions import shelve
from iaas.db import operations
from iaas.db.compute import nodes
from iaas.errors import Conflict, Internal
from iaas.model.order import Power
from iaas.model.server import State
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, delete, left_behind, network
from tests.cloud.test_snapshot_life import image_of

ADMIN = {"roles": ("admin",), "is_admin": True}


def keep_on_host(cloud: Cloud, seconds: int = -1) -> None:
    cloud.conductor_options = replace(cloud.conductor_options, shelved_offload_time=seconds)
    cloud.restart("conductor")


def do(cloud: Cloud, verb: str, server_id: str) -> State:
    getattr(shelve, verb)(cloud.compute, replace(cloud.context, **ADMIN), server_id)  # type: ignore[arg-type]
    cloud.settle()
    return cloud.server(server_id).state


def claims(cloud: Cloud, server_id: str) -> list[str]:
    with cloud.database.read() as tx:
        return [claim.host for claim in nodes.claims_of(tx, server_id)]


@pytest.mark.parametrize("verb", ["", "stop", "pause", "suspend"])
def test_a_shelved_server_is_on_no_host_and_comes_back_with_its_addresses(cloud: Cloud, verb: str) -> None:
    server_id = boot(cloud, network(cloud))
    if verb:
        getattr(lifecycle, verb)(cloud.compute, cloud.context, server_id)
        cloud.settle()
    with cloud.database.read() as tx:
        addresses = cloud.network.addresses(tx, [server_id])
    original = cloud.server(server_id).image_id
    assert do(cloud, "shelve", server_id) is State.SHELVED_OFFLOADED
    server = cloud.server(server_id)
    assert (server.host, server.power, claims(cloud, server_id)) == (None, Power.NONE, [])
    assert cloud.guests(server_id) == [] and not any(server_id in host.disks.made for host in cloud.hosts.values())
    kept = image_of(cloud, server.shelved_image_id or "")
    assert kept is not None and kept.status == "active" and kept.properties["instance_uuid"] == server_id
    assert cloud.audit() == []
    assert do(cloud, "unshelve", server_id) is State.ACTIVE
    server = cloud.server(server_id)
    assert cloud.guests(server_id) == [server.host] == claims(cloud, server_id)
    assert (server.image_id, server.shelved_image_id, server.origin_state) == (original, None, None)
    domain = cloud.hosts[server.host or ""].hypervisor.domains[server_id]
    assert domain.guest.image is not None and domain.guest.image.id == kept.id
    assert image_of(cloud, kept.id) is None
    with cloud.database.read() as tx:
        assert cloud.network.addresses(tx, [server_id]) == addresses
    assert cloud.audit() == []
    lifecycle.reboot(cloud.compute, cloud.context, server_id, "HARD")
    cloud.settle()
    assert cloud.server(server_id).state is State.ACTIVE


def test_it_comes_back_on_another_host_when_its_own_is_down(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    before = cloud.server(server_id).host or ""
    do(cloud, "shelve", server_id)
    cloud.kill(before)
    for _ in range(6):
        cloud.tick()
    assert do(cloud, "unshelve", server_id) is State.ACTIVE
    assert cloud.server(server_id).host not in (None, before)
    cloud.hosts[before].start()
    for _ in range(4):
        cloud.tick()
    assert cloud.audit() == []


def test_where_shelved_servers_stay_they_go_when_told_or_after_their_time(cloud: Cloud) -> None:
    keep_on_host(cloud)
    server_id = boot(cloud, network(cloud))
    host = cloud.server(server_id).host
    assert do(cloud, "shelve", server_id) is State.SHELVED
    assert (cloud.server(server_id).host, claims(cloud, server_id)) == (host, [host])
    assert cloud.audit() == []
    image_id = cloud.server(server_id).shelved_image_id or ""
    assert do(cloud, "unshelve", server_id) is State.ACTIVE
    assert (cloud.server(server_id).host, image_of(cloud, image_id)) == (host, None)
    assert do(cloud, "shelve", server_id) is State.SHELVED
    assert cloud.conductor.offload() == 0
    assert do(cloud, "offload", server_id) is State.SHELVED_OFFLOADED
    assert cloud.audit() == []
    do(cloud, "unshelve", server_id)
    keep_on_host(cloud, 3600)
    do(cloud, "shelve", server_id)
    assert cloud.conductor.offload() == 0
    cloud.clock.advance(3601)
    assert cloud.conductor.offload() == 1
    cloud.settle()
    assert cloud.server(server_id).state is State.SHELVED_OFFLOADED
    assert cloud.audit() == []


def test_a_shelve_that_fails_leaves_the_server_running_and_no_image(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    cloud.hosts[cloud.server(server_id).host or ""].disks.fail(Internal("no room"))
    shelve.shelve(cloud.compute, cloud.context, server_id)
    [operation] = cloud.live()
    cloud.settle()
    server = cloud.server(server_id)
    assert (server.state, server.power, server.shelved_image_id) == (State.ACTIVE, Power.RUNNING, None)
    assert image_of(cloud, operation.params["fills_image"]) is None
    assert cloud.audit() == []


def test_an_unshelve_without_room_leaves_it_shelved(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    do(cloud, "shelve", server_id)
    for name in cloud.hosts:
        cloud.kill(name)
    for _ in range(6):
        cloud.tick()
    assert do(cloud, "unshelve", server_id) is State.SHELVED_OFFLOADED
    server = cloud.server(server_id)
    assert (server.host, server.task) == (None, None)
    assert image_of(cloud, server.shelved_image_id or "") is not None
    for host in cloud.hosts.values():
        host.start()
    for _ in range(4):
        cloud.tick()
    assert do(cloud, "unshelve", server_id) is State.ACTIVE
    assert cloud.audit() == []


def test_a_failed_host_costs_an_unshelve_its_turn_there(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    do(cloud, "shelve", server_id)
    for host in cloud.hosts.values():
        host.hypervisor.fail("define", Internal("no more memory"))
        break
    assert do(cloud, "unshelve", server_id) is State.ACTIVE
    assert cloud.guests(server_id) == [cloud.server(server_id).host]
    assert cloud.audit() == []


def test_a_deleted_shelved_server_takes_its_image_with_it(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    do(cloud, "shelve", server_id)
    image_id = cloud.server(server_id).shelved_image_id or ""
    delete(cloud, server_id)
    cloud.settle()
    assert left_behind(cloud, server_id) == []
    assert image_of(cloud, image_id) is None
    assert cloud.audit() == []


def test_each_is_an_action_of_its_own(cloud: Cloud) -> None:
    server_id = boot(cloud)
    do(cloud, "shelve", server_id)
    do(cloud, "unshelve", server_id)
    with cloud.database.read() as tx:
        done = operations.of_resource(tx, "server", server_id)
    kinds = ["server.unshelve", "server.shelveOffload", "server.shelve", "server.create"]
    assert [item.kind for item in done] == kinds


def test_a_zone_is_for_servers_that_are_on_no_host(cloud: Cloud) -> None:
    keep_on_host(cloud)
    server_id = boot(cloud)
    do(cloud, "shelve", server_id)
    with pytest.raises(Conflict):
        shelve.unshelve(cloud.compute, cloud.context, server_id, "nova")
    do(cloud, "offload", server_id)
    shelve.unshelve(cloud.compute, cloud.context, server_id, "nova")
    cloud.settle()
    assert (cloud.server(server_id).state, cloud.server(server_id).availability_zone) == (State.ACTIVE, "nova")
