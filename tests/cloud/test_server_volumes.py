"""Volumes attached to servers, alone, in crowds and in the way of each other; servers that boot from volumes."""

from __future__ import annotations

import threading

import pytest

from iaas.compute import attachments, lifecycle
from iaas.compute.attachments import NewAttachment
from iaas.db import operations
from iaas.errors import Conflict, Error, Forbidden, Invalid, NotFound
from iaas.model.order import Power
from iaas.model.server import State
from iaas.model.server_request import DiskSource, DiskWish
from iaas.volume import snapshots
from tests.cloud import volumes
from tests.cloud.attached import ask, attach, detach, plugged, root, served, status
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, delete, left_behind


@pytest.fixture(autouse=True)
def _volume_hosts(cloud: Cloud) -> None:
    cloud.add_volumes(2)


def kinds(cloud: Cloud, server_id: str) -> list[tuple[str, str]]:
    with cloud.database.read() as tx:
        return [(item.kind, item.state) for item in reversed(operations.of_resource(tx, "server", server_id))]


def test_a_volume_is_attached_and_detached_again(cloud: Cloud) -> None:
    """A-078, A-079."""
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    made = ask(cloud, server_id, volume_id)
    assert (made.device, status(cloud, volume_id)) == ("vdb", "attaching")
    cloud.settle()
    assert (status(cloud, volume_id), plugged(cloud, server_id), served(cloud)) == ("in-use", [volume_id], [volume_id])
    assert cloud.audit() == []
    detach(cloud, server_id, volume_id)
    assert status(cloud, volume_id) == "detaching"
    cloud.settle()
    assert (status(cloud, volume_id), plugged(cloud, server_id), served(cloud)) == ("available", [], [])
    assert kinds(cloud, server_id) == [
        ("server.create", "done"), ("server.attach_volume", "done"), ("server.detach_volume", "done")
    ]  # fmt: skip
    assert cloud.audit() == []


def test_its_data_go_with_the_volume_from_one_server_to_another(cloud: Cloud) -> None:
    """A-150: the same export bytes, another guest."""
    first, second, volume_id = boot(cloud), boot(cloud), volumes.make(cloud)
    attach(cloud, first, volume_id)
    with pytest.raises(Invalid):
        ask(cloud, second, volume_id)
    detach(cloud, first, volume_id)
    cloud.settle()
    attach(cloud, second, volume_id)
    assert (plugged(cloud, first), plugged(cloud, second)) == ([], [volume_id])
    assert cloud.audit() == []


def test_a_server_that_is_off_gets_its_volume_at_the_next_start(cloud: Cloud) -> None:
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    lifecycle.stop(cloud.compute, cloud.context, server_id)
    cloud.settle()
    attach(cloud, server_id, volume_id)
    assert plugged(cloud, server_id) == [volume_id]
    lifecycle.start(cloud.compute, cloud.context, server_id)
    cloud.settle()
    assert plugged(cloud, server_id) == [volume_id]
    assert cloud.audit() == []


@pytest.mark.parametrize("how", ["start", "hard"])
def test_a_lost_definition_comes_back_with_the_volumes(cloud: Cloud, how: str) -> None:
    """F-54."""
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    attach(cloud, server_id, volume_id)
    host = cloud.hosts[cloud.server(server_id).host or ""]
    if how == "start":
        lifecycle.stop(cloud.compute, cloud.context, server_id)
        cloud.settle()
        del host.hypervisor.domains[server_id]
        lifecycle.start(cloud.compute, cloud.context, server_id)
    else:
        lifecycle.reboot(cloud.compute, cloud.context, server_id, "HARD")
    cloud.settle()
    assert plugged(cloud, server_id) == [volume_id]
    assert cloud.audit() == []


