"""Config drives through the whole cloud: where the guest is, made anew when the guest is, gone with it (A-104)."""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iaas import failpoints
from iaas.clock import ManualClock
from iaas.compute import lifecycle, servers
from iaas.compute.actions import rebuild, rescue, shelve
from iaas.compute.agent import config_drive
from iaas.compute.moving import moves
from iaas.db.engine import Database
from iaas.db.schema.image import image_properties
from iaas.model.order import Power
from iaas.model.server import State
from tests.cloud import moves as tests
from tests.cloud.harness import Cloud, arm
from tests.cloud.servers import boot, delete, image, left_behind, network
from tests.unit.host.test_iso9660 import read

DATA = gzip.compress(b"#cloud-config\n" * 1000, mtime=0)
NEWER = b"#!/bin/sh\nexit 0\n"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def cloud(tmp_path: Path, database: Database, clock: ManualClock) -> Iterator[Cloud]:
    made = Cloud(tmp_path, database, clock, hosts=3)
    yield made
    failpoints.disarm()


def with_drive(cloud: Cloud, **changes: Any) -> str:
    return boot(cloud, network(cloud), **{"config_drive": True, "user_data": encoded(DATA), **changes})


def path(cloud: Cloud, server_id: str, host: str | None = None) -> Path:
    return cloud.hosts[host or cloud.server(server_id).host or ""].state / "instances" / server_id / config_drive.NAME


def holders(cloud: Cloud, server_id: str) -> list[str | None]:
    return [name for name in cloud.hosts if path(cloud, server_id, name).exists()]


def volume(cloud: Cloud, server_id: str) -> bytes:
    """What is in the CD-ROM drive of the server's guest, which is all that there is of it in the cloud."""
    server = cloud.server(server_id)
    assert holders(cloud, server_id) == [server.host]
    disks = cloud.hosts[server.host or ""].hypervisor.domains[server_id].disks
    (drive,) = (disk for disk in disks if disk.cdrom)
    assert drive.target == "hda" and drive.path.name == config_drive.NAME
    return path(cloud, server_id).read_bytes()


def content(cloud: Cloud, server_id: str) -> dict[str, bytes]:
    return read(volume(cloud, server_id), rr_path="/")


def meta(cloud: Cloud, server_id: str, file: str = "openstack/latest/meta_data.json") -> Any:
    return json.loads(content(cloud, server_id)[file])


def act(cloud: Cloud, verb: Any, server_id: str, *more: Any) -> State:
    verb(cloud.compute, replace(cloud.context, is_admin=True), server_id, *more)
    cloud.settle()
    return cloud.server(server_id).state


def test_a_guest_has_it_from_its_build_to_its_end(cloud: Cloud) -> None:
    server_id = with_drive(cloud, metadata={"role": "web"})
    made, found = volume(cloud, server_id), content(cloud, server_id)
    assert path(cloud, server_id).stat().st_mode & 0o777 == 0o600
    assert found["openstack/latest/user_data"] == found["ec2/latest/user-data"] == DATA
    told = meta(cloud, server_id)
    assert (told["uuid"], told["meta"], told["availability_zone"]) == (server_id, {"role": "web"}, "nova")
    address = meta(cloud, server_id, "ec2/latest/meta-data.json")["local-ipv4"]
    with cloud.database.read() as tx:
        assert [address] == [item.ip for item in cloud.network.addresses(tx, [server_id])[server_id]]
    servers.change_metadata(cloud.compute, cloud.context, server_id, lambda old: {**old, "later": "x"})
    for verb, more in ((lifecycle.reboot, ("HARD",)), (lifecycle.reboot, ("SOFT",)), (lifecycle.stop, ()),
                       (lifecycle.start, ())):  # fmt: skip
        act(cloud, verb, server_id, *more)
        assert volume(cloud, server_id) == made, "it stays as it is"
    act(cloud, lifecycle.stop, server_id)
    path(cloud, server_id).unlink()
    assert act(cloud, lifecycle.start, server_id) is State.ACTIVE
    assert meta(cloud, server_id)["meta"] == {"role": "web", "later": "x"}, "what is lost is made anew"
    assert act(cloud, rescue.rescue, server_id, None, False) is State.RESCUED
    assert meta(cloud, server_id)["uuid"] == server_id
    assert act(cloud, rescue.unrescue, server_id) is State.ACTIVE
    assert content(cloud, server_id)["openstack/latest/user_data"] == DATA
    assert cloud.audit() == []
    delete(cloud, server_id)
    cloud.settle()
    assert left_behind(cloud, server_id) == [] and holders(cloud, server_id) == []
    assert cloud.audit() == []


def test_a_rebuild_makes_it_anew(cloud: Cloud) -> None:
    server_id, plain = with_drive(cloud), boot(cloud)
    assert holders(cloud, plain) == []
    changes = {"user_data": encoded(NEWER), "metadata": {"role": "db"}}
    assert act(cloud, rebuild.rebuild, server_id, image(cloud), changes, False) is State.ACTIVE
    assert content(cloud, server_id)["openstack/2013-04-04/user_data"] == NEWER
    assert meta(cloud, server_id)["meta"] == {"role": "db"}
    assert act(cloud, rebuild.rebuild, plain, mandatory(cloud), {}, False) is State.ACTIVE
    assert cloud.server(plain).config_drive and meta(cloud, plain)["uuid"] == plain
    assert cloud.audit() == []


def mandatory(cloud: Cloud, value: str = "mandatory") -> str:
    image_id = image(cloud)
    row = {"image_id": image_id, "name": "img_config_drive", "value": value}
    cloud.database.run(lambda tx: tx.insert(image_properties, row))
    return image_id


