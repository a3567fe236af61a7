"""One suite for every hypervisor driver: what iaas/compute/virt/driver.py promises holds for each of them."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from iaas import errors
from iaas.compute.virt.driver import Disk, Driver
from iaas.compute.virt.fake import FakeDriver, FakeHypervisor
from iaas.model.order import Guest, GuestSpec, Peer, Power, Resources
from tests.integration.libvirtd import Libvirtd, eventually, libvirtd, missing_tools

__all__ = ["libvirtd"]  # the fixture is used by name

HOSTILE = "a\"'><&]]></name><x/> \x00\x01\x1f\r\n\t\ud800\ufffe\u202e é 日本 🚀 \\x41 %s {0}"
RESOURCES = Resources(
    vcpus=8, ram_mb=8192, disk_gb=100, hypervisor_type="fake", hypervisor_version=1000000,
    hypervisor_hostname="host1", cpu_arch="x86_64", host_ip="192.0.2.1",
)  # fmt: skip


@dataclass
class Bench:
    """A driver with what a test needs around it."""

    driver: Driver
    restart: Callable[[], Driver]  # a new daemon on the same hypervisor
    kill: Callable[[str], None]  # the guest's process dies
    directory: Path
    spoil: Callable[[str, str], None]  # the guest's saved memory can't be read any more: how

    def spec(self, name: str = "server") -> GuestSpec:
        return GuestSpec(
            server_id=str(uuid.uuid4()), name=name, project_id="p" * 32, user_id="u" * 32, flavor="m1.tiny",
            vcpus=1, ram_mb=64, disk_gb=1, ephemeral_gb=0, swap_mb=0, image=None, nics=(),
        )  # fmt: skip

    def disks(self, spec: GuestSpec) -> tuple[Disk, ...]:
        path = self.directory / f"{spec.server_id}.raw"
        with path.open("ab") as file:
            file.truncate(1 << 20)
        return (Disk(target="vda", path=path, format="raw"),)

    def define(self, spec: GuestSpec, fence: int = 1) -> str:
        self.driver.define(spec, self.disks(spec), self.directory / f"{spec.server_id}.log", fence)
        return spec.server_id


def fake_bench(directory: Path) -> Bench:
    hypervisor = FakeHypervisor()

    def restart() -> Driver:
        return FakeDriver(hypervisor, RESOURCES)

    def spoil(server_id: str, damage: str) -> None:
        hypervisor.spoiled.add(server_id)

    return Bench(restart(), restart, hypervisor.stops, directory, spoil)


def libvirt_bench(daemon: Libvirtd, directory: Path) -> Bench:
    from iaas.compute.virt.libvirt.driver import LibvirtDriver

    def restart() -> Driver:
        return LibvirtDriver(daemon.uri, virt_type="auto", state_dir=directory, host_ip="192.0.2.1")

    def kill(server_id: str) -> None:
        (pid,) = daemon.qemus(server_id)
        os.kill(pid, signal.SIGKILL)

    def spoil(server_id: str, damage: str) -> None:
        (saved,) = (daemon.directory / "lib" / "qemu" / "save").glob(f"*{server_id[:8]}.save")
        size = saved.stat().st_size
        with saved.open("r+b") as file:
            if damage == "header":
                file.write(b"\0" * 512)
            elif damage == "inside":
                file.seek(size // 2)
                file.write(b"\xa5" * (size // 4))
            else:
                file.truncate({"cut": size // 2, "empty": 0}[damage])

    return Bench(restart(), restart, kill, directory, spoil)


@pytest.fixture(params=["fake", "libvirt"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "fake":
        yield fake_bench(tmp_path)
        return
    if missing_tools():
        pytest.skip(f"needs {', '.join(missing_tools())}")
    made = libvirt_bench(request.getfixturevalue("libvirtd"), tmp_path)
    yield made
    for guest in made.driver.guests():
        made.driver.power_off(guest.server_id)
        made.driver.undefine(guest.server_id)
    made.driver.close()  # type: ignore[attr-defined]


def test_the_life_of_a_guest(bench: Bench) -> None:
    spec = bench.spec()
    server = bench.define(spec, fence=3)
    assert bench.driver.find(server) == Guest(server_id=server, power=Power.SHUTDOWN, fence=3)
    bench.driver.power_on(server)
    assert bench.driver.guests() == (Guest(server_id=server, power=Power.RUNNING, fence=3),)
    bench.driver.power_off(server)
    assert bench.driver.find(server) == Guest(server_id=server, power=Power.SHUTDOWN, fence=3)
    bench.driver.undefine(server)
    assert bench.driver.find(server) is None
    assert bench.driver.guests() == ()


def test_every_verb_can_be_repeated(bench: Bench) -> None:
    """C-06."""
    spec = bench.spec()
    server = bench.define(spec)
    assert bench.define(spec) == server
    for verb in (bench.driver.power_on, bench.driver.press_power_button, bench.driver.power_off):
        verb(server)
        verb(server)
    bench.driver.undefine(server)
    bench.driver.undefine(server)
    assert bench.driver.find(server) is None


def test_verbs_on_a_server_without_guest_do_nothing(bench: Bench) -> None:
    nobody = str(uuid.uuid4())
    bench.driver.mark(nobody, 1)
    bench.driver.press_power_button(nobody)
    bench.driver.power_off(nobody)
    bench.driver.undefine(nobody)
    assert bench.driver.find(nobody) is None
    with pytest.raises(errors.NotFound):
        bench.driver.power_on(nobody)


def test_a_running_guest_cannot_be_undefined(bench: Bench) -> None:
    server = bench.define(bench.spec())
    bench.driver.power_on(server)
    with pytest.raises(errors.Conflict):
        bench.driver.undefine(server)
    assert bench.driver.find(server) == Guest(server_id=server, power=Power.RUNNING, fence=1)


def test_the_fence_is_changed_running_and_switched_off(bench: Bench) -> None:
    """C-08: the domain carries the newest fence."""
    spec = bench.spec()
    server = bench.define(spec, fence=1)
    for fence in (2, 3):
        bench.driver.mark(server, fence)
        assert bench.driver.find(server).fence == fence  # type: ignore[union-attr]
        bench.driver.power_on(server)
        assert bench.driver.find(server).fence == fence  # type: ignore[union-attr]
    bench.define(spec, fence=4)
    assert bench.driver.find(server).fence == 4  # type: ignore[union-attr]
    bench.driver.power_off(server)
    assert bench.driver.find(server) == Guest(server_id=server, power=Power.SHUTDOWN, fence=4)


def test_guests_outlive_the_daemon(bench: Bench) -> None:
    """C-25: a new daemon finds them as they are."""
    server = bench.define(bench.spec(), fence=7)
    bench.driver.power_on(server)
    again = bench.restart()
    assert again.guests() == (Guest(server_id=server, power=Power.RUNNING, fence=7),)
    again.power_off(server)
    assert bench.driver.find(server) == Guest(server_id=server, power=Power.SHUTDOWN, fence=7)


def test_a_guest_whose_process_dies_is_off_and_stays_defined(bench: Bench) -> None:
    """F-56: seen by event within 5 s."""
    server = bench.define(bench.spec())
    events: list[tuple[str, Power]] = []
    bench.driver.on_event(lambda who, power: events.append((who, power)))
    bench.driver.power_on(server)
    eventually(lambda: (server, Power.RUNNING) in events, 20, "start is told")
    bench.kill(server)
    eventually(lambda: (server, Power.SHUTDOWN) in events, 20, "death is told")
    assert bench.driver.find(server) == Guest(server_id=server, power=Power.SHUTDOWN, fence=1)
    bench.driver.power_on(server)
    assert bench.driver.find(server).power is Power.RUNNING  # type: ignore[union-attr]


def test_a_hostile_name_changes_nothing_but_itself(bench: Bench) -> None:
    """S-100, S-119."""
    spec = bench.spec(HOSTILE)
    server = bench.define(spec)
    assert bench.driver.find(server) == Guest(server_id=server, power=Power.SHUTDOWN, fence=1)
    bench.driver.power_on(server)
    assert bench.driver.guests() == (Guest(server_id=server, power=Power.RUNNING, fence=1),)


def test_resources_are_plausible(bench: Bench) -> None:
    found = bench.driver.resources()
    assert found.vcpus >= 1 and found.ram_mb >= 256 and found.disk_gb >= 1
    assert found.hypervisor_type in ("fake", "QEMU", "KVM")
    assert found.hypervisor_version > 100000
    assert found.hypervisor_hostname and found.cpu_arch and found.host_ip == "192.0.2.1"


def test_taps_are_those_of_running_guests(bench: Bench) -> None:
    server = bench.define(bench.spec())
    bench.driver.power_on(server)
    assert bench.driver.taps() == ()
    assert bench.driver.alive()


def test_a_guest_that_cannot_start_is_told_in_words_for_users(bench: Bench) -> None:
    """S-071: no path in the message."""
    refusal = errors.Internal("The hypervisor could not start the guest.")
    if isinstance(bench.driver, FakeDriver):
        bench.driver._hypervisor.fail("power_on", refusal)
    spec = bench.spec()
    server = bench.define(spec)
    bench.disks(spec)[0].path.unlink()
    with pytest.raises(errors.Internal) as caught:
        bench.driver.power_on(server)
    assert caught.value.message == refusal.message
    assert bench.driver.find(server).power is Power.SHUTDOWN  # type: ignore[union-attr]


def test_foreign_domains_are_invisible_and_left_alone(libvirtd: Libvirtd, tmp_path: Path) -> None:
    """C-13: no marker, none of our business, even under a server's own id."""
    import libvirt

    made = libvirt_bench(libvirtd, tmp_path)
    foreign = str(uuid.uuid4())
    connection = libvirt.open(libvirtd.uri)
    domain = connection.createXML(
        f"<domain type='qemu'><name>foreign</name><uuid>{foreign}</uuid><memory unit='MiB'>32</memory>"
        "<os><type arch='x86_64' machine='pc'>hvm</type></os></domain>", 0
    )  # fmt: skip
    try:
        assert made.driver.guests() == () and made.driver.find(foreign) is None
        made.driver.power_off(foreign)
        made.driver.mark(foreign, 5)
        assert domain.isActive()
        with pytest.raises(errors.NotFound):
            made.driver.power_on(foreign)
    finally:
        domain.destroy()
        connection.close()
        made.driver.close()  # type: ignore[attr-defined]