def test_several_volumes_at_once_and_a_stop_right_after_are_all_accepted(cloud: Cloud) -> None:
    server_id = boot(cloud)
    made = [volumes.make(cloud) for _ in range(3)]
    devices = [ask(cloud, server_id, volume_id).device for volume_id in made]
    assert devices == ["vdb", "vdc", "vdd"]
    lifecycle.stop(cloud.compute, cloud.context, server_id)
    assert cloud.server(server_id).task == "powering-off"
    cloud.settle()
    assert cloud.server(server_id).state is State.STOPPED
    assert plugged(cloud, server_id) == sorted(made)
    assert {status(cloud, volume_id) for volume_id in made} == {"in-use"}
    assert {state for _, state in kinds(cloud, server_id)} == {"done"}
    assert cloud.audit() == []


def test_a_stop_takes_over_from_an_attachment_that_goes_on_later(cloud: Cloud) -> None:
    """The guest does not let go of one volume while the server is stopped: the stop does not wait for it."""
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    attach(cloud, server_id, volume_id)
    host = cloud.hosts[cloud.server(server_id).host or ""]
    host.hypervisor.obeys_unplug = False
    detach(cloud, server_id, volume_id)
    lifecycle.stop(cloud.compute, cloud.context, server_id)
    cloud.settle()
    assert cloud.server(server_id).state is State.STOPPED
    assert (status(cloud, volume_id), plugged(cloud, server_id)) == ("available", [])
    assert cloud.audit() == []


def test_users_never_see_the_task(cloud: Cloud) -> None:
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    ask(cloud, server_id, volume_id)
    cloud.deliver()
    server = cloud.server(server_id)
    assert server.shown_task is None and server.status == "ACTIVE"
    cloud.settle()


def test_a_guest_that_keeps_its_volume_has_it_still(cloud: Cloud) -> None:
    """F-08: never available while plugged."""
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    attach(cloud, server_id, volume_id)
    host = cloud.hosts[cloud.server(server_id).host or ""]
    host.hypervisor.obeys_unplug = False
    detach(cloud, server_id, volume_id)
    cloud.settle()
    assert (status(cloud, volume_id), plugged(cloud, server_id), served(cloud)) == ("in-use", [volume_id], [volume_id])
    assert kinds(cloud, server_id)[-1] == ("server.detach_volume", "failed")
    assert cloud.audit() == []
    host.hypervisor.obeys_unplug = True
    detach(cloud, server_id, volume_id)
    cloud.settle()
    assert status(cloud, volume_id) == "available"


def test_a_host_that_refuses_the_disk_leaves_the_volume_free(cloud: Cloud) -> None:
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    host = cloud.hosts[cloud.server(server_id).host or ""]
    host.hypervisor.fail("plug", Conflict("no"))
    attach(cloud, server_id, volume_id)
    assert (status(cloud, volume_id), plugged(cloud, server_id), served(cloud)) == ("available", [], [])
    assert cloud.server(server_id).state is State.ACTIVE
    assert cloud.audit() == []


def test_without_its_volume_host_an_attachment_ends_in_words(cloud: Cloud) -> None:
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    cloud.kill(volumes.volume(cloud, volume_id).host or "")
    for _ in range(8):
        cloud.tick()
    attach(cloud, server_id, volume_id)
    with cloud.database.read() as tx:
        last = operations.of_resource(tx, "server", server_id)[0]
    assert (last.state, last.error) == ("failed", "The volume host is down.")
    assert status(cloud, volume_id) == "available"


def test_a_detach_waits_for_a_host_that_is_down(cloud: Cloud) -> None:
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    attach(cloud, server_id, volume_id)
    host = cloud.server(server_id).host or ""
    cloud.kill(host)
    for _ in range(8):
        cloud.tick()
    detach(cloud, server_id, volume_id)
    for _ in range(20):
        cloud.tick()
    assert status(cloud, volume_id) == "detaching"
    cloud.hosts[host].start()
    cloud.settle()
    assert (status(cloud, volume_id), plugged(cloud, server_id)) == ("available", [])
    assert cloud.audit() == []


