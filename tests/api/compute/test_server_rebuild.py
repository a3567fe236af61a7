"""rebuild, rescue and unrescue: what may be asked, by microversion, and what is refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from iaas.db import operations
from iaas.db.compute import servers
from iaas.ids import new_uuid
from iaas.model.image import State as ImageState
from iaas.model.image import Visibility
from iaas.model.server import State
from tests.api.compute.world import World

DATA = base64.b64encode(b"#!/bin/sh").decode()


@pytest.fixture
def server(world: World) -> str:
    world.host()
    id = world.server()
    world.active(id)
    return id


def path(server: str) -> str:
    return f"/v2.1/servers/{server}/action"


def rebuild(world: World, server: str, version: str | None = None, **fields: Any) -> Any:
    body = {"rebuild": {"imageRef": world.compute_image, **fields}}
    return world.call("alice", "POST", path(server), body, version)


def test_a_rebuild_answers_the_server_as_it_will_be(world: World, server: str) -> None:
    image = world.image()
    answer = rebuild(world, server, "2.57", imageRef=image, name="new", metadata={"k": "v"}, user_data=DATA,
                     description="d")  # fmt: skip
    assert answer.status_code == 202
    shown = answer.get_json()["server"]
    assert (shown["name"], shown["metadata"], shown["user_data"], shown["status"]) == (
        "new",
        {"k": "v"},
        DATA,
        "REBUILD",
    )
    assert shown["image"]["id"] == image
    assert answer.headers["Location"] == shown["links"][0]["href"]
    with world.database.read() as tx:
        assert operations.of_resource(tx, "server", server)[0].kind == "server.rebuild"


@pytest.mark.parametrize("action", ["rebuild", "rescue"])
def test_an_image_for_other_hosts_is_refused_and_the_server_stays_as_it_is(
    world: World, server: str, action: str
) -> None:
    """S-058: the host is not chosen anew, but it is looked at."""
    image = world.image(properties={"hw_architecture": "aarch64"})
    field = {"rebuild": "imageRef", "rescue": "rescue_image_ref"}[action]
    answer = world.call("alice", "POST", path(server), {action: {field: image}})
    assert answer.status_code == 400
    assert "the image wants architecture aarch64, the host has x86_64" in answer.get_json()["badRequest"]["message"]
    assert world.ok("alice", "GET", f"/v2.1/servers/{server}")["server"]["status"] == "ACTIVE"
    with world.database.read() as tx:
        assert [op.kind for op in operations.of_resource(tx, "server", server)] == ["server.create"]


def test_what_came_later_is_refused_before_and_shown_after(world: World, server: str) -> None:
    for version, field, value in (("2.18", "description", "d"), ("2.53", "key_name", None), ("2.56", "user_data", None),
                                  ("2.62", "trusted_image_certificates", None)):  # fmt: skip
        assert rebuild(world, server, version, **{field: value}).status_code == 400, field
    shown = rebuild(world, server, "2.53").get_json()["server"]
    assert "key_name" not in shown and "user_data" not in shown


@pytest.mark.parametrize(
    "fields",
    [{"imageRef": "x"}, {"name": ""}, {"metadata": {"k": 1}}, {"more": 1}, {"preserve_ephemeral": True},
     {"adminPass": "secret"}, {"imageRef": None}],
)  # fmt: skip
def test_a_malformed_rebuild_is_refused(world: World, server: str, fields: dict[str, Any]) -> None:
    assert rebuild(world, server, **fields).status_code == 400


def test_images_and_keys_that_cannot_be_are_refused_and_change_nothing(world: World, server: str) -> None:
    queued = world.image(state=ImageState.QUEUED)
    theirs = world.image("blue", Visibility.PRIVATE)
    large = world.image(virtual_size=2 << 30)
    for image in (queued, theirs, large, new_uuid()):
        assert rebuild(world, server, imageRef=image).status_code == 400
    assert rebuild(world, server, "2.54", key_name="nobody").status_code == 400
    assert rebuild(world, server, metadata={str(n): "" for n in range(129)}).status_code == 403
    with world.database.read() as tx:
        found = servers.get(tx, server)
    assert (found.task, found.image_id) == (None, world.compute_image)


@pytest.mark.parametrize("body", [{"rebuild": {"imageRef": new_uuid()}}, {"rescue": None}], ids=["rebuild", "rescue"])
def test_a_server_that_boots_from_a_volume_keeps_its_root_disk(world: World, server: str, body: Any) -> None:
    world.database.run(lambda tx: servers.change(tx, server, {"image_id": None}))
    world.refused(400, "alice", "POST", path(server), body)


def test_a_rescue_is_from_the_servers_own_image_or_another(world: World, server: str) -> None:
    other = world.image()
    assert world.ok("alice", "POST", path(server), {"rescue": {"rescue_image_ref": other}}) == {}
    with world.database.read() as tx:
        found = servers.get(tx, server)
    assert (found.rescue_image_id, found.origin_state, found.task) == (other, State.ACTIVE, "rescuing")


@pytest.mark.parametrize("body", [{"rescue_image_ref": "x"}, {"rescue_image_ref": new_uuid()}, {"adminPass": "s"}, 3],
                         ids=["no id", "no image", "password", "number"])  # fmt: skip
def test_a_malformed_rescue_is_refused(world: World, server: str, body: Any) -> None:
    world.refused(400, "alice", "POST", path(server), {"rescue": body})


def test_a_rescue_from_an_image_of_others_is_one_from_an_image_that_nobody_has(world: World, server: str) -> None:
    """S-105: 400 is published for both; shared and community images of others are another matter."""
    theirs, nobodys = world.image("blue", Visibility.PRIVATE), new_uuid()
    refused = [
        world.refused(400, "alice", "POST", path(server), {"rescue": {"rescue_image_ref": id}}).replace(id, "ID")
        for id in (theirs, nobodys)
    ]
    assert refused[0] == refused[1]
    with world.database.read() as tx:
        assert servers.get(tx, server).task is None
    community = world.image("blue", Visibility.COMMUNITY)
    assert world.ok("alice", "POST", path(server), {"rescue": {"rescue_image_ref": community}}) == {}


STATES = {
    "rebuild": {State.ACTIVE, State.STOPPED, State.ERROR},
    "rescue": {State.ACTIVE, State.STOPPED, State.ERROR},
    "unrescue": {State.RESCUED},
}


@pytest.mark.parametrize("state", [state for state in State if state is not State.DELETED], ids=str)
@pytest.mark.parametrize("verb", list(STATES))
def test_the_state_decides(world: World, server: str, verb: str, state: State) -> None:
    world.database.run(lambda tx: servers.change(tx, server, {"state": state}))
    body = {"rebuild": {"imageRef": world.compute_image}, "rescue": None, "unrescue": None}[verb]
    answer = world.call("alice", "POST", path(server), {verb: body})
    assert (answer.status_code < 300) is (state in STATES[verb]), answer.get_data(as_text=True)
    if state not in STATES[verb]:
        assert answer.status_code == 409


@pytest.mark.parametrize("verb", list(STATES))
def test_neither_strangers_nor_readers(world: World, server: str, verb: str) -> None:
    body = {verb: {"imageRef": world.compute_image} if verb == "rebuild" else None}
    world.refused(404, "bob", "POST", path(server), body)
    world.refused(403, "rita", "POST", path(server), body)
