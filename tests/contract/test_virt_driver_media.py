"""copy_disk and open_display of every hypervisor driver."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from iaas import errors
from iaas.compute.virt.driver import Disk
from iaas.compute.virt.fake import FakeDriver
from iaas.host import iso9660
from iaas.model.order import GuestSpec, Power
from tests.contract.test_virt_driver import Bench, bench, power
from tests.integration.libvirtd import libvirtd

__all__ = ["bench", "libvirtd"]  # fixtures, used by name
MARK = b"\xa5" * 65536


def wait() -> None:
    time.sleep(0.02)


def overlay(bench: Bench, spec: GuestSpec) -> Path:
    """A root disk as we make them: qcow2 over a raw base, with data of its own."""
    base = bench.directory / f"{spec.server_id}.base"
    base.write_bytes(MARK * 8 + b"\0" * (7 << 20))
    disk = bench.directory / f"{spec.server_id}.disk"
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base.name, str(disk), "64M"]
    subprocess.run(command, check=True)
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -q -P 0x5a 1M 64k", str(disk)], check=True)
    return disk


def running(bench: Bench) -> tuple[str, Path]:
    spec = bench.spec()
    disk = overlay(bench, spec)
    other = bench.disks(spec)[0].path
    disks = (Disk(target="vda", path=disk, format="qcow2"), Disk(target="vdb", path=other, format="raw"))
    bench.driver.define(spec, disks, bench.directory / "console", 1)
    bench.driver.power_on(spec.server_id)
    return spec.server_id, disk


def test_a_guest_has_its_config_drive_for_reading_only(bench: Bench) -> None:
    """A-104: a CD-ROM beside its disks, through a stop and a start, and no part of a copy."""
    spec = bench.spec()
    config = bench.directory / "config"
    config.write_bytes(iso9660.volume("config-2", {"openstack/latest/user_data": b"x"}, 1 << 20))
    before, disk = config.read_bytes(), overlay(bench, spec)
    disks = (
        Disk(target="vda", path=disk, format="qcow2"), Disk(target="hda", path=config, format="raw", cdrom=True),
    )  # fmt: skip
    bench.driver.define(spec, disks, bench.directory / "console", 1)
    for verb in (bench.driver.power_on, bench.driver.power_off, bench.driver.power_on):
        verb(spec.server_id)
    assert power(bench, spec.server_id) is Power.RUNNING
    bench.driver.copy_disk(spec.server_id, disk, bench.directory / "copy", wait)
    if not isinstance(bench.driver, FakeDriver):
        (process,) = (name for name in Path("/proc").iterdir() if spec.server_id.encode() in _command(name))
        (number,) = (link.name for link in (process / "fd").iterdir() if link.readlink() == config)
        flags = (process / "fdinfo" / number).read_text().split("flags:\t0")[1].split()[0]
        assert int(flags, 8) & os.O_ACCMODE == os.O_RDONLY
    assert config.read_bytes() == before


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes() if process.name.isdigit() else b""
    except OSError:  # it has ended meanwhile
        return b""


@pytest.mark.parametrize("paused", [False, True])
def test_a_copy_stands_alone_and_the_guest_goes_on(bench: Bench, paused: bool) -> None:
    server, disk = running(bench)
    if paused:
        bench.driver.pause(server)
    target = bench.directory / "copy"
    bench.driver.copy_disk(server, disk, target, wait)
    assert power(bench, server) is (Power.PAUSED if paused else Power.RUNNING)
    found = json.loads(subprocess.run(["qemu-img", "info", "--output=json", str(target)], capture_output=True,
                                      check=True).stdout)  # fmt: skip
    assert found["format"] == "qcow2" and "backing-filename" not in found
    subprocess.run(["qemu-img", "check", "-q", str(target)], check=True)
    if not isinstance(bench.driver, FakeDriver):
        assert found["virtual-size"] == 64 << 20
        raw = bench.directory / "raw"
        subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(target), str(raw)], check=True)
        data = raw.read_bytes()
        assert data[: 1 << 19] == MARK * 8 and data[1 << 20 : (1 << 20) + 65536] == b"\x5a" * 65536
    target.unlink()
    bench.driver.copy_disk(server, disk, target, wait)


def test_a_guest_that_is_off_or_gone_is_not_copied(bench: Bench) -> None:
    server, disk = running(bench)
    bench.driver.power_off(server)
    for who in (server, bench.spec().server_id):
        with pytest.raises(errors.Conflict):
            bench.driver.copy_disk(who, disk, bench.directory / "copy", wait)


def test_a_copy_that_is_given_up_leaves_the_guest_free_for_the_next(bench: Bench) -> None:
    server, disk = running(bench)

    def stop() -> None:
        raise errors.Timeout("enough")

    try:
        bench.driver.copy_disk(server, disk, bench.directory / "copy", stop)
    except errors.Timeout:
        pass  # a fast machine may have been ready before the first look
    bench.driver.copy_disk(server, disk, bench.directory / "copy", wait)
    assert power(bench, server) is Power.RUNNING


def test_a_screen_greets_whoever_opens_it_and_ends_with_the_guest(bench: Bench) -> None:
    server, _ = running(bench)
    with bench.driver.open_display(server) as one, bench.driver.open_display(server) as other:
        for screen in (one, other):
            screen.settimeout(10)
            assert screen.recv(12) == b"RFB 003.008\n"
        one.sendall(b"RFB 003.008\n")
        assert one.recv(64)
    bench.driver.power_off(server)
    for who in (server, bench.spec().server_id):
        with pytest.raises(errors.Conflict):
            bench.driver.open_display(who)
