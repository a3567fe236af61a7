"""Disks between two hosts' directories with QEMU's real tools, over NBD and mutual TLS on the loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devstack.stack.processes import command_line
from iaas import errors
from iaas.clock import SystemClock
from iaas.compute.agent.disks import QemuDisks
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.qemu_transfer import QemuMover
from iaas.compute.agent.work import Work
from iaas.host.exec import Runner
from iaas.host.pki import Authority
from iaas.host.qemu_disk import QemuDisk
from iaas.ids import new_uuid
from iaas.model.order import Action, GuestSpec, Order

TOOLS = [tool for tool in ("qemu-img", "qemu-storage-daemon", "qemu-io") if shutil.which(tool) is None]
pytestmark = pytest.mark.skipif(bool(TOOLS), reason=f"needs {', '.join(TOOLS)}")
SECRET, MIB = "s" * 32, 1 << 20


class Side:
    """One host's directories, certificates and mover."""

    def __init__(self, root: Path, secret: str = SECRET) -> None:
        Authority(secret).ensure(root / "pki", root.name, ["127.0.0.1"])
        self.instances, runner = Instances(root), Runner()
        none: Any = None  # no image is needed here
        disks = QemuDisks(self.instances, none, none, runner)
        self.tool = QemuDisk(runner)
        self.mover = QemuMover(self.instances, disks, self.tool, address="127.0.0.1", pki=root / "pki")

    def path(self, server_id: str, name: str = "disk") -> Path:
        return self.instances.directory(server_id) / name

    def names(self, server_id: str) -> set[str]:
        return {path.name for path in self.instances.directory(server_id).iterdir()}


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[tuple[Side, Side]]:
    there, here = Side(tmp_path / "there"), Side(tmp_path / "here")
    yield there, here
    for server_id in there.instances.ids():
        there.mover.withdraw(server_id)


def io(*arguments: str) -> str:
    return subprocess.run(["qemu-io", *arguments], capture_output=True, text=True, check=True, timeout=60).stdout


def built(side: Side, **changes: Any) -> GuestSpec:
    """A server as a build leaves it: an overlay with a pattern of its own over a base with another."""
    guest = GuestSpec(
        server_id=new_uuid(), name="s", project_id="p", user_id="u", flavor="f", vcpus=1, ram_mb=64, disk_gb=1,
        ephemeral_gb=0, swap_mb=8, image=None, nics=(),
    )  # fmt: skip
    guest = replace(guest, **changes)
    side.instances.claim(guest.server_id, 1, create=True)
    base, disk = side.path(guest.server_id, "base"), side.path(guest.server_id)
    side.tool.make(base, "raw", 16 * MIB)
    io("-f", "raw", "-c", "write -P 7 0 1M", str(base))
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base", str(disk), "1G"]
    subprocess.run(command, check=True, timeout=60)
    io("-f", "qcow2", "-c", "write -P 9 1M 1M", str(disk))
    side.tool.make(side.path(guest.server_id, "swap"), "raw", 8 * MIB)
    return guest


def order(guest: GuestSpec) -> Work:
    made = Order(operation_id=new_uuid(), step="copy", fence=1, attempt=1, server_id=guest.server_id,
                 action=Action.COPY_DISKS, guest=guest)  # fmt: skip
    return Work(made, "here", SystemClock(), lambda report: None)


def check(disk: Path) -> None:
    """What the guest wrote and what the image had, and no file beneath."""
    assert "Pattern verification failed" not in io(
        "-f", "qcow2", "-c", "read -P 7 0 1M", "-c", "read -P 9 1M 1M", "-c", "read -P 0 2M 1M", str(disk)
    )
    assert disk.read_bytes()[8:16] == bytes(8), "it stands alone"


