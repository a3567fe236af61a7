"""os-volume_attachments and block_device_mapping_v2 as the reference has them."""

from __future__ import annotations

from typing import Any

import pytest

from iaas.db import operations
from iaas.db.volume import volumes
from iaas.ids import new_uuid
from iaas.model.operation import NO_TURN
from iaas.model.volume import State
from iaas.volume.facade import VolumeFacade
from tests.api.compute.world import PERSONAS, World

SERVERS = "/v2.1/servers"


@pytest.fixture
def server(world: World) -> str:
    """An active server of alice's on host1."""
    world.host()
    id = world.server()
    world.active(id)
    return id


def volume(world: World, **changes: Any) -> str:
    """A volume of alice's, available unless ``changes`` say otherwise."""
    volume_id = new_uuid()
    row = {"id": volume_id, "project_id": "red", "user_id": "user-alice", "name": "data", "size_gb": 1,
           "availability_zone": "nova", "host": "v1", "state": State.AVAILABLE, "task": None}  # fmt: skip
    world.database.run(lambda tx: volumes.insert(tx, {**row, **changes}))
    return volume_id


def path(server: str, volume_id: str = "") -> str:
    return f"{SERVERS}/{server}/os-volume_attachments" + (f"/{volume_id}" if volume_id else "")


def body(volume_id: str, **changes: Any) -> dict[str, Any]:
    return {"volumeAttachment": {"volumeId": volume_id, **changes}}


def settle(world: World, server: str, volume_id: str) -> None:
    """As if the conductor had attached it."""
    facade: VolumeFacade = world.compute.volume

    def write(tx: Any) -> None:
        facade.attached(tx, facade.attachment(tx, server, volume_id).id, "host1")
        operations.supersede(tx, "server", server, everything=True)

    world.database.run(write)


def test_attaching_is_accepted_with_its_operation_and_its_device(world: World, server: str) -> None:
    volume_id = volume(world)
    made = world.ok("alice", "POST", path(server), body(volume_id), "2.79")["volumeAttachment"]
    assert made == {
        "id": volume_id, "volumeId": volume_id, "serverId": server, "device": "/dev/vdb", "tag": None,
        "delete_on_termination": False,
    }  # fmt: skip
    with world.database.read() as tx:
        [operation] = [item for item in operations.live(tx, "server", [server]) if item.kind != "server.create"]
    assert (operation.kind, operation.fence, operation.yields) == ("server.attach_volume", NO_TURN, True)
    assert world.ok("alice", "GET", path(server, volume_id))["volumeAttachment"]["device"] == "/dev/vdb"
    assert set(made) - set(world.ok("alice", "GET", path(server))["volumeAttachments"][0]) == {
        "tag", "delete_on_termination"
    }  # fmt: skip
    shown = world.ok("alice", "GET", f"{SERVERS}/{server}", version="2.3")["server"]
    assert shown["os-extended-volumes:volumes_attached"] == [{"id": volume_id, "delete_on_termination": False}]
    assert shown["OS-EXT-STS:task_state"] is None
    [listed] = world.ok("alice", "GET", f"{SERVERS}/detail")["servers"]
    assert listed["os-extended-volumes:volumes_attached"] == [{"id": volume_id}]
    actions = world.ok("alice", "GET", f"{SERVERS}/{server}/os-instance-actions")["instanceActions"]
    assert {item["action"] for item in actions} == {"create", "attach_volume"}


def test_several_at_once_are_accepted_and_listed_in_the_order_of_their_devices(world: World, server: str) -> None:
    made = [volume(world) for _ in range(3)]
    for volume_id in made:
        world.ok("alice", "POST", path(server), body(volume_id))
    assert [item["id"] for item in world.ok("alice", "GET", path(server))["volumeAttachments"]] == made
    paged = world.ok("alice", "GET", path(server) + "?offset=1&limit=1")["volumeAttachments"]
    assert [item["id"] for item in paged] == made[1:2]
    world.refused(400, "alice", "GET", path(server) + "?limit=x")


def test_tag_device_and_end_with_the_server_are_kept(world: World, server: str) -> None:
    volume_id = volume(world)
    wish = body(volume_id, tag="logs", device="/dev/vdf", delete_on_termination=True)
    made = world.ok("alice", "POST", path(server), wish, "2.79")["volumeAttachment"]
    assert (made["tag"], made["device"], made["delete_on_termination"]) == ("logs", "/dev/vdf", True)
    world.refused(409, "alice", "POST", path(server), body(volume(world), device="/dev/vdf"))
    world.refused(409, "alice", "POST", path(server), body(volume(world), device="/dev/vda"))


@pytest.mark.parametrize(
    ("changes", "version"),
    [({"tag": "x"}, "2.48"), ({"delete_on_termination": True}, "2.78"), ({"device": "../x"}, "2.79"),
     ({"stranger": 1}, "2.79"), ({"tag": "a,b"}, "2.79")],
)  # fmt: skip
def test_what_a_version_does_not_have_is_refused(world: World, server: str, changes: Any, version: str) -> None:
    world.refused(400, "alice", "POST", path(server), body(volume(world), **changes), version)


