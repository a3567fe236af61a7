"""Volumes in real guests of a private cloud: bytes that go from one server to another, servers that boot from volumes,
and a storage daemon that is killed under a guest that writes. The tests build on each other in the order of this file.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.fleet import BOOTED
from tests.integration.test_first_light import Cloud, cloud, enter, eventually, key

__all__ = ["cloud", "key"]  # the fixtures are used by name

pytestmark = [
    pytest.mark.root,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="real guests need root: namespaces, bridges, virtual machines"),
]

WRITER = """for i in $(seq 0 39); do
echo "line $i" > /root/line
dd if=/root/line of=/dev/vdb bs=512 seek=$((20480+i)) conv=sync,fsync 2>/dev/null && echo "wrote $i"
sleep 0.2
done
"""


@dataclass
class Guest:
    cloud: Cloud
    key: Path
    name: str
    id: str
    address: str
    network_id: str

    def sh(self, script: str, timeout: float = 60) -> str:
        """Standard output of a script in the guest, as root. Fails the test when the script fails."""
        done = self._ssh(script, timeout)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self) -> bool:
        return self._ssh(BOOTED, 15).returncode == 0

    def has(self, disks: set[str]) -> None:
        """A guest takes its time to see a new disk."""
        eventually(lambda: self.disks() == disks, 30, f"{self.name} has the disks {disks}")

    def disks(self) -> set[str]:
        return set(re.findall(r"\b(vd[a-z])\n", self.sh("cat /proc/partitions")))

    def _ssh(self, script: str, timeout: float) -> subprocess.CompletedProcess[str]:
        """Code 124 when nothing comes back: a guest that goes down in a login says nothing more."""
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=5", "BatchMode=yes"]
        flags = [word for option in options for word in ("-o", option)]
        target = ["ssh", *flags, "-i", str(self.key), f"root@{self.address}", "sh -s"]
        command = ["timeout", str(timeout), *enter(self.cloud.settings)]
        command += ["ip", "netns", "exec", f"qdhcp-{self.network_id}", *target]
        return subprocess.run(command, input=script, capture_output=True, text=True, timeout=timeout + 10, check=False)


def boot(cloud: Cloud, key: Path, name: str, *root: str) -> Guest:
    options = ["--flavor", "m1.nano", "--network", "private", "--key-name", "light"]
    made = cloud.json("server", "create", *options, *root, "--wait", name)
    assert made["status"] == "ACTIVE"
    found = re.search(r"\d+\.\d+\.\d+\.\d+", str(made["addresses"]))
    assert found
    network = cloud.json("network", "show", "private")["id"]
    guest = Guest(cloud, key, name, made["id"], found.group(), network)
    eventually(guest.up, 90, f"ssh to {name}")
    return guest


@pytest.fixture(scope="module")
def web1(cloud: Cloud, key: Path) -> Guest:
    return boot(cloud, key, "web1", "--image", "tinyguest")


@pytest.fixture(scope="module")
def web2(cloud: Cloud, key: Path) -> Guest:
    return boot(cloud, key, "web2", "--image", "tinyguest")


def volume(cloud: Cloud, name: str, *options: str) -> str:
    made: str = cloud.json("volume", "create", "--size", "1", *options, name)["id"]
    until(cloud, name, "available")
    return made


def until(cloud: Cloud, name: str, status: str) -> None:
    eventually(lambda: cloud.json("volume", "show", name)["status"] == status, 60, f"volume {name} is {status}")


def attach(cloud: Cloud, guest: Guest, name: str) -> None:
    cloud.openstack("server", "add", "volume", guest.name, name)
    until(cloud, name, "in-use")


def detach(cloud: Cloud, guest: Guest, name: str) -> None:
    cloud.openstack("server", "remove", "volume", guest.name, name)
    until(cloud, name, "available")


def test_a_pattern_written_on_one_server_is_read_back_on_another(cloud: Cloud, web1: Guest, web2: Guest) -> None:
    """A-078, A-079, A-150."""
    volume_id = volume(cloud, "data")
    attach(cloud, web1, "data")
    web1.has({"vda", "vdb"})
    assert volume_id.startswith(web1.sh("cat /sys/block/vdb/serial").strip())
    written = web1.sh(
        "dd if=/dev/urandom of=/root/pattern bs=64k count=64 2>/dev/null\n"
        "dd if=/root/pattern of=/dev/vdb bs=64k conv=fsync 2>/dev/null\nsha256sum < /root/pattern"
    )
    detach(cloud, web1, "data")
    web1.has({"vda"})
    attach(cloud, web2, "data")
    assert web2.sh("dd if=/dev/vdb bs=64k count=64 2>/dev/null | sha256sum") == written
    cloud.check()


def test_several_volumes_and_a_stop_right_after_are_all_accepted(cloud: Cloud, web1: Guest) -> None:
    names = ["one", "two", "three"]
    for name in names:
        volume(cloud, name)
    for name in names:
        cloud.openstack("server", "add", "volume", "web1", name)
    cloud.openstack("server", "stop", "web1")
    eventually(lambda: cloud.json("server", "show", "web1")["status"] == "SHUTOFF", 90, "web1 is off")
    for name in names:
        until(cloud, name, "in-use")
    cloud.openstack("server", "start", "web1")
    eventually(web1.up, 90, "web1 is back")
    web1.has({"vda", "vdb", "vdc", "vdd"})
    for name in names:
        cloud.openstack("server", "remove", "volume", "web1", name)
    for name in names:
        until(cloud, name, "available")
    web1.has({"vda"})
    cloud.check()


def test_a_storage_daemon_killed_under_a_writing_guest_loses_nothing(cloud: Cloud, web2: Guest) -> None:
    """F-66, I-15: web2 has "data". Its writes wait, and all of them are there afterwards."""
    said: list[str] = []
    writer = threading.Thread(target=lambda: said.append(web2.sh(WRITER, timeout=180)))
    writer.start()
    first = "dd if=/dev/vdb bs=512 skip=20480 count=1 iflag=direct 2>/dev/null"
    eventually(lambda: web2.sh(first).startswith("line 0"), 30, "the guest writes")
    daemon = cloud.settings.lib / "volumes" / "storage" / "daemon.pid"
    os.kill(int(daemon.read_text()), signal.SIGKILL)
    writer.join(180)
    assert said and said[0].split("\n")[:-1] == [f"wrote {number}" for number in range(40)]
    read = web2.sh("dd if=/dev/vdb bs=512 skip=20480 count=40 iflag=direct 2>/dev/null | tr -d '\\0'")
    assert read.split("\n")[:-1] == [f"line {number}" for number in range(40)]
    assert "I/O error" not in web2.sh("dmesg")
    shown = cloud.json("server", "show", "web2")
    assert shown["status"] == "ACTIVE"
    cloud.check()


def test_a_server_boots_from_a_volume_that_outlives_it(cloud: Cloud, key: Path) -> None:
    """A-156: an image becomes a volume, a server boots from it, and another one after that."""
    guest = boot(cloud, key, "bfv", "--image", "tinyguest", "--boot-from-volume", "1")
    shown = cloud.json("server", "show", "bfv")
    [root] = shown["volumes_attached"]
    assert "booted from volume" in shown["image"]
    guest.sh("echo kept > /root/kept; sync")
    cloud.openstack("server", "delete", "--wait", "bfv")
    until(cloud, root["id"], "available")
    again = boot(cloud, key, "again", "--volume", root["id"])
    assert again.sh("cat /root/kept") == "kept\n"
    cloud.openstack("server", "delete", "--wait", "again")
    until(cloud, root["id"], "available")
    cloud.check()


def test_volumes_can_come_with_the_server_and_end_with_it(cloud: Cloud, key: Path) -> None:
    device = "source_type=blank,destination_type=volume,volume_size=1,delete_on_termination=true"
    guest = boot(cloud, key, "more", "--image", "tinyguest", "--block-device", device)
    guest.has({"vda", "vdb"})
    before = cloud.json("volume", "list")
    cloud.openstack("server", "delete", "--wait", "more")
    eventually(lambda: len(cloud.json("volume", "list")) == len(before) - 1, 60, "the volume ended with the server")
    cloud.check()
