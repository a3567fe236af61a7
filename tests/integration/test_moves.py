"""Servers that move between real hosts: with an open connection, with their disk, away from a host without power."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from devstack.stack.cloud import KEY
from tests.evilimg import header
from tests.integration.fleet import BOOTED, ROOT_ONLY, FleetRig, eventually

pytestmark = [pytest.mark.root, pytest.mark.timeout(400), ROOT_ONLY]
VERSION = "2.84"
PLANTED = header.qcow2(backing=b"/etc/passwd")[:4608]  # as much as a command may be long


USER_DATA = b"#!/bin/sh\necho done by the config drive\n"
SUMS = "find . -type f | sort | xargs md5sum"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Guest:
    """A server of the demo project with a floating address, and a way into it; /dev/vdb is a raw disk of its own."""

    def __init__(self, fleet: FleetRig, name: str) -> None:
        self.fleet, user, flavors = fleet, fleet.demo, fleet.admin.compute
        flavor = flavors.find_flavor("m1.swap") or flavors.create_flavor(
            name="m1.swap", ram=128, vcpus=1, disk=1, swap=1
        )
        made = user.compute.create_server(
            name=name, flavor_id=flavor.id, image_id=fleet.furniture.image, key_name=KEY,
            networks=[{"uuid": fleet.furniture.network}], config_drive=True, user_data=encoded(USER_DATA),
        )  # fmt: skip
        self.id = made.id
        user.compute.wait_for_server(made, interval=0.5, wait=120)
        port = next(user.network.ports(device_id=self.id))
        public = user.network.find_network("public")
        self.address = user.network.create_ip(floating_network_id=public.id, port_id=port.id)
        self.ready()

    def ssh(self, command: str) -> list[str]:
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=5")
        flags = [word for option in options for word in ("-o", option)]
        key = str(self.fleet.state / "id_ed25519")
        return ["ssh", *flags, "-i", key, f"root@{self.address.floating_ip_address}", command]

    def says(self, command: str) -> str | None:
        """What the command prints; None when it fails, or when nothing more comes through the connection."""
        try:
            done = subprocess.run(self.ssh(command), capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    def plant(self) -> None:
        """What would make the raw disk another file of the host's, if anybody guessed its format."""
        text = base64.b64encode(PLANTED).decode()
        write = f"swapoff /dev/vdb; echo {text} | base64 -d | dd of=/dev/vdb bs=4608 iflag=fullblock conv=fsync"
        assert self.says(write) is not None

    def planted(self) -> bool:
        found = self.says("echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/vdb bs=4608 count=1 | md5sum")
        return (found or "").startswith(hashlib.md5(PLANTED, usedforsecurity=False).hexdigest())

    def drive(self, command: str) -> str | None:
        """What the command prints in the config drive's root, read from the CD-ROM and not from memory."""
        mount = "echo 3 > /proc/sys/vm/drop_caches; mkdir -p /mnt/cd; mount -o ro $(findfs LABEL=config-2) /mnt/cd"
        return self.says(f"{mount} && (cd /mnt/cd && {command}); r=$?; umount /mnt/cd; exit $r")

    def ready(self) -> None:
        eventually(lambda: self.says(BOOTED) is not None, 90, "the guest answers, and is through with its start")

    def seen(self) -> Any:
        return self.fleet.admin.compute.get_server(self.id)

    @property
    def host(self) -> str:
        return str(self.seen().compute_host)

    def act(self, body: dict[str, Any]) -> int:
        path = f"/servers/{self.id}/action"
        return int(self.fleet.admin.compute.post(path, json=body, microversion=VERSION).status_code)

    def settle(self, *states: str, seconds: float = 120) -> None:
        def there() -> bool:
            found = self.seen()
            return found.task_state is None and found.status in states

        eventually(there, seconds, f"the server is {' or '.join(states)}")

    def forget(self) -> None:
        self.fleet.demo.network.delete_ip(self.address)
        self.fleet.demo.compute.delete_server(self.id)
        eventually(lambda: self.fleet.admin.compute.find_server(self.id) is None, 60, "the server is gone")


@pytest.fixture(scope="module")
def mover(fleet: FleetRig) -> Iterator[Guest]:
    """One guest for all: a boot costs more than most moves."""
    made = Guest(fleet, "mover")
    yield made
    made.forget()
    fleet.check()


