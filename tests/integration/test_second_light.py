"""Second light: a controller and two compute hosts, and the rest of the Install Guide's story with the stock client.

The tests build on each other in the order of this file, as the story does: one private network with a router, two
guests of an ordinary user on two hosts. More about guests that move, and hosts that die: test_moves.py, test_hosts.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.fleet import ROOT_ONLY, FleetRig, eventually
from tests.integration.story import Guest, Story, ask, screen

pytestmark = [pytest.mark.root, pytest.mark.timeout(400), ROOT_ONLY]

PATTERN = "the quick brown fox jumps over two hosts"


@pytest.fixture(scope="module")
def story(fleet: FleetRig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    told = Story(fleet, tmp_path_factory.mktemp("story"))
    yield told
    told.close()


@pytest.fixture(scope="module")
def network(story: Story) -> str:
    """A self-service network of the demo user behind a router, and a group that lets ssh and ping in."""
    story.words("network", "create", "mine")
    story.words("subnet", "create", "--network", "mine", "--subnet-range", "10.77.0.0/24", "mine-subnet")
    story.words("router", "create", "r1")
    story.words("router", "set", "--external-gateway", "public", "r1")
    story.words("router", "add", "subnet", "r1", "mine-subnet")
    story.words("security", "group", "create", "web")
    story.words("security", "group", "rule", "create", "--protocol", "tcp", "--dst-port", "22", "web")
    story.words("security", "group", "rule", "create", "--protocol", "icmp", "web")
    story.words("server", "group", "create", "--policy", "anti-affinity", "apart")
    return "mine"


@pytest.fixture(scope="module")
def pair(story: Story, network: str) -> tuple[Guest, Guest]:
    """web1 and web2, kept apart by their server group: on two hosts."""
    group = story.json("server", "group", "show", "apart")["id"]
    options = ("--security-group", "web", "--hint", f"group={group}")
    first = story.boot("web1", network, *options, ready=False)
    second = story.boot("web2", network, *options)
    story.ready(first)
    return first, second


def test_two_guests_of_a_group_are_on_two_hosts_and_reach_each_other(story: Story, pair: tuple[Guest, Guest]) -> None:
    first, second = pair
    assert {first.host, second.host} == set(story.fleet.computes)
    assert "0% packet loss" in story.said(first, f"ping -c 2 -w 10 {second.fixed}")
    assert "mtu 1450" in story.said(first, "ip link show eth0")


def test_a_guest_behind_a_router_reads_its_metadata_and_reaches_the_world(
    story: Story, pair: tuple[Guest, Guest]
) -> None:
    first, _ = pair
    said = story.said(first, "timeout 10 wget -q -O - http://169.254.169.254/latest/meta-data/local-ipv4")
    assert said == first.fixed
    public = story.said(first, "timeout 10 wget -q -O - http://169.254.169.254/latest/meta-data/public-ipv4")
    assert public == first.floating


def test_what_is_written_on_a_volume_at_one_guest_is_read_at_the_other(story: Story, pair: tuple[Guest, Guest]) -> None:
    """A-…: attach, detach and attach again on another host, live."""
    first, second = pair
    story.words("volume", "create", "--size", "1", "data")
    eventually(lambda: story.json("volume", "show", "data")["status"] == "available", 30, "the volume is there")
    story.words("server", "add", "volume", "web1", "data")
    device = disk_of(story, first, "data")
    story.said(first, f"echo '{PATTERN}' | dd of=/dev/{device} bs=4096 conv=sync,fsync 2>/dev/null")
    story.words("server", "remove", "volume", "web1", "data")
    eventually(lambda: story.json("volume", "show", "data")["status"] == "available", 60, "the volume is free")
    story.words("server", "add", "volume", "web2", "data")
    device = disk_of(story, second, "data")
    assert PATTERN in story.said(second, f"dd if=/dev/{device} bs=4096 count=1 2>/dev/null")


def disk_of(story: Story, guest: Guest, volume: str) -> str:
    """The guest's name of the disk whose serial number is the volume's id (its first 20 characters)."""
    serial = story.json("volume", "show", volume)["id"][:20]
    look = "for d in /sys/block/vd*; do echo $(basename $d) $(cat $d/serial); done"

    def found() -> str | None:
        rows = [line.split() for line in story.said(guest, look).splitlines()]
        return next((row[0] for row in rows if len(row) == 2 and row[1].startswith(serial)), None)

    return str(eventually(found, 30, f"{volume} in {guest.name}"))


def test_a_snapshot_keeps_what_was_there_and_a_volume_from_it_has_it(story: Story, pair: tuple[Guest, Guest]) -> None:
    _, second = pair
    story.words("volume", "snapshot", "create", "--volume", "data", "--force", "before")
    eventually(lambda: story.json("volume", "snapshot", "show", "before")["status"] == "available", 30, "a snapshot")
    device = disk_of(story, second, "data")
    story.said(second, f"echo overwritten | dd of=/dev/{device} bs=4096 conv=sync,fsync 2>/dev/null")
    story.words("volume", "create", "--snapshot", "before", "copy")
    eventually(lambda: story.json("volume", "show", "copy")["status"] == "available", 30, "the copy")
    story.words("server", "add", "volume", "web2", "copy")
    device = disk_of(story, second, "copy")
    assert PATTERN in story.said(second, f"dd if=/dev/{device} bs=4096 count=1 2>/dev/null")


def test_a_server_boots_from_a_volume_made_of_an_image(story: Story, network: str) -> None:
    story.words("volume", "create", "--image", "tinyguest", "--bootable", "--size", "1", "root")
    eventually(lambda: story.json("volume", "show", "root")["status"] == "available", 60, "the bootable volume")
    guest = story.boot("rooted", network, "--volume", "root", "--security-group", "web", image="")
    assert story.said(guest, "cat /sys/block/vda/serial").startswith(story.json("volume", "show", "root")["id"][:20])
    story.delete(guest)
    assert story.json("volume", "show", "root")["status"] == "available"
    story.words("volume", "delete", "root")


def test_a_snapshot_of_a_running_server_boots_with_what_it_had(
    story: Story, network: str, pair: tuple[Guest, Guest]
) -> None:
    first, _ = pair
    story.said(first, f"echo '{PATTERN}' > /root/written; sync")
    story.words("server", "image", "create", "--name", "snap", "--wait", "web1")
    assert story.json("image", "show", "snap")["status"] == "active"
    twin = story.boot("twin", network, "--security-group", "web", image="snap")
    assert story.said(twin, "cat /root/written") == PATTERN
    story.delete(twin)
    story.words("image", "delete", "snap")


@pytest.mark.parametrize(
    ("there", "status", "back"),
    [("pause", "PAUSED", "unpause"), ("suspend", "SUSPENDED", "resume"), ("shelve", "SHELVED_OFFLOADED", "unshelve")],
    ids=["pause", "suspend", "shelve"],
)
def test_a_guest_comes_back_as_it_was(
    story: Story, pair: tuple[Guest, Guest], there: str, status: str, back: str
) -> None:
    first, _ = pair
    story.words("server", there, "web1")
    story.until(first.id, status)
    story.words("server", back, "web1")
    story.until(first.id, "ACTIVE")
    story.ready(first)
    assert story.said(first, "cat /root/written") == PATTERN


def test_rescue_shows_the_old_disk_and_rebuild_starts_anew(story: Story, pair: tuple[Guest, Guest]) -> None:
    first, _ = pair
    story.words("server", "rescue", "web1")
    story.until(first.id, "RESCUE")
    story.ready(first)
    assert story.said(first, "ls /sys/block | grep -c vd") >= "2"
    story.words("server", "unrescue", "web1")
    story.until(first.id, "ACTIVE")
    story.ready(first)
    assert story.said(first, "cat /root/written") == PATTERN
    story.words("server", "rebuild", "--image", "tinyguest", "--wait", "web1")
    story.ready(first)
    assert story.shell(first, "cat /root/written").returncode != 0


def test_a_removed_floating_ip_cuts_the_open_connection(story: Story, pair: tuple[Guest, Guest]) -> None:
    first, _ = pair
    with story.connection(first) as session:
        assert ask(session, "hello") == "hello"
        story.words("server", "remove", "floating", "ip", "web1", first.floating)
        eventually(lambda: not story.answers(first), 30, "nobody answers at the address")
        story.words("server", "add", "floating", "ip", "web1", first.floating)
        story.ready(first)
    assert story.said(first, "echo back") == "back"


def test_a_guest_takes_its_volume_and_an_open_connection_along(story: Story, pair: tuple[Guest, Guest]) -> None:
    """The stock client's live and cold migration; no rule of web1's group is in the way once web1 has left it."""
    _, second = pair
    story.words("server", "delete", "--wait", "web1")
    device = disk_of(story, second, "copy")
    with story.connection(second) as session:
        assert ask(session, "before") == "before"
        story.words("server", "migrate", "--live-migration", "--wait", second.id, who="devstack")
        story.until(second.id, "ACTIVE", 90)
        assert story.host_of(second.id) != second.host
        assert ask(session, "after") == "after"
    assert PATTERN in story.said(second, f"dd if=/dev/{device} bs=4096 count=1 iflag=direct 2>/dev/null")
    story.words("server", "migrate", "--wait", second.id, who="devstack")
    story.until(second.id, "VERIFY_RESIZE", 90)
    story.words("server", "migration", "confirm", second.id, who="devstack")
    story.until(second.id, "ACTIVE")
    assert story.host_of(second.id) == second.host
    story.ready(second)
    device = disk_of(story, second, "copy")
    assert PATTERN in story.said(second, f"dd if=/dev/{device} bs=4096 count=1 2>/dev/null")


def test_lists_of_the_second_light_are_true(story: Story, pair: tuple[Guest, Guest]) -> None:
    kinds = {(row["Agent Type"], row["Host"]) for row in story.json("network", "agent", "list", who="devstack")}
    assert {("L3 agent", "controller"), ("DHCP agent", "controller"), ("Linux bridge agent", "compute1")} <= kinds
    assert {row["Host"] for row in story.json("volume", "service", "list", who="devstack")} == {"controller"}
    stats = story.json("hypervisor", "stats", "show", who="devstack")
    assert stats["count"] == 2
    url = story.json("console", "url", "show", "web2")["url"]
    assert screen(url).startswith(b"RFB "), "the guest's screen, on another host than the console"
    assert not screen(url).startswith(b"RFB "), "a token opens it once"
    usage = story.json("usage", "show", "--project", "demo", who="devstack")
    assert float(usage["CPU Hours"]) > 0
    limits = {row["Name"]: row["Value"] for row in story.json("limits", "show", "--absolute")}
    assert limits["instances_used"] == 1


def test_nothing_is_left_and_the_audit_finds_nothing(story: Story, pair: tuple[Guest, Guest]) -> None:
    story.fleet.check()
    first, second = pair
    story.delete(second)
    story.words("floating", "ip", "delete", first.floating)
    story.words("volume", "delete", "copy")
    story.words("volume", "snapshot", "delete", "before")
    eventually(lambda: not story.json("volume", "snapshot", "list"), 30, "the snapshot goes")
    story.words("volume", "delete", "data")
    story.words("router", "remove", "subnet", "r1", "mine-subnet")
    story.words("router", "delete", "r1")
    story.words("network", "delete", "mine")
    story.words("security", "group", "delete", "web")
    story.words("server", "group", "delete", "apart")
    eventually(lambda: not story.json("volume", "list"), 30, "the volumes go")
    story.fleet.check()
