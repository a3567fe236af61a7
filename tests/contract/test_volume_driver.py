"""What every volume back end promises, tried on each of them; and what only files can."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from iaas import errors, failpoints, plugins
from iaas.host.exec import Recorder
from iaas.ids import new_uuid
from iaas.model.volume_order import Export, Source
from iaas.volume.drivers.driver import DriverSettings, VolumeDriver
from iaas.volume.drivers.fake import FakeBackend, FakeDriver
from iaas.volume.drivers.qcow2.driver import Qcow2Driver
from tests.integration.rabbit import free_port

DAY = 86400
Make = Callable[..., VolumeDriver]
PACKAGE = "iaas.volume.drivers"
DRIVERS = [name for name in plugins.names(PACKAGE) if name != "driver"]


@pytest.fixture(params=DRIVERS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Opens the same back end again, as a restarted daemon does."""
    plugin, backend = plugins.load(PACKAGE, request.param), FakeBackend()

    port = free_port()
    made: list[VolumeDriver] = []

    def opened(capacity_gb: int = 0) -> VolumeDriver:
        settings = DriverSettings(state_dir=tmp_path / "volumes", capacity_gb=capacity_gb, port=port)
        for before in made:
            if isinstance(before, Qcow2Driver):
                before.daemon.leave()  # as a process that has ended does
        driver: VolumeDriver = FakeDriver(settings, backend) if plugin is FakeDriver else plugin(settings)
        made.append(driver)
        return driver

    yield opened
    failpoints.disarm()
    for driver in made[-1:]:
        if isinstance(driver, Qcow2Driver):
            driver.daemon.stop()


@pytest.fixture
def qcow2(tmp_path: Path) -> Iterator[Qcow2Driver]:
    yield Qcow2Driver(DriverSettings(state_dir=tmp_path))
    failpoints.disarm()


def files(directory: Path) -> list[Path]:
    return sorted(entry for entry in directory.iterdir() if entry.is_file())


def test_a_volume_is_there_until_it_is_deleted_also_after_a_restart(make: Make) -> None:
    driver, one, two = make(), new_uuid(), new_uuid()
    driver.create(one, 1)
    driver.create(two, 2)
    assert dict(driver.volumes()) == dict(make().volumes()) == {one: 1, two: 2}
    assert driver.inventory().volumes == tuple(sorted((one, two)))
    make().delete(one)
    assert dict(driver.volumes()) == {two: 2} and driver.inventory().partial_files == ()


def test_every_verb_may_be_repeated(make: Make) -> None:
    """C-06."""
    driver, id = make(), new_uuid()
    driver.delete(id)
    for _ in range(2):
        driver.create(id, 1)
    assert dict(driver.volumes()) == {id: 1}
    for _ in range(2):
        driver.delete(id)
        driver.tidy()
    assert dict(driver.volumes()) == {}


def test_a_volume_of_another_size_is_not_taken_for_it(make: Make) -> None:
    driver, id = make(), new_uuid()
    driver.create(id, 1)
    with pytest.raises(errors.Conflict):
        driver.create(id, 2)
    assert dict(driver.volumes()) == {id: 1}


_FIXED = "5d7a0f6e-3c1b-4f0e-9a58-2f4f8c3f9b11"  # names of tests must be the same in every worker of xdist


@pytest.mark.parametrize("id", ["", "../../etc/passwd", "x" * 36, "a/b", f"{_FIXED}\n", _FIXED.replace("-", "")])
def test_what_is_no_id_is_refused(make: Make, id: str) -> None:
    """S-019."""
    driver = make()
    for verb in (lambda: driver.create(id, 1), lambda: driver.delete(id)):
        with pytest.raises(errors.Invalid):
            verb()
    assert dict(driver.volumes()) == {}


def test_the_capacity_is_what_was_configured_or_what_there_is(make: Make) -> None:
    assert make(capacity_gb=7).capacity_gb() == 7
    assert make().capacity_gb() > 0