@pytest.fixture
def guest(mover: Guest) -> Iterator[Guest]:
    """Active, on some host, and nothing wrong with it or around it before and after."""
    mover.settle("ACTIVE")
    yield mover
    mover.fleet.check()


@contextmanager
def counting(guest: Guest) -> Iterator[Callable[[], list[int]]]:
    """One connection through which the guest counts, five numbers a second. Gives what has come until now."""
    loop = "i=0; while true; do echo $i; i=$((i+1)); sleep 0.2; done"
    process = subprocess.Popen(guest.ssh(loop), stdout=subprocess.PIPE, text=True)
    numbers: list[int] = []
    assert process.stdout
    lines = process.stdout
    threading.Thread(target=lambda: numbers.extend(int(line) for line in lines), daemon=True).start()
    try:
        eventually(lambda: len(numbers) > 3, 30, "the guest counts")
        yield lambda: list(numbers)
        assert process.poll() is None, "the connection broke"
    finally:
        process.kill()
        process.wait()


def test_a_guest_reads_its_config_drive(guest: Guest) -> None:
    """A-104: its key, its name and its user data come from there, and what EC2's clients read."""
    console = guest.fleet.admin.compute.get_server_console_output(guest.id)["output"]
    assert f"TINY: metadata source=config-drive instance={guest.id}" in console and "TINY: ssh keys=1" in console
    assert "done by the config drive" in console
    assert guest.says("hostname") == "mover"
    assert guest.drive("cat openstack/latest/user_data") == USER_DATA.decode().strip()
    key = json.loads(guest.drive("cat ec2/latest/meta-data.json") or "{}")["public-keys"]["0"]["openssh-key"]
    assert key.strip() in (guest.says("cat /root/.ssh/authorized_keys") or "")
    assert guest.drive("echo x > new") is None, "it is for reading only"


def test_a_live_migration_keeps_an_open_connection_and_what_is_on_the_disk(guest: Guest) -> None:
    """S-014: also what looks like the header of an image."""
    guest.plant()
    assert guest.says("echo kept > /root/marker; sync") is not None
    source, before = guest.host, float((guest.says("cat /proc/uptime") or "0").split()[0])
    drive = guest.drive(SUMS)
    with counting(guest) as numbers:
        assert guest.act({"os-migrateLive": {"host": None, "block_migration": "auto"}}) == 202
        guest.settle("ACTIVE")
        reached = len(numbers())
        eventually(lambda: len(numbers()) > reached + 10, 30, "the guest counts on")
        seen = numbers()
        assert seen == list(range(len(seen))), "every number, in order"
    assert guest.host != source
    assert guest.says("cat /root/marker") == "kept"
    assert guest.planted()
    assert float((guest.says("cat /proc/uptime") or "0").split()[0]) > before, "it was never started anew"
    assert drive is not None and guest.drive(SUMS) == drive, "its config drive is there, to the byte"
    assert guest.id not in guest.fleet.guests(source) and guest.id in guest.fleet.guests(guest.host)


@pytest.fixture
def volume(guest: Guest) -> Iterator[Any]:
    """An attached volume of the demo project."""
    user = guest.fleet.demo
    made = user.block_storage.create_volume(size=1, name="goes-along")
    user.block_storage.wait_for_status(made, "available", failures=["error"], interval=0.5, wait=60)
    user.compute.create_volume_attachment(guest.id, volume_id=made.id)
    user.block_storage.wait_for_status(made, "in-use", failures=["error"], interval=0.5, wait=60)
    eventually(lambda: guest.says("test -b /dev/vdc") is not None, 30, "the guest sees it")
    yield made
    user.compute.delete_volume_attachment(guest.id, made.id)
    user.block_storage.wait_for_status(made, "available", failures=["error"], interval=0.5, wait=60)
    user.block_storage.delete_volume(made.id)
    eventually(lambda: user.block_storage.find_volume(made.id) is None, 60, "the volume is gone")