def test_a_guest_disk_with_a_planted_header_is_used_as_raw_bytes(libvirtd: Libvirtd, tmp_path: Path) -> None:
    """S-014: the recorded format counts, so a qcow2 header on a raw disk opens no other file."""
    made = libvirt_bench(libvirtd, tmp_path)
    canary = tmp_path / "canary"
    canary.write_bytes(b"canary" * 1000)
    spec = made.spec()
    (disk,) = made.disks(spec)
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(canary), str(disk.path), "1M"]
    subprocess.run(create, check=True)
    try:
        server = made.define(spec)
        made.driver.power_on(server)
        (pid,) = libvirtd.qemus(server)
        opened = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
        assert str(disk.path) in opened and str(canary) not in opened
    finally:
        made.driver.power_off(spec.server_id)
        made.driver.undefine(spec.server_id)
        made.driver.close()  # type: ignore[attr-defined]


def power(bench: Bench, server: str) -> Power:
    found = bench.driver.find(server)
    assert found
    return found.power


def test_a_guest_stands_still_and_goes_on(bench: Bench) -> None:
    server = bench.define(bench.spec())
    for verb in (bench.driver.pause, bench.driver.unpause, bench.driver.save):
        with pytest.raises(errors.Conflict):
            verb(server)
    bench.driver.power_on(server)
    for verb, seen in ((bench.driver.pause, Power.PAUSED), (bench.driver.unpause, Power.RUNNING)):
        verb(server)
        verb(server)
        assert power(bench, server) is seen
    bench.driver.pause(server)
    bench.driver.power_on(server)
    bench.driver.press_power_button(server)
    assert power(bench, server) is Power.PAUSED, "neither button wakes it"
    bench.driver.power_off(server)
    assert power(bench, server) is Power.SHUTDOWN


