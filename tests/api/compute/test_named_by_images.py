"""S-024: an id in the properties of an image is judged as if the caller had named it, wherever he boots from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from iaas.db.compute import servers
from iaas.db.volume import snapshots, volumes
from iaas.ids import new_uuid
from iaas.model.image import Visibility
from iaas.model.volume import SnapshotState, State
from tests.api.compute.world import World

SERVERS = "/v2.1/servers"
NOBODYS = "00000000-0000-4000-8000-0000000000ff"


def volume(world: World, project: str, **changes: Any) -> str:
    row = {"id": new_uuid(), "project_id": project, "user_id": "u", "name": "v", "size_gb": 1, "host": "v1",
           "availability_zone": "nova", "state": State.AVAILABLE, "task": None, "bootable": True}  # fmt: skip
    world.database.run(lambda tx: volumes.insert(tx, row | changes))
    return str(row["id"])


def snapshot(world: World, project: str, **changes: Any) -> str:
    row = {"id": new_uuid(), "project_id": project, "user_id": "u", "name": "s", "size_gb": 1, "task": None,
           "state": SnapshotState.AVAILABLE, "volume_id": volume(world, project, **changes)}  # fmt: skip
    world.database.run(lambda tx: snapshots.insert(tx, row))
    return str(row["id"])


def image(world: World, project: str, **properties: str) -> str:
    return world.image(project, Visibility.PRIVATE, properties=properties)


def named(name: str, kind: str, id: str) -> dict[str, str]:
    """Properties that name the id, in one of the ways that there are."""
    if name != "block_device_mapping":
        return {name: id}
    return {name: json.dumps([{"device_name": "vda", "boot_index": 0, "source_type": kind, f"{kind}_id": id}])}


NAMES = (
    ("kernel_id", "image", image), ("ramdisk_id", "image", image), ("block_device_mapping", "image", image),
    ("block_device_mapping", "volume", volume), ("block_device_mapping", "snapshot", snapshot),
)  # fmt: skip


def create(world: World, properties: dict[str, str], **body: Any) -> Any:
    body = body or {"imageRef": image(world, "red", **properties)}
    return world.call("alice", "POST", SERVERS, {"server": {"name": "s", "flavorRef": "1", **body}})


def from_a_volume(world: World, properties: dict[str, str], **mapping: Any) -> Any:
    root = {"boot_index": 0, "destination_type": "volume", "volume_size": 1, **mapping}
    return create(world, properties, block_device_mapping_v2=[root])


def of_a_new_volume(world: World, properties: dict[str, str]) -> Any:
    return from_a_volume(world, properties, source_type="image", uuid=image(world, "red", **properties))


def of_a_volume(world: World, properties: dict[str, str]) -> Any:
    made = volume(world, "red", image_metadata=properties)
    return from_a_volume(world, properties, source_type="volume", uuid=made)


def of_a_snapshot(world: World, properties: dict[str, str]) -> Any:
    made = snapshot(world, "red", image_metadata=properties)
    return from_a_volume(world, properties, source_type="snapshot", uuid=made)


def act(world: World, body: dict[str, Any]) -> Any:
    world.host()
    server = world.server()
    world.active(server)
    answer = world.call("alice", "POST", f"{SERVERS}/{server}/action", body)
    with world.database.read() as tx:
        found = servers.get(tx, server)
    assert (found.task is None) is (answer.status_code >= 400), "what is refused changes nothing"
    return answer


def rebuild(world: World, properties: dict[str, str]) -> Any:
    return act(world, {"rebuild": {"imageRef": image(world, "red", **properties)}})


def rescue(world: World, properties: dict[str, str]) -> Any:
    return act(world, {"rescue": {"rescue_image_ref": image(world, "red", **properties)}})


USES = (create, of_a_new_volume, of_a_volume, of_a_snapshot, rebuild, rescue)
Use = Callable[[World, dict[str, str]], Any]


@pytest.mark.parametrize(("name", "kind", "make"), NAMES, ids=[f"{name}-{kind}" for name, kind, _ in NAMES])
@pytest.mark.parametrize("use", USES)
def test_what_an_image_names_of_others_never_existed(
    world: World, use: Use, name: str, kind: str, make: Callable[..., str]
) -> None:
    """400 in these calls, word for word as for an id that nobody has; what is the caller's gets another answer."""
    theirs, mine = make(world, "blue"), make(world, "red")
    foreign = use(world, named(name, kind, theirs))
    assert foreign.status_code == 400, foreign.text
    refused = use(world, named(name, kind, NOBODYS)).text
    assert foreign.text.replace(theirs, NOBODYS) == refused
    assert "could not be found" in refused or "No image found" in refused
    own = use(world, named(name, kind, mine))
    assert (own.status_code, "can't be followed" in own.text) == (400, True), "not left out in silence either"


@pytest.mark.parametrize("use", USES)
def test_an_image_that_names_nothing_boots(world: World, use: Use) -> None:
    harmless = {"block_device_mapping": "[]", "mappings": '[{"virtual": "ami", "device": "vda"}]', "bdm_v2": "True"}
    answer = use(world, harmless)
    assert answer.status_code in (200, 202), answer.text


@pytest.mark.parametrize("text", ["{}", "[3]", "x", "[" * 60000, json.dumps([{}] * 33)],
                         ids=["object", "number", "word", "deep", "long"])  # fmt: skip
def test_a_mapping_that_is_none_is_refused(world: World, text: str) -> None:
    answer = create(world, {"block_device_mapping": text})
    assert (answer.status_code, "is not a list" in answer.text) == (400, True), answer.text


def test_the_other_way_of_writing_a_mapping_is_read_too(world: World) -> None:
    theirs = snapshot(world, "blue")
    item = {"source_type": "snapshot", "uuid": theirs, "destination_type": "volume"}
    answer = create(world, {"block_device_mapping": json.dumps([item])})
    assert theirs in answer.text and "could not be found" in answer.text


def test_a_rescue_looks_at_the_servers_own_image_as_it_is_now(world: World) -> None:
    """It may have been changed since the server was made."""
    world.host()
    server = world.server()
    world.active(server)
    changed = image(world, "red", kernel_id=NOBODYS)
    world.database.run(lambda tx: servers.change(tx, server, {"image_id": changed}))
    assert NOBODYS in world.refused(400, "alice", "POST", f"{SERVERS}/{server}/action", {"rescue": None})
