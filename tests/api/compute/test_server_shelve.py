"""shelve, shelveOffload and unshelve: states, rights, and the zone since 2.77."""

from __future__ import annotations

from typing import Any

import pytest

from iaas.db import operations
from iaas.db.compute import servers
from iaas.db.image import images
from iaas.model.image import Viewer
from iaas.model.server import State
from tests.api.compute.world import World

ALLOWED = {
    "shelve": {State.ACTIVE, State.STOPPED, State.PAUSED, State.SUSPENDED},
    "shelveOffload": {State.SHELVED},
    "unshelve": {State.SHELVED, State.SHELVED_OFFLOADED},
}


@pytest.fixture
def server(world: World) -> str:
    world.host()
    id = world.server()
    world.active(id)
    return id


def put(world: World, server: str, **values: Any) -> None:
    world.database.run(lambda tx: servers.change(tx, server, values))


def path(server: str) -> str:
    return f"/v2.1/servers/{server}/action"


@pytest.mark.parametrize("state", [state for state in State if state is not State.DELETED], ids=str)
@pytest.mark.parametrize("verb", list(ALLOWED))
def test_the_state_decides(world: World, server: str, verb: str, state: State) -> None:
    put(world, server, state=state, host=None if state is State.SHELVED_OFFLOADED else "host1")
    status = world.call("admin", "POST", path(server), {verb: None}).status_code
    assert status == (202 if state in ALLOWED[verb] else 409)


def test_a_shelve_queues_an_image_of_the_servers_project(world: World, server: str) -> None:
    world.ok("admin", "POST", path(server), {"shelve": None})
    with world.database.read() as tx:
        [operation, *_] = operations.of_resource(tx, "server", server)
        image = images.get(tx, operation.params["fills_image"], Viewer(project_id="red"))
    assert (image.name, image.project_id, image.status) == ("web-shelved", "red", "queued")
    shown = world.ok("alice", "GET", f"/v2.1/servers/{server}")["server"]
    assert shown["OS-EXT-STS:task_state"] == "shelving"


def test_a_server_on_a_volume_is_shelved_without_an_image(world: World, server: str) -> None:
    put(world, server, image_id=None)
    world.ok("alice", "POST", path(server), {"shelve": None})
    with world.database.read() as tx:
        assert operations.of_resource(tx, "server", server)[0].params == {}


@pytest.mark.parametrize(
    ("version", "body", "status"),
    [("2.76", None, 202), ("2.76", {"availability_zone": "nova"}, 400), ("2.77", None, 202), ("2.77", {}, 400),
     ("2.77", {"availability_zone": "nova"}, 202), ("2.77", {"availability_zone": "mars"}, 400),
     ("2.77", {"host": "host1"}, 400)],
)  # fmt: skip
def test_a_zone_may_be_named_since_2_77(world: World, server: str, version: str, body: Any, status: int) -> None:
    put(world, server, state=State.SHELVED_OFFLOADED, host=None, node=None)
    assert world.call("alice", "POST", path(server), {"unshelve": body}, version).status_code == status


def test_a_zone_of_a_server_that_is_on_its_host_can_not_change(world: World, server: str) -> None:
    put(world, server, state=State.SHELVED)
    world.refused(409, "alice", "POST", path(server), {"unshelve": {"availability_zone": "nova"}}, "2.77")


@pytest.mark.parametrize("verb", list(ALLOWED))
def test_neither_strangers_nor_readers(world: World, server: str, verb: str) -> None:
    world.refused(404 if verb != "shelveOffload" else 403, "bob", "POST", path(server), {verb: None})
    world.refused(403, "rita", "POST", path(server), {verb: None})
    if verb == "shelveOffload":
        put(world, server, state=State.SHELVED)
        world.refused(403, "alice", "POST", path(server), {verb: None})