def test_saved_memory_outlives_the_daemon_and_is_used_once(bench: Bench) -> None:
    server = bench.define(bench.spec(), fence=1)
    bench.driver.power_on(server)
    bench.driver.save(server)
    bench.driver.save(server)
    again = bench.restart()
    assert again.find(server) == Guest(server_id=server, power=Power.SUSPENDED, fence=1)
    again.mark(server, 2)
    assert again.restore(server) is True
    assert again.restore(server) is True
    again.mark(server, 2)
    assert again.find(server) == Guest(server_id=server, power=Power.RUNNING, fence=2)
    again.power_off(server)
    assert again.find(server) == Guest(server_id=server, power=Power.SHUTDOWN, fence=2)
    assert again.restore(server) is False, "nothing was saved: started anew"
    assert again.find(server) == Guest(server_id=server, power=Power.RUNNING, fence=2)


def test_a_guest_without_its_plug_has_no_memory(bench: Bench) -> None:
    server = bench.define(bench.spec())
    bench.driver.power_on(server)
    bench.driver.save(server)
    bench.driver.power_off(server)
    assert power(bench, server) is Power.SHUTDOWN
    bench.driver.power_on(server)
    bench.driver.save(server)
    bench.driver.undefine(server)
    assert bench.driver.find(server) is None
    with pytest.raises(errors.NotFound):
        bench.driver.restore(server)
    for verb in (bench.driver.pause, bench.driver.unpause, bench.driver.save):
        verb(server)