@pytest.mark.parametrize("point", ["volume.create.after_file", "volume.create.after_publish"])
def test_a_creation_that_died_is_completed_by_the_next(make: Make, point: str) -> None:
    """F-11, C-23: no half volume ever has its name, and the next try clears what is left."""
    driver, id = make(), new_uuid()
    failpoints.arm(f"{point}=crash")
    with pytest.raises(failpoints.Crash):
        driver.create(id, 1)
    assert dict(make().volumes()) in ({}, {id: 1})
    make().create(id, 1)
    assert dict(make().volumes()) == {id: 1} and make().inventory().partial_files == ()


def test_a_deletion_after_a_creation_that_died_leaves_nothing(qcow2: Qcow2Driver, tmp_path: Path) -> None:
    failpoints.arm("volume.create.after_file=crash")
    id = new_uuid()
    with pytest.raises(failpoints.Crash):
        qcow2.create(id, 1)
    assert len(files(tmp_path)) == 1
    qcow2.delete(id)
    assert files(tmp_path) == []


def test_a_file_is_private_sparse_and_refers_to_no_other(qcow2: Qcow2Driver) -> None:
    """S-001: format, size and the absence of a backing file, as the tool itself sees them."""
    id = new_uuid()
    qcow2.create(id, 3)
    path = qcow2.files.volume(id)
    shown = subprocess.run(["qemu-img", "info", "-f", "qcow2", path], capture_output=True, text=True, check=True).stdout
    assert path.name == f"volume-{id}.qcow2" and f"({3 << 30} bytes)" in shown and "backing file" not in shown
    assert path.stat().st_mode & 0o777 == 0o600 and path.stat().st_size < 1 << 20
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_new_volume_reads_as_zeros_whatever_was_there_before(qcow2: Qcow2Driver, tmp_path: Path) -> None:
    """S-093."""
    first, second = new_uuid(), new_uuid()
    qcow2.create(first, 1)
    command = ["qemu-io", "-f", "qcow2", "-c", "write -P 0xaa 0 1M", str(qcow2.files.volume(first))]
    subprocess.run(command, capture_output=True, check=True)
    qcow2.delete(first)
    qcow2.create(second, 1)
    raw = tmp_path / "raw"
    made = qcow2.files.volume(second)
    subprocess.run(["qemu-img", "dd", "-f", "qcow2", "-O", "raw", "bs=1M", "count=1", f"if={made}",
                    f"of={raw}"], capture_output=True, check=True)  # fmt: skip
    assert raw.read_bytes() == bytes(1 << 20)


def test_a_full_disk_is_said_without_a_path_and_leaves_nothing(tmp_path: Path) -> None:
    """S-071, F-70."""
    runner = Recorder()
    runner.answer(("qemu-img",), stderr=f"{tmp_path}: No space left on device", code=1)
    driver = Qcow2Driver(DriverSettings(state_dir=tmp_path), runner)
    with pytest.raises(errors.NoValidHost) as caught:
        driver.create(new_uuid(), 1)
    assert "/" not in caught.value.message and files(tmp_path) == []
    assert runner.calls[0].limits is not None and runner.commands[0][:5] == ("qemu-img", "create", "-q", "-f", "qcow2")


def test_a_damaged_file_neither_hides_others_nor_stops_work(qcow2: Qcow2Driver) -> None:
    good, bad = new_uuid(), new_uuid()
    qcow2.create(good, 1)
    qcow2.create(bad, 1)
    qcow2.files.disk(qcow2.files.volume(bad)).write_bytes(b"not a disk")
    assert dict(qcow2.volumes()) == {good: 1, bad: 0}
    with pytest.raises(errors.Conflict):
        qcow2.create(bad, 1)
    qcow2.delete(bad)
    assert dict(qcow2.volumes()) == {good: 1}