def test_a_volume_that_can_not_be_attached_is_refused_and_stays_as_it_is(world: World, server: str) -> None:
    """A-153, S-053."""
    volume_id = volume(world)
    world.refused(404, "alice", "POST", path(server), body(new_uuid()))
    world.refused(404, "bob", "POST", path(server), body(volume_id))
    world.refused(404, "alice", "POST", path(server), body(volume(world, project_id="blue")))
    world.refused(400, "alice", "POST", path(server), body(volume(world, state=State.ERROR)))
    world.ok("alice", "POST", path(server), body(volume_id))
    words = world.refused(400, "alice", "POST", path(server), body(volume_id))
    assert words.startswith("Invalid volume")
    shared = volume(world, multiattach=True)
    world.refused(409, "alice", "POST", path(server), body(shared), "2.59")
    world.ok("alice", "POST", path(server), body(shared), "2.60")


def test_a_server_that_is_busy_locked_or_gone_takes_no_volume(world: World, server: str) -> None:
    volume_id = volume(world)
    world.refused(404, "alice", "POST", path(new_uuid()), body(volume_id))
    act = f"{SERVERS}/{server}/action"
    world.ok("alice", "POST", act, {"lock": None})
    world.refused(409, "alice", "POST", path(server), body(volume_id))
    world.ok("alice", "POST", act, {"unlock": None})
    world.ok("alice", "POST", act, {"os-stop": None})
    words = world.refused(409, "alice", "POST", path(server), body(volume_id))
    assert words == f"Cannot 'attach' instance {server} while it is in task_state powering-off"
    building = world.server()
    world.refused(409, "alice", "POST", path(building), body(volume_id))


def test_detaching(world: World, server: str) -> None:
    volume_id = volume(world)
    world.refused(404, "alice", "DELETE", path(server, volume_id))
    world.ok("alice", "POST", path(server), body(volume_id))
    world.refused(400, "alice", "DELETE", path(server, volume_id))
    settle(world, server, volume_id)
    assert world.call("alice", "DELETE", path(server, volume_id)).status_code == 202
    world.refused(400, "alice", "DELETE", path(server, volume_id))
    with world.database.read() as tx:
        assert volumes.get(tx, volume_id).status == "detaching"
    world.refused(404, "bob", "DELETE", path(server, volume_id))


def test_whether_it_ends_with_the_server_can_be_changed_from_2_85_on(world: World, server: str) -> None:
    volume_id = volume(world)
    world.ok("alice", "POST", path(server), body(volume_id))
    one = path(server, volume_id)
    wish = body(volume_id, delete_on_termination=True)
    assert world.call("alice", "PUT", one, wish, "2.85").status_code == 202
    assert world.ok("alice", "GET", one, version="2.85")["volumeAttachment"]["delete_on_termination"] is True
    world.refused(400, "alice", "PUT", one, body(volume_id, device="/dev/vdz"), "2.85")
    world.refused(403, "alice", "PUT", one, wish, "2.84")
    world.refused(403, "alice", "PUT", one, body(new_uuid()), "2.85")
    world.refused(501, "admin", "PUT", one, body(new_uuid()), "2.85")


# -- block_device_mapping_v2 ------------------------------------------------------------------------------------------


def new_server(world: World, devices: list[dict[str, Any]], image: str = "", **changes: Any) -> dict[str, Any]:
    server = {"name": "vm", "flavorRef": "1", "imageRef": image, "block_device_mapping_v2": devices, **changes}
    return {"server": server}


def root(**changes: Any) -> dict[str, Any]:
    return {"boot_index": 0, "destination_type": "volume", **changes}


def test_a_server_of_a_volume_has_no_image(world: World) -> None:
    """A-156: ``--volume``."""
    volume_id = volume(world, bootable=True)
    made = world.ok("alice", "POST", SERVERS, new_server(world, [root(source_type="volume", uuid=volume_id)]))
    shown = world.ok("alice", "GET", f"{SERVERS}/{made['server']['id']}")["server"]
    assert (shown["image"], shown["os-extended-volumes:volumes_attached"]) == ("", [{"id": volume_id}])
    [found] = world.ok("alice", "GET", path(made["server"]["id"]))["volumeAttachments"]
    assert found["device"] == "/dev/vda"