@pytest.mark.parametrize("damage", ["cut", "header", "inside", "empty"])
def test_memory_that_cannot_be_read_is_given_up_and_the_guest_started_anew(bench: Bench, damage: str) -> None:
    server = bench.define(bench.spec())
    bench.driver.power_on(server)
    bench.driver.save(server)
    bench.spoil(server, damage)
    assert bench.driver.restore(server) is False
    assert power(bench, server) is Power.RUNNING
    bench.driver.power_off(server)
    assert power(bench, server) is Power.SHUTDOWN


def test_memory_is_kept_when_something_else_is_in_the_way(bench: Bench) -> None:
    refusal = errors.Internal("The hypervisor could not resume the guest.")
    spec = bench.spec()
    server = bench.define(spec)
    bench.driver.power_on(server)
    bench.driver.save(server)
    if isinstance(bench.driver, FakeDriver):
        bench.driver._hypervisor.fail("restore", refusal)
    disk = bench.disks(spec)[0].path
    disk.rename(disk.with_suffix(".away"))
    with pytest.raises(errors.Internal) as caught:
        bench.driver.restore(server)
    assert caught.value.message == refusal.message
    assert power(bench, server) is Power.SUSPENDED
    disk.with_suffix(".away").rename(disk)
    assert bench.driver.restore(server) is True


def test_without_a_migration_there_is_nothing_to_follow_abort_or_hasten(bench: Bench, tmp_path: Path) -> None:
    server, peer = bench.define(bench.spec()), Peer(host="there", address="192.0.2.99", directory="/there")
    with pytest.raises(errors.NotFound):
        bench.driver.start_migration(server, peer, tmp_path)  # it is off
    bench.driver.power_on(server)
    for id in (server, str(uuid.uuid4())):
        assert bench.driver.migration(id) is None
        for verb in (bench.driver.abort_migration, bench.driver.hasten_migration):
            with pytest.raises(errors.Conflict):
                verb(id)


def test_a_migration_to_nowhere_leaves_the_guest_running(bench: Bench, tmp_path: Path) -> None:
    server = bench.define(bench.spec())
    bench.driver.power_on(server)
    bench.driver.start_migration(server, Peer(host="there", address="127.0.0.1", directory="/there"), tmp_path / "x")
    eventually(lambda: bench.driver.migration(server) is None, 30, "the migration has ended")
    assert power(bench, server) is Power.RUNNING