def test_a_forgotten_partial_file_is_reported_and_swept_a_young_one_left_alone(
    qcow2: Qcow2Driver, tmp_path: Path
) -> None:
    """What is downloaded takes long and is under no lock; what is made under the lock is nobody's at once."""
    name = f".image-{new_uuid()}-{'0' * 16}.qcow2"
    old, young = tmp_path / f"{name}.1.part", tmp_path / f"{name}.2.part"
    (tmp_path / f".disk-{new_uuid()}.qcow2.3.part").touch()
    for file in (old, young):
        file.write_bytes(b"")
    os.utime(old, (time.time() - DAY, time.time() - DAY))
    assert qcow2.inventory().partial_files == (old.name,)
    qcow2.tidy()
    assert files(tmp_path) == [young]


def test_snapshots_and_what_is_made_of_them_stand_by_themselves(make: Make) -> None:
    driver, volume, snapshot, copy, clone = make(), new_uuid(), new_uuid(), new_uuid(), new_uuid()
    driver.create(volume, 1)
    for _ in range(2):
        driver.snapshot(snapshot, volume)
        driver.create(copy, 2, Source(snapshot_id=snapshot))
        driver.create(clone, 1, Source(volume_id=volume))
    assert dict(make().snapshots()) == {snapshot: 1} and dict(driver.volumes()) == {volume: 1, copy: 2, clone: 1}
    for _ in range(2):
        driver.delete(volume)
        driver.delete_snapshot(snapshot)
    assert dict(driver.volumes()) == {copy: 2, clone: 1} and dict(driver.snapshots()) == {}
    driver.delete(copy)
    make().delete(clone)
    driver.tidy()
    left = driver.inventory()
    assert (left.volumes, left.snapshots, left.partial_files, left.strays) == ((), (), (), ())


def test_nothing_is_made_of_what_is_not_there(make: Make) -> None:
    driver = make()
    for source in (Source(snapshot_id=new_uuid()), Source(volume_id=new_uuid())):
        with pytest.raises(errors.NotFound):
            driver.create(new_uuid(), 1, source)
    with pytest.raises(errors.NotFound):
        driver.snapshot(new_uuid(), new_uuid())
    with pytest.raises(errors.NotFound):
        driver.extend(new_uuid(), 2)
    assert dict(driver.volumes()) == dict(driver.snapshots()) == {}


def test_a_volume_grows_and_never_shrinks(make: Make) -> None:
    driver, id = make(), new_uuid()
    driver.create(id, 1)
    for _ in range(2):
        driver.extend(id, 3)
    driver.extend(id, 2)
    assert dict(driver.volumes()) == {id: 3}


def test_exactly_what_is_wanted_is_served(make: Make) -> None:
    driver, one, two = make(), new_uuid(), new_uuid()
    assert not driver.serving() and driver.serve(()) == {} and driver.serving()
    for id in (one, two):
        driver.create(id, 1)
    first, second = (Export(attachment_id=new_uuid(), volume_id=id, name=new_uuid()) for id in (one, two))
    missing = Export(attachment_id=new_uuid(), volume_id=new_uuid(), name="n")
    assert list(driver.serve((first, missing))) == [missing.attachment_id]
    assert names(driver) == {(one, first.name, True)}
    renamed = replace(first, name=new_uuid(), writable=False)
    for _ in range(2):
        assert driver.serve((second, renamed)) == {}
    assert names(driver) == {(one, renamed.name, False), (two, second.name, True)}
    for verb in (lambda: driver.delete(one), lambda: driver.extend(one, 2)):
        with pytest.raises(errors.Conflict):
            verb()
    served = names(driver)
    after = make()  # the agent was restarted: what is served is served on, and known after the first look
    assert not after.serving() and names(after) == served
    after.serve((second,))
    after.delete(one)
    assert after.serving() and names(after) == {(two, second.name, True)}
    after.serve(())


def names(driver: VolumeDriver) -> set[tuple[str, str, bool]]:
    return {(item.volume_id, item.name, item.writable) for item in driver.inventory().served}
