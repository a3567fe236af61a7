"""createImage and createBackup: the image's id where each microversion has it, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from iaas.db import operations
from iaas.db.compute import servers
from iaas.db.image import images
from iaas.ids import is_uuid, new_uuid
from iaas.model.image import Viewer
from iaas.model.server import State
from tests.api.compute.world import World

IMAGE = {"createImage": {"name": "snap", "metadata": {"a": "b"}}}
BACKUP = {"createBackup": {"name": "b", "backup_type": "daily", "rotation": 3}}
ALLOWED = {State.ACTIVE, State.STOPPED, State.PAUSED, State.SUSPENDED}


@pytest.fixture
def server(world: World) -> str:
    world.host()
    id = world.server()
    world.active(id)
    return id


def path(server: str) -> str:
    return f"/v2.1/servers/{server}/action"


@pytest.mark.parametrize(("body", "kind"), [(IMAGE, "server.createImage"), (BACKUP, "server.createBackup")])
def test_the_id_is_in_a_header_before_2_45_and_in_the_body_since(
    world: World, server: str, body: Any, kind: str
) -> None:
    answer = world.call("alice", "POST", path(server), body, "2.44")
    assert answer.status_code == 202 and not answer.get_data()
    image_id = answer.headers["Location"].rpartition("/")[2]
    with world.database.read() as tx:
        image = images.get(tx, image_id, Viewer(project_id="red"))
        operation = operations.of_resource(tx, "server", server)[0]
    assert (image.status, image.project_id, image.properties["instance_uuid"]) == ("queued", "red", server)
    assert (operation.kind, operation.params["fills_image"]) == (kind, image_id)
    world.refused(409, "alice", "POST", path(server), body)
    other = world.server()
    world.active(other)
    answer = world.call("alice", "POST", path(other), body, "2.45")
    assert answer.status_code == 202 and "Location" not in answer.headers
    assert is_uuid(answer.get_json()["image_id"])


@pytest.mark.parametrize(
    "body",
    [
        {"createImage": {}}, {"createImage": {"name": ""}}, {"createImage": {"name": "n", "metadata": {"a": 1}}},
        {"createImage": {"name": "n", "metadata": {"hw_disk_bus": "floppy"}}}, {"createImage": {"name": "n", "x": 1}},
        {"createBackup": {"name": "n", "backup_type": "daily"}},
        {"createBackup": {"name": "n", "backup_type": "daily", "rotation": -1}},
        {"createBackup": {"name": "n", "backup_type": "daily", "rotation": "many"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_malformed_request_is_refused(world: World, server: str, body: Any) -> None:
    world.refused(400, "alice", "POST", path(server), body)


@pytest.mark.parametrize("state", [state for state in State if state is not State.DELETED], ids=str)
@pytest.mark.parametrize("body", [IMAGE, BACKUP], ids=["image", "backup"])
def test_the_state_decides(world: World, server: str, body: Any, state: State) -> None:
    world.database.run(lambda tx: servers.change(tx, server, {"state": state}))
    assert world.call("alice", "POST", path(server), body).status_code == (202 if state in ALLOWED else 409)


def test_too_much_metadata_is_over_the_quota(world: World, server: str) -> None:
    body = {"createImage": {"name": "n", "metadata": {str(n): "" for n in range(129)}}}
    world.refused(403, "alice", "POST", path(server), body)


def test_what_the_image_inherits(world: World) -> None:
    world.host()
    base = world.image(properties={"os_distro": "debian", "img_signature": "x", "image_type": "other"}, min_ram=64)
    server = world.server(imageRef=base)
    world.active(server)
    answer = world.ok("alice", "POST", path(server), IMAGE, "2.45")
    with world.database.read() as tx:
        image = images.get(tx, answer["image_id"], Viewer(project_id="red"))
    assert (image.min_ram, image.min_disk) == (64, 1)
    assert image.properties == {
        "os_distro": "debian", "a": "b", "image_type": "snapshot", "instance_uuid": server, "base_image_ref": base,
        "user_id": image.properties["user_id"], "owner_id": "red",
    }  # fmt: skip


@pytest.mark.parametrize("body", [IMAGE, BACKUP], ids=["image", "backup"])
def test_neither_strangers_nor_readers_nor_the_locked(world: World, server: str, body: Any) -> None:
    world.refused(404, "bob", "POST", path(server), body)
    world.refused(404, "alice", "POST", path(new_uuid()), body)
    world.refused(403, "rita", "POST", path(server), body)
    world.ok("alice", "POST", path(server), {"lock": None})
    world.refused(409, "alice", "POST", path(server), body)


def test_of_a_server_on_a_volume_no_image_is_made(world: World, server: str) -> None:
    world.database.run(lambda tx: servers.change(tx, server, {"image_id": None}))
    world.refused(400, "alice", "POST", path(server), IMAGE)