def test_a_disk_arrives_whole_flat_and_larger(sides: tuple[Side, Side]) -> None:
    there, here = sides
    guest = built(there)
    wanted = replace(guest, disk_gb=2)
    here.instances.claim(guest.server_id, 1, create=True)
    here.mover.fetch(wanted, there.mover.offer(guest.server_id), order(wanted))
    check(here.path(guest.server_id))
    assert here.tool.size(here.path(guest.server_id), "qcow2") == 2 << 30
    assert here.path(guest.server_id).stat().st_blocks * 512 < 8 * MIB, "sparse"
    assert here.names(guest.server_id) == {"fence", "copy", "disk", "swap"}
    there.mover.withdraw(guest.server_id)
    assert there.names(guest.server_id) == {"fence", "base", "disk", "swap"}


def test_a_source_that_dies_is_unavailable_and_leaves_no_half_file(sides: tuple[Side, Side]) -> None:
    there, here = sides
    guest = built(there)
    offer = there.mover.offer(guest.server_id)
    there.mover.withdraw(guest.server_id)
    here.instances.claim(guest.server_id, 1, create=True)
    with pytest.raises(errors.Unavailable):
        here.mover.fetch(guest, offer, order(guest))
    assert here.names(guest.server_id) == {"fence", "copy"}


def test_another_daemon_ends_the_service_of_a_dead_one(sides: tuple[Side, Side]) -> None:
    there, here = sides
    guest = built(there)
    offer = there.mover.offer(guest.server_id)
    Side(there.path(guest.server_id).parents[2]).mover.withdraw(guest.server_id)
    with pytest.raises(errors.Unavailable):
        here.mover.fetch(guest, offer, order(guest))


def test_nobody_without_a_certificate_of_the_cloud_reads_a_disk(sides: tuple[Side, Side], tmp_path: Path) -> None:
    """Nor who does not know the export's name."""
    there, here = sides
    guest = built(there)
    offer = there.mover.offer(guest.server_id)
    stranger = Side(tmp_path / "stranger", "x" * 32)
    stranger.instances.claim(guest.server_id, 1, create=True)
    with pytest.raises(errors.Unavailable):
        stranger.mover.fetch(guest, offer, order(guest))
    guessed = replace(offer, disks=tuple(replace(disk, export=new_uuid()) for disk in offer.disks))
    with pytest.raises(errors.Unavailable):
        here.mover.fetch(guest, guessed, order(guest))


def test_what_an_earlier_move_left_is_not_taken_for_a_copy(sides: tuple[Side, Side]) -> None:
    there, here = sides
    guest = built(there)
    here.instances.claim(guest.server_id, 1, create=True)
    here.tool.make(here.path(guest.server_id), "qcow2", 1 << 30)
    here.mover.fetch(guest, there.mover.offer(guest.server_id), order(guest))
    check(here.path(guest.server_id))


def test_a_peer_names_no_file_of_its_choice(sides: tuple[Side, Side]) -> None:
    """S-019."""
    there, here = sides
    guest = built(there)
    offer = there.mover.offer(guest.server_id)
    evil = replace(offer, disks=(replace(offer.disks[0], name="../../x"),))
    with pytest.raises(errors.Invalid):
        here.mover.fetch(guest, evil, order(guest))


def test_a_copy_on_the_same_host_and_both_of_its_ends(sides: tuple[Side, Side]) -> None:
    there, _ = sides
    guest = built(there)
    wanted = replace(guest, disk_gb=2, swap_mb=0)
    for _ in range(2):  # again, as after a death
        there.mover.copy_here(wanted, order(wanted))
    check(there.path(guest.server_id))
    io("-f", "qcow2", "-c", "write -P 1 0 1M", str(there.path(guest.server_id)))
    there.mover.restore(guest.server_id)
    assert there.names(guest.server_id) == {"fence", "base", "disk", "swap"}
    assert "failed" not in io("-f", "qcow2", "-c", "read -P 7 0 1M", str(there.path(guest.server_id)))
    there.mover.copy_here(wanted, order(wanted))
    there.mover.drop_originals(guest.server_id)
    check(there.path(guest.server_id))
    assert not [name for name in there.names(guest.server_id) if name.endswith(".old")]


def test_an_offer_ends_with_its_process(sides: tuple[Side, Side]) -> None:
    there, _ = sides
    guest = built(there)
    for _ in range(2):
        there.mover.offer(guest.server_id)
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    assert len([pid for pid in children if "qemu-storage" in command_line(int(pid))]) <= 1
