"""S-015: the header of an image that refers to a host's file, written onto a volume by its guest; and images planted in
the store, made into volumes. With the real qemu-img."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from iaas import errors
from iaas.ids import new_uuid
from iaas.model.order import ImageSource
from iaas.model.volume_order import Source
from iaas.volume.drivers.driver import DriverSettings
from iaas.volume.drivers.qcow2 import Qcow2Driver
from tests.evilimg import good
from tests.evilimg.corpus import group
from tests.evilimg.reality import CANARY, plant

MIB = 1 << 20


def planted() -> bytes:
    return next(evil.data for evil in group("references") if evil.name == "qcow2 backing file")[:65536]


def first(driver: Qcow2Driver, link: Path) -> bytes:
    target = driver.files.directory.parent / "seen"
    command = ["qemu-img", "dd", "-f", "qcow2", "-O", "raw", "bs=65536", "count=1", f"if={link}", f"of={target}"]
    subprocess.run(command, check=True, capture_output=True, cwd=driver.files.directory)
    return target.read_bytes()


def test_a_header_on_a_volume_stays_data_through_every_operation(tmp_path: Path) -> None:
    """Extend, snapshot, clone, volume from snapshot, a new start of the driver; the canary is beside the files."""
    driver = Qcow2Driver(DriverSettings(state_dir=tmp_path / "volumes"))
    canary = plant(tmp_path / "volumes")
    before = canary.read_bytes()
    (tmp_path / "planted").write_bytes(planted())
    volume, snapshot, clone, copy = (new_uuid() for _ in range(4))
    driver.create(volume, 1)
    command = ["qemu-io", "-f", "qcow2", "-c", f"write -q -s {tmp_path / 'planted'} 0 65536"]
    subprocess.run([*command, str(driver.files.volume(volume))], check=True)
    driver.extend(volume, 2)
    driver.snapshot(snapshot, volume)
    driver.create(clone, 2, Source(volume_id=volume))
    driver.create(copy, 3, Source(snapshot_id=snapshot))
    driver.extend(clone, 4)
    again = Qcow2Driver(DriverSettings(state_dir=tmp_path / "volumes"))
    links = [again.files.volume(id) for id in (volume, clone, copy)] + [again.files.snapshot(snapshot)]
    for link in links:
        seen = first(again, link)
        assert seen == planted() and CANARY[:100] not in seen
    assert canary.read_bytes() == before


def test_a_volume_that_holds_much_can_grow(tmp_path: Path) -> None:
    """The limit on the size of files is that of the disk, not of an empty one."""
    driver, id = Qcow2Driver(DriverSettings(state_dir=tmp_path)), new_uuid()
    driver.create(id, 1)
    disk = driver.files.disk(driver.files.volume(id))
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", "preallocation=falloc", str(disk), "1G"]
    subprocess.run(command, check=True)
    driver.extend(id, 2000)
    assert dict(driver.volumes()) == {id: 2000}


def source(data: bytes, format: str, size: int) -> ImageSource:
    return ImageSource(
        id=new_uuid(), url="http://127.0.0.1:1/", token="t", format=format, size=len(data), hash_algo="sha512",
        hash_value="ab" * 64, virtual_size=size,
    )  # fmt: skip


def driver_with(tmp_path: Path, data: bytes, reserved_gb: int = 0) -> Qcow2Driver:
    def fetch(image: ImageSource, target: Path, progress: object) -> None:
        target.write_bytes(data)

    return Qcow2Driver(DriverSettings(state_dir=tmp_path / "volumes", reserved_gb=reserved_gb), fetch=fetch)


def left(driver: Qcow2Driver) -> list[str]:
    """Files of disks and images, finished or not."""
    return [path.name for path in driver.files.directory.iterdir() if path.suffix]


@pytest.mark.parametrize("name", ["references", "vmdk", "polyglots", "undeclared"])
def test_no_volume_is_made_of_a_hostile_image(tmp_path: Path, name: str) -> None:
    """S-001 … S-006, planted in the store: refused before anything opens it, and nothing is left."""
    for evil in group(name):
        driver = driver_with(tmp_path, evil.data)
        with pytest.raises((errors.Invalid, errors.Unsupported)):
            driver.create(new_uuid(), 1, Source(image=source(evil.data, evil.declared, MIB)))
        assert left(driver) == []


@pytest.mark.parametrize("format", ["qcow2", "vmdk", "vdi", "vhdx"])
def test_a_volume_is_made_of_an_honest_image_of_any_format(tmp_path: Path, format: str) -> None:
    driver, id = driver_with(tmp_path, good.plain(format)), new_uuid()
    driver.create(id, 1, Source(image=source(good.plain(format), format, MIB)))
    assert first(driver, driver.files.volume(id)) == good.data()[:65536]


def test_the_reserve_of_the_host_is_no_place_for_images(tmp_path: Path) -> None:
    """S-012"""
    driver = driver_with(tmp_path, good.plain("qcow2"), reserved_gb=1 << 30)
    with pytest.raises(errors.NoValidHost):
        driver.create(new_uuid(), 1, Source(image=source(good.plain("qcow2"), "qcow2", MIB)))
    assert left(driver) == []