def test_an_attached_volume_goes_along_with_a_running_guest_and_with_one_that_is_off(guest: Guest, volume: Any) -> None:
    write = "yes pattern | dd of=/dev/vdc bs=1M count=8 iflag=fullblock conv=fsync"
    read = "dd if=/dev/vdc bs=1M count=8 | md5sum"
    assert guest.says(write) is not None
    there = guest.says(read)
    assert guest.act({"os-migrateLive": {"host": None, "block_migration": "auto"}}) == 202
    guest.settle("ACTIVE")
    assert guest.says("echo 3 > /proc/sys/vm/drop_caches; " + read) == there
    assert guest.says("echo again | dd of=/dev/vdc bs=512 seek=40000 conv=fsync") is not None
    assert guest.act({"migrate": None}) == 202
    guest.settle("VERIFY_RESIZE")
    assert guest.act({"confirmResize": None}) == 204
    guest.settle("ACTIVE")
    guest.ready()
    assert guest.planted(), "S-014: the definition over there was written anew"
    assert guest.says("dd if=/dev/vdc bs=512 skip=40000 count=1 | head -c 5") == "again"


def test_an_agent_that_is_killed_while_the_guest_goes_over_finds_it_again(guest: Guest) -> None:
    """F-13: the hypervisors go on without it."""
    source = guest.host
    assert guest.act({"os-migrateLive": {"host": None, "block_migration": "auto"}}) == 202
    path = f"/servers/{guest.id}/migrations"

    def running() -> bool:
        found = guest.fleet.admin.compute.get(path, microversion=VERSION).json()["migrations"]
        return bool(found) and found[0]["status"] == "running"

    eventually(running, 60, "the migration runs", pause=0.05)
    time.sleep(0.5)  # well into it
    guest.fleet.kill_daemon(source, "compute")
    guest.settle("ACTIVE")
    on = [name for name in guest.fleet.computes if guest.id in guest.fleet.guests(name)]
    assert on == [guest.host]
    assert guest.says("true") is not None


def test_a_host_without_power_is_left_and_what_it_had_is_destroyed_when_it_is_back(guest: Guest) -> None:
    """F-52, C-10; S-014: the disks of the new guest are new ones."""
    guest.plant()
    fleet, old = guest.fleet, guest.host
    fleet.kill(old)
    try:
        eventually(lambda: guest.act({"evacuate": {}}) == 200, 30, "the host is known to be down")
        guest.settle("ACTIVE", seconds=60)
        assert guest.host != old
        guest.ready()
        assert not guest.planted()
    finally:
        fleet.start(old)
        fleet.wait_for_all()
    eventually(lambda: guest.id not in fleet.on(old, "virsh", "list", "--all", "--uuid"), 30, "the old one is gone")
    assert guest.says("true") is not None


def test_a_cut_off_host_is_evacuated_and_has_no_guest_of_it_once_it_is_healed(guest: Guest) -> None:
    """F-53: the old guest runs on over there until the host is heard of again."""
    fleet, old = guest.fleet, guest.host
    fleet.partition(old)
    try:
        eventually(lambda: guest.act({"evacuate": {}}) == 200, 60, "the host is known to be down")
        guest.settle("ACTIVE", seconds=60)
        assert guest.host != old
    finally:
        fleet.heal(old)
        fleet.wait_for_all()
    eventually(lambda: guest.id not in fleet.guests(old), 60, "the old one is gone")
    guest.ready()


def test_a_resize_back_and_forth_keeps_the_disk(guest: Guest) -> None:
    admin = guest.fleet.admin.compute
    larger = admin.find_flavor("m1.twice") or admin.create_flavor(name="m1.twice", ram=192, vcpus=2, disk=2)
    assert guest.says("echo kept > /root/marker; sync") is not None
    for ending, cores in (("revertResize", "1"), ("confirmResize", "2")):
        assert guest.act({"resize": {"flavorRef": larger.id}}) == 202
        guest.settle("VERIFY_RESIZE")
        assert guest.act({ending: None}) in (202, 204)
        guest.settle("ACTIVE")
        guest.ready()
        assert guest.says("cat /root/marker") == "kept"
        assert guest.says("grep -c ^processor /proc/cpuinfo") == cores
        told = json.loads(guest.drive("cat ec2/latest/meta-data.json") or "{}")
        assert told["instance-type"] == ("m1.twice" if cores == "2" else "m1.swap"), "its config drive says so, too"
    assert guest.says("cat /sys/block/vda/size") == str((2 << 30) // 512)