def test_a_delete_ends_what_waits_and_frees_every_volume(cloud: Cloud) -> None:
    """I-12, S-104: no leaked reservation."""
    server_id = boot(cloud)
    kept, gone, waiting = (volumes.make(cloud) for _ in range(3))
    attach(cloud, server_id, kept)
    attach(cloud, server_id, gone, delete_on_termination=True)
    ask(cloud, server_id, waiting)
    delete(cloud, server_id)
    cloud.settle()
    assert left_behind(cloud, server_id) == []
    assert [status(cloud, id) for id in (kept, gone, waiting)] == ["available", "deleted", "available"]
    assert served(cloud) == []
    assert cloud.audit() == []


def test_whether_a_volume_ends_with_the_server_can_be_changed(cloud: Cloud) -> None:
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    attach(cloud, server_id, volume_id)
    attachments.keep(cloud.compute, cloud.context, server_id, volume_id, True)
    assert attachments.one(cloud.compute, cloud.context, server_id, volume_id).delete_on_termination
    delete(cloud, server_id)
    cloud.settle()
    assert status(cloud, volume_id) == "deleted"


def test_of_fifty_racing_attaches_of_one_volume_exactly_one_wins(cloud: Cloud) -> None:
    """A-153, C-07."""
    servers = [boot(cloud) for _ in range(5)]
    volume_id = volumes.make(cloud)
    outcomes: list[str] = []

    def race(server_id: str) -> None:
        try:
            attachments.attach(cloud.compute, cloud.context, server_id, NewAttachment(volume_id=volume_id))
            outcomes.append("won")
        except Error as error:
            outcomes.append(error.kind)

    threads = [threading.Thread(target=race, args=(servers[number % 5],)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["invalid"] * 49 + ["won"]
    cloud.settle()
    assert sum(plugged(cloud, server_id) == [volume_id] for server_id in servers) == 1
    assert status(cloud, volume_id) == "in-use"
    assert cloud.audit() == []


def test_what_may_not_be_attached_or_detached(cloud: Cloud) -> None:
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    with pytest.raises(NotFound):
        ask(cloud, server_id, "00000000-0000-4000-8000-000000000000")
    with pytest.raises(NotFound):
        detach(cloud, server_id, volume_id)
    lifecycle.stop(cloud.compute, cloud.context, server_id)
    with pytest.raises(Conflict):
        ask(cloud, server_id, volume_id)
    cloud.settle()
    lifecycle.lock(cloud.compute, cloud.context, server_id)
    with pytest.raises(Conflict):
        ask(cloud, server_id, volume_id)
    assert status(cloud, volume_id) == "available"


def test_a_guest_that_an_io_error_paused_goes_on_when_its_volume_is_served_again(cloud: Cloud) -> None:
    """F-66."""
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    attach(cloud, server_id, volume_id)
    hypervisor = cloud.hosts[cloud.server(server_id).host or ""].hypervisor
    hypervisor.storage_away = True
    hypervisor.breaks(server_id)
    for _ in range(10):
        cloud.tick()
    server = cloud.server(server_id)
    assert (server.state, server.power) == (State.ACTIVE, Power.PAUSED), "told as it is"
    hypervisor.storage_away = False
    for _ in range(5):
        cloud.tick()
    server = cloud.server(server_id)
    assert (server.state, server.power) == (State.ACTIVE, Power.RUNNING)
    assert cloud.audit() == []


# -- boot from volume -------------------------------------------------------------------------------------------------


def test_a_server_boots_from_a_new_volume(cloud: Cloud) -> None:
    """A-156."""
    server_id = boot(cloud, image_id=None, disks=(root(cloud),))
    server = cloud.server(server_id)
    assert (server.state, server.image_id) == (State.ACTIVE, None)
    [found] = attachments.of_server(cloud.compute, cloud.context, server_id)
    assert (found.device, found.boot_index, found.state) == ("vda", 0, "attached")
    assert plugged(cloud, server_id) == [found.volume_id]
    host = cloud.hosts[server.host or ""]
    assert host.disks.made[server_id] == ()
    with pytest.raises(Forbidden):
        detach(cloud, server_id, found.volume_id)
    assert cloud.audit() == []
    delete(cloud, server_id)
    cloud.settle()
    assert (left_behind(cloud, server_id), status(cloud, found.volume_id)) == ([], "available")
    again = boot(cloud, image_id=None, disks=(DiskWish(source=DiskSource.VOLUME, id=found.volume_id, boot_index=0),))
    assert cloud.server(again).state is State.ACTIVE
    assert plugged(cloud, again) == [found.volume_id]
    assert cloud.audit() == []


def test_a_server_boots_from_a_snapshot_of_a_bootable_volume(cloud: Cloud) -> None:
    first = boot(cloud, image_id=None, disks=(root(cloud, delete_on_termination=True),))
    [source] = attachments.of_server(cloud.compute, cloud.context, first)
    wish = snapshots.NewSnapshot(volume_id=source.volume_id, name="s", force=True)
    snapshot_id = snapshots.create(cloud.volumes, cloud.context, wish)
    cloud.settle()
    disk = DiskWish(source=DiskSource.SNAPSHOT, id=snapshot_id, boot_index=0, delete_on_termination=True)
    second = boot(cloud, image_id=None, disks=(disk,))
    assert cloud.server(second).state is State.ACTIVE, cloud.server(second).fault
    [copy] = attachments.of_server(cloud.compute, cloud.context, second)
    assert copy.volume_id != source.volume_id and plugged(cloud, second) == [copy.volume_id]
    assert cloud.audit() == []
    for server_id in (second, first):
        delete(cloud, server_id)
        cloud.settle()
    assert (status(cloud, copy.volume_id), status(cloud, source.volume_id)) == ("deleted", "available")
    assert cloud.audit() == []


def test_further_volumes_come_with_the_server(cloud: Cloud) -> None:
    volume_id = volumes.make(cloud)
    disks = (
        DiskWish(source=DiskSource.VOLUME, id=volume_id, tag="logs"),
        DiskWish(source=DiskSource.BLANK, id=None, size_gb=2, device="/dev/vdb", delete_on_termination=True),
    )
    server_id = boot(cloud, disks=disks)
    found = attachments.of_server(cloud.compute, cloud.context, server_id)
    assert [item.device for item in found] == ["vdb", "vdc"]
    blank = found[0].volume_id
    assert (found[1].volume_id, found[1].tag) == (volume_id, "logs")
    assert cloud.audit() == []
    delete(cloud, server_id)
    cloud.settle()
    assert (status(cloud, volume_id), status(cloud, blank)) == ("available", "deleted")


def test_another_host_is_tried_with_the_volumes(cloud: Cloud) -> None:
    once: list[Exception] = [Conflict("no")]
    for host in cloud.hosts.values():
        host.disks._failures = once  # the first one that is tried
    server_id = boot(cloud, image_id=None, disks=(root(cloud),))
    assert cloud.server(server_id).state is State.ACTIVE
    assert once == []
    assert len(plugged(cloud, server_id)) == 1
    assert cloud.audit() == []


def test_a_volume_that_can_not_be_made_is_the_servers_fault(cloud: Cloud) -> None:
    for host in cloud.volume_hosts.values():
        host.kill()
    for _ in range(8):
        cloud.tick()
    server_id = boot(cloud, image_id=None, disks=(root(cloud),))
    server = cloud.server(server_id)
    assert server.state is State.ERROR
    assert "could not be made" in (server.fault or {})["message"]
    for host in cloud.volume_hosts.values():
        host.start()
    delete(cloud, server_id)
    cloud.settle()
    assert left_behind(cloud, server_id) == []
    assert cloud.audit() == []


def test_a_server_without_a_host_gives_its_volume_back_when_it_is_deleted(cloud: Cloud) -> None:
    volume_id = volumes.make(cloud)
    for host in cloud.hosts.values():
        host.kill()
    for _ in range(8):
        cloud.tick()
    server_id = boot(cloud, disks=(DiskWish(source=DiskSource.VOLUME, id=volume_id),))
    assert (cloud.server(server_id).state, status(cloud, volume_id)) == (State.ERROR, "reserved")
    delete(cloud, server_id)
    cloud.settle()
    assert status(cloud, volume_id) == "available"
