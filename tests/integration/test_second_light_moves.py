"""Second light, the part where guests move: resize, cold and live migration, evacuation with the old host coming back.

Stock client, real guests, a controller and two compute hosts. In the order of this file.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.fleet import ROOT_ONLY, FleetRig, eventually
from tests.integration.story import Guest, Story, ask

pytestmark = [pytest.mark.root, pytest.mark.timeout(400), ROOT_ONLY]


@pytest.fixture(scope="module")
def story(fleet: FleetRig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    told = Story(fleet, tmp_path_factory.mktemp("moves"))
    yield told
    told.close()


@pytest.fixture(scope="module")
def mover(story: Story) -> Iterator[Guest]:
    """A guest with a volume, on a self-service network behind a router."""
    story.words("network", "create", "road")
    story.words("subnet", "create", "--network", "road", "--subnet-range", "10.78.0.0/24", "road-subnet")
    story.words("router", "create", "r2")
    story.words("router", "set", "--external-gateway", "public", "r2")
    story.words("router", "add", "subnet", "r2", "road-subnet")
    story.words("volume", "create", "--size", "1", "luggage")
    guest = story.boot("mover", "road")
    eventually(lambda: story.json("volume", "show", "luggage")["status"] == "available", 30, "the volume")
    story.words("server", "add", "volume", "mover", "luggage")
    eventually(lambda: "vdb" in story.said(guest, "ls /sys/block"), 30, "the volume in the guest")
    story.said(guest, "echo here before > /root/diary; echo luggage | dd of=/dev/vdb bs=4096 conv=sync,fsync; sync")
    yield guest
    story.delete(guest)
    story.words("volume", "delete", "luggage")
    story.words("router", "remove", "subnet", "r2", "road-subnet")
    story.words("router", "delete", "r2")
    story.words("network", "delete", "road")
    eventually(lambda: not story.json("volume", "list"), 30, "the volume goes")
    eventually(lambda: story.fleet.audit() == [], 60, "the audit finds nothing")


def intact(story: Story, guest: Guest) -> None:
    assert story.said(guest, "cat /root/diary") == "here before"
    assert luggage(story, guest) == "luggage"


def luggage(story: Story, guest: Guest) -> str:
    return story.said(guest, "dd if=/dev/vdb bs=4096 count=1 2>/dev/null | head -n 1")


def test_a_live_migration_keeps_an_open_connection_and_the_volume(story: Story, mover: Guest) -> None:
    before = story.host_of(mover.id)
    with story.connection(mover) as session:
        assert ask(session, "before") == "before"
        story.words("server", "migrate", "--live-migration", "--wait", mover.id, who="devstack")
        story.until(mover.id, "ACTIVE", 90)
        assert story.host_of(mover.id) != before
        assert ask(session, "after") == "after"
    intact(story, mover)
    assert mover.id not in story.fleet.guests(before)


def test_a_cold_migration_and_a_resize_keep_the_disk(story: Story, mover: Guest) -> None:
    before = story.host_of(mover.id)
    story.words("server", "migrate", "--wait", mover.id, who="devstack")
    story.until(mover.id, "VERIFY_RESIZE", 90)
    story.words("server", "migration", "confirm", mover.id, who="devstack")
    story.until(mover.id, "ACTIVE")
    assert story.host_of(mover.id) != before
    story.ready(mover)
    intact(story, mover)
    story.words("flavor", "create", "--ram", "160", "--vcpus", "1", "--disk", "1", "wider", who="devstack")
    story.words("server", "resize", "--flavor", "wider", "--wait", "mover")
    story.until(mover.id, "VERIFY_RESIZE", 90)
    story.ready(mover)
    assert int(story.said(mover, "awk '/MemTotal/ {print $2}' /proc/meminfo")) > 120_000
    intact(story, mover)
    story.words("server", "resize", "revert", "mover")
    story.until(mover.id, "ACTIVE", 90)
    story.ready(mover)
    intact(story, mover)
    story.words("server", "resize", "--flavor", "wider", "--wait", "mover")
    story.until(mover.id, "VERIFY_RESIZE", 90)
    story.words("server", "resize", "confirm", "mover")
    story.until(mover.id, "ACTIVE")


def test_an_evacuated_server_runs_elsewhere_and_the_old_host_keeps_nothing(story: Story, mover: Guest) -> None:
    """F-52: power cut, evacuation, and the old host coming back."""
    fleet, before = story.fleet, story.host_of(mover.id)
    fleet.kill(before)
    eventually(lambda: ("compute", before) not in fleet.beating(), 30, f"{before} is seen down")
    story.words("server", "evacuate", mover.id, who="devstack")
    story.until(mover.id, "ACTIVE", 120)
    assert story.host_of(mover.id) != before
    story.ready(mover)
    assert luggage(story, mover) == "luggage"
    fleet.start(before)
    fleet.wait_for_all()
    eventually(lambda: mover.id not in fleet.guests(before), 30, "the old host keeps no guest")
    story.said(mover, "echo here before > /root/diary; sync")
    eventually(lambda: fleet.audit() == [], 60, "the audit finds nothing")


def test_a_partitioned_host_does_not_run_what_was_evacuated(story: Story, mover: Guest) -> None:
    """F-48, F-49: the guest of the lost side runs on unseen; cut off from its volume, ended when the host is back."""
    fleet, before = story.fleet, story.host_of(mover.id)
    fleet.partition(before)
    eventually(lambda: ("compute", before) not in fleet.beating(), 30, f"{before} is seen down")
    story.words("server", "evacuate", mover.id, who="devstack")
    story.until(mover.id, "ACTIVE", 120)
    story.ready(mover)
    fleet.heal(before)
    eventually(lambda: mover.id not in fleet.guests(before), 60, "the old guest is destroyed")
    fleet.wait_for_all()
    assert luggage(story, mover) == "luggage"
    story.said(mover, "echo still here")