def test_images_and_operators_ask_for_it_too(cloud: Cloud) -> None:
    assert not cloud.server(boot(cloud, image_id=mandatory(cloud, "optional"))).config_drive
    assert meta(cloud, boot(cloud, image_id=mandatory(cloud), name="needs"))["name"] == "needs"
    cloud.compute = replace(cloud.compute, force_config_drive=True)
    assert meta(cloud, boot(cloud, name="forced"))["name"] == "forced"


def test_it_goes_along_to_the_byte_while_the_guest_runs(cloud: Cloud) -> None:
    """In pieces: it is larger than a message here."""
    large = {f"key{number}": "é" * 255 for number in range(120)}
    server_id = with_drive(cloud, metadata=large)
    made, source = volume(cloud, server_id), cloud.server(server_id).host
    assert len(made) > config_drive.PIECE
    servers.change_metadata(cloud.compute, cloud.context, server_id, lambda old: {"less": "now"})
    act(cloud, moves.live_migrate, server_id, None)
    assert cloud.server(server_id).host != source, tests.reason(cloud, server_id)
    assert volume(cloud, server_id) == made
    assert act(cloud, lifecycle.reboot, server_id, "HARD") is State.ACTIVE
    assert volume(cloud, server_id) == made
    tests.settled(cloud, server_id)


def test_a_live_migration_that_fails_leaves_no_second_one(cloud: Cloud) -> None:
    server_id = with_drive(cloud)
    made, source = volume(cloud, server_id), cloud.server(server_id).host
    for host in cloud.hosts.values():
        host.hypervisor.migrations_fail = True
    act(cloud, moves.live_migrate, server_id, None)
    assert cloud.server(server_id).host == source and volume(cloud, server_id) == made
    tests.settled(cloud, server_id)


@pytest.mark.parametrize("ending", ["confirm", "revert"])
def test_a_resized_guest_has_a_new_one_where_it_is_started(cloud: Cloud, ending: str) -> None:
    server_id = with_drive(cloud)
    old, made = cloud.server(server_id).host, volume(cloud, server_id)
    server = tests.resize(cloud, server_id)
    assert sorted(filter(None, holders(cloud, server_id))) == sorted(filter(None, (old, server.host)))
    ami = json.loads(read(made, rr_path="/")["ec2/latest/meta-data.json"])["ami-id"]
    getattr(tests, ending)(cloud, server_id)
    told = meta(cloud, server_id, "ec2/latest/meta-data.json")
    assert (told["instance-type"], told["ami-id"]) == (cloud.server(server_id).flavor.name, ami)
    assert ending == "confirm" or volume(cloud, server_id) == made
    tests.settled(cloud, server_id)


@pytest.mark.parametrize("ending", ["confirm", "revert"])
def test_a_resize_on_one_host_has_it_of_the_flavor_that_runs(
    tmp_path: Path, database: Database, clock: ManualClock, ending: str
) -> None:
    cloud = Cloud(tmp_path, database, clock, hosts=1)
    cloud.conductor_options = replace(cloud.conductor_options, allow_resize_to_same_host=True)
    cloud.restart("conductor")
    server_id = with_drive(cloud)
    for _ in ("resized", ending):
        server = getattr(tests, ending)(cloud, server_id) if _ == ending else tests.resize(cloud, server_id)
        assert meta(cloud, server_id, "ec2/latest/meta-data.json")["instance-type"] == server.flavor.name
    tests.settled(cloud, server_id)


def test_evacuated_and_unshelved_guests_have_a_new_one(cloud: Cloud) -> None:
    server_id = with_drive(cloud)
    old = cloud.server(server_id).host or ""
    tests.power_off(cloud, old)
    tests.silence(cloud)
    act(cloud, moves.evacuate, server_id, None)
    cloud.hosts[old].start()
    tests.silence(cloud)
    assert cloud.server(server_id).host != old
    assert content(cloud, server_id)["openstack/latest/user_data"] == DATA
    assert act(cloud, shelve.shelve, server_id) is State.SHELVED_OFFLOADED
    assert holders(cloud, server_id) == []
    assert act(cloud, shelve.unshelve, server_id) is State.ACTIVE
    assert content(cloud, server_id)["openstack/latest/user_data"] == DATA
    tests.settled(cloud, server_id)


def test_the_audit_names_one_that_is_left(cloud: Cloud) -> None:
    """I-03."""
    server_id = with_drive(cloud)
    host, made = cloud.server(server_id).host or "", volume(cloud, server_id)
    delete(cloud, server_id)
    cloud.settle()
    cloud.hosts[host].agent._instances.claim(server_id, 100, create=True)
    path(cloud, server_id, host).write_bytes(made)
    (found,) = cloud.audit()
    assert found.invariant == "I-03" and server_id in str(found)


POINTS = ["compute.config_drive.before_publish", "compute.config_drive.after_publish"]


@pytest.mark.parametrize("times", (1, 3))
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("flow", ["build", "live"])
def test_a_host_that_dies_while_it_is_made_makes_it(cloud: Cloud, flow: str, point: str, times: int) -> None:
    """F-05, F-18: whole or not at all, and the operation goes on."""
    server_id = with_drive(cloud) if flow != "build" else ""
    arm(point, f"crash*{times}")
    if flow == "build":
        server_id = with_drive(cloud)
    else:
        act(cloud, moves.live_migrate, server_id, None)
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    server = cloud.server(server_id)
    assert (server.state, server.power) == (State.ACTIVE, Power.RUNNING), tests.reason(cloud, server_id)
    assert content(cloud, server_id)["openstack/latest/user_data"] == DATA
    directory = path(cloud, server_id).parent
    assert {entry.name for entry in directory.iterdir()} <= {"config", "fence", "console.log"}, "no half of one"
    tests.settled(cloud, server_id)