def test_a_server_of_a_new_volume_takes_its_quota_with_it(world: World) -> None:
    """``--image … --boot-from-volume 2``, and a blank volume beside it."""
    devices = [
        root(source_type="image", uuid=world.compute_image, volume_size=2, delete_on_termination=True),
        {"source_type": "blank", "destination_type": "volume", "volume_size": "3", "boot_index": -1},
    ]
    server = world.ok("alice", "POST", SERVERS, new_server(world, devices))["server"]["id"]
    assert {name: world.used()[name] for name in ("volumes", "gigabytes", "instances")} == {
        "volumes": 2, "gigabytes": 5, "instances": 1
    }  # fmt: skip
    shown = world.ok("alice", "GET", path(server), version="2.79")["volumeAttachments"]
    assert [(item["device"], item["delete_on_termination"]) for item in shown] == [
        ("/dev/vda", True), ("/dev/vdb", False)
    ]  # fmt: skip


def test_an_image_on_the_local_disk_with_a_volume_beside_it(world: World) -> None:
    volume_id, image = volume(world), world.compute_image
    local = {"source_type": "image", "destination_type": "local", "uuid": image, "boot_index": 0,
             "delete_on_termination": True}  # fmt: skip
    extra = {"source_type": "volume", "uuid": volume_id, "device_name": "vdc", "delete_on_termination": False}
    for devices, ref in (([local], image), ([local], ""), ([], image)):
        server = world.ok("alice", "POST", SERVERS, new_server(world, devices, ref))["server"]["id"]
        assert world.ok("alice", "GET", f"{SERVERS}/{server}")["server"]["image"]["id"] == image
    server = world.ok("alice", "POST", SERVERS, new_server(world, [local, extra], image))["server"]["id"]
    [found] = world.ok("alice", "GET", path(server))["volumeAttachments"]
    assert (found["id"], found["device"]) == (volume_id, "/dev/vdc")


def test_what_makes_no_boot_sequence_or_is_not_there_is_refused_and_leaves_nothing(world: World) -> None:
    bootable, plain, image = volume(world, bootable=True), volume(world), world.compute_image
    other = world.image()
    refused: list[tuple[list[dict[str, Any]], str]] = [
        ([], ""),
        ([root(source_type="volume", uuid=plain)], ""),
        ([root(source_type="volume", uuid=new_uuid())], ""),
        ([root(source_type="snapshot", uuid=new_uuid())], ""),
        ([root(source_type="volume")], ""),
        ([root(source_type="volume", uuid=bootable)], image),
        ([root(source_type="volume", uuid=bootable), root(source_type="image", uuid=image, volume_size=1)], ""),
        ([root(source_type="image", uuid=image)], ""),
        ([root(source_type="image", uuid=image, volume_size=-1)], ""),
        ([root(source_type="blank", volume_size=1)], ""),
        ([{"source_type": "image", "uuid": other, "boot_index": 0}], image),
        ([{"source_type": "image", "uuid": other, "boot_index": 1}], image),
        ([{"source_type": "blank", "destination_type": "volume"}], image),
        ([{"source_type": "blank", "destination_type": "local", "guest_format": "swap", "volume_size": 7}], image),
        ([{"source_type": "volume", "uuid": plain, "disk_bus": "ide"}], image),
        ([{"source_type": "volume", "uuid": plain, "no_device": True}], image),
        ([{"source_type": "volume", "uuid": plain, "tag": "x"}], image),
        ([{"source_type": "volume", "uuid": plain}, {"source_type": "volume", "uuid": plain}], image),
        ([{"uuid": plain}], image),
    ]
    for devices, ref in refused:
        world.refused(400, "alice", "POST", SERVERS, new_server(world, devices, ref))
    world.refused(400, "bob", "POST", SERVERS, new_server(world, [root(source_type="volume", uuid=bootable)]))
    twice = new_server(world, [root(source_type="volume", uuid=bootable)], min_count=2)
    world.refused(400, "alice", "POST", SERVERS, twice)
    assert world.used() == {}
    with world.database.read() as tx:
        assert {volumes.get(tx, id).status for id in (bootable, plain)} == {"available"}


def test_a_quota_of_volumes_refuses_the_whole_server(world: World) -> None:
    devices = [root(source_type="image", uuid=world.compute_image, volume_size=2000)]
    words = world.refused(403, "alice", "POST", SERVERS, new_server(world, devices))
    assert "gigabytes" in words
    assert world.used() == {}


def test_a_flavor_without_a_disk_boots_from_volumes(world: World) -> None:
    world.flavor(id="0", disk_gb=0)
    volume_id = volume(world, bootable=True, image_metadata={"min_ram": "64"})
    wish = new_server(world, [root(source_type="volume", uuid=volume_id)], flavorRef="0")
    world.ok("alice", "POST", SERVERS, wish)
    greedy = volume(world, bootable=True, image_metadata={"min_ram": "999999"})
    wish = new_server(world, [root(source_type="volume", uuid=greedy)], flavorRef="0")
    assert "memory" in world.refused(400, "alice", "POST", SERVERS, wish)


def test_a_reader_sees_and_may_not_change(world: World, server: str) -> None:
    assert PERSONAS["rita"].roles == ("reader",)
    volume_id = volume(world)
    world.ok("rita", "GET", path(server))
    world.refused(403, "rita", "POST", path(server), body(volume_id))
