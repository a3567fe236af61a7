"""S-014, S-105: a guest writes the header of an image that refers to a host's file onto its own disks. Whatever is done
with the server afterwards, its bytes stay bytes, and nobody opens the file. With the real qemu-img."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from iaas.compute.agent.disks import QemuDisks
from iaas.compute.agent.images.cache import ImageCache
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.qemu_transfer import QemuMover
from iaas.host.qemu_disk import QemuDisk
from iaas.host.qemu_img import QemuImg
from iaas.model.order import GuestSpec
from tests.evilimg import header
from tests.evilimg.corpus import group
from tests.evilimg.reality import CANARY, plant
from tests.unit.compute.agent.bench import spec
from tests.unit.compute.agent.imagery import MIB, RUNNER, Glance, work


class Site:
    """One server of an image, an ephemeral disk and 64 MiB; its guest wrote ``planted`` at the start of each disk."""

    def __init__(self, glance: Glance, cache: ImageCache, state: Path) -> None:
        self.cache, self.tool = cache, QemuDisk(RUNNER)
        self.disks, self.mover = self.host(state)
        rescue = glance.add(bytes(MIB))
        self.guest: GuestSpec = spec(image=glance.add(bytes(MIB)), ephemeral_gb=1, swap_mb=1, rescue=rescue)
        self.made = self.disks.create(self.guest, work())
        self.directory = self.made[0].path.parent
        plant(self.directory)
        self.hashes = {name: (self.directory / name).read_bytes() for name in ("base", "canary")}
        self.planted = next(evil.data for evil in group("references") if evil.name == "qcow2 backing file")[:65536]
        (self.directory / "planted").write_bytes(self.planted)
        for disk in self.made:
            source = self.directory / "planted"
            command = f"write -q -s {source} 0 65536"
            subprocess.run(["qemu-io", "-f", disk.format, "-c", command, str(disk.path)], check=True)

    def host(self, state: Path) -> tuple[QemuDisks, QemuMover]:
        instances = Instances(state)
        disks = QemuDisks(instances, self.cache, QemuImg(RUNNER), RUNNER)
        return disks, QemuMover(instances, disks, self.tool, address="192.0.2.1", pki=state)

    def first(self, path: Path, format: str) -> bytes:
        """What a guest sees at the start of the disk."""
        target = self.directory / "seen"
        subprocess.run(["qemu-img", "dd", "-f", format, "-O", "raw", "bs=65536", "count=1", f"if={path}",
                        f"of={target}"], check=True, cwd=self.directory)  # fmt: skip
        return target.read_bytes()


@pytest.fixture
def site(glance: Glance, cache: ImageCache, tmp_path: Path) -> Site:
    return Site(glance, cache, tmp_path)


def grow(site: Site) -> list[tuple[Path, str]]:
    for disk in site.made:
        site.tool.grow(disk.path, disk.format, 3 << 30)
    return [(disk.path, disk.format) for disk in site.made]


def migrate(site: Site) -> list[tuple[Path, str]]:
    """As resize and cold migration copy each disk, to another host too."""
    copies = []
    for disk in site.made:
        copy = disk.path.with_name(f"{disk.path.name}.copy")
        site.tool.copy(disk.path, disk.format, copy, site.tool.size(disk.path, disk.format), lambda: None)
        copies.append((copy, disk.format))
    return copies


def snapshot(site: Site) -> list[tuple[Path, str]]:
    """And shelve: the same copy, which then becomes an image."""
    target = site.disks.snapshot(site.guest.server_id)
    site.disks.copy_root(site.guest.server_id, target, work())
    return [(target, "qcow2")]


def rescue(site: Site) -> list[tuple[Path, str]]:
    found = site.disks.rescue(site.guest, work())
    return [(found[1].path, found[1].format)]


def live_migrate(site: Site) -> list[tuple[Path, str]]:
    """The other host makes disks like those that it is told of; the hypervisors fill them, each opening its own as its
    guest's definition says (test_migration_xml: the same on both sides)."""
    disks, mover = site.host(site.directory / "there")
    told = site.mover.describe(site.guest.server_id)
    assert [disk.size for disk in told] == [site.guest.disk_gb << 30, 1 << 30, 1 << 20], "not what the header says"
    mover.receive(site.guest, told, work())
    arrived = disks.existing(site.guest)
    for here, there in zip(site.made, arrived, strict=True):
        command = ["qemu-img", "convert", "-n", "-f", here.format, "-O", there.format, str(here.path), str(there.path)]
        subprocess.run(command, check=True)
    return [(disk.path, disk.format) for disk in arrived]


def build_again(site: Site) -> list[tuple[Path, str]]:
    """A repeated build, as after the death of the agent: what is there is kept."""
    assert site.disks.create(site.guest, work()) == site.made
    return [(disk.path, disk.format) for disk in site.made]


@pytest.mark.parametrize("operation", [grow, migrate, live_migrate, snapshot, rescue, build_again])
def test_a_header_on_a_guests_disk_stays_data(site: Site, operation: Callable[[Site], list[tuple[Path, str]]]) -> None:
    for path, format in operation(site):
        assert site.first(path, format) == site.planted, path.name
        assert CANARY[:100] not in site.first(path, format)
    assert site.hashes == {name: (site.directory / name).read_bytes() for name in site.hashes}


def rebuild(site: Site) -> QemuDisks:
    site.disks.remove(site.guest.server_id)
    return site.disks


def evacuate(site: Site) -> QemuDisks:
    """From a host that is dead, and comes back to what is no longer its own."""
    elsewhere, _ = site.host(site.directory / "there")
    elsewhere.create(site.guest, work())
    site.disks.remove(site.guest.server_id)
    assert not any(disk.path.exists() for disk in site.made)
    return elsewhere


@pytest.mark.parametrize("operation", [rebuild, evacuate])
def test_what_is_made_of_the_image_has_nothing_of_the_old_disks(
    site: Site, operation: Callable[[Site], QemuDisks]
) -> None:
    made = operation(site).create(site.guest, work())
    for disk in made:
        assert site.first(disk.path, disk.format)[:512] == bytes(512), disk.path.name
    assert (site.directory / "canary").read_bytes() == site.hashes["canary"]


def test_a_snapshot_of_such_a_disk_is_refused_nowhere_and_opens_nothing(site: Site, tmp_path: Path) -> None:
    """It is an honest qcow2 around the planted bytes: the inspector takes it, and the next host converts it."""
    from iaas.host.qemu_img import inspected

    ((copy, _),) = snapshot(site)
    size = site.tool.size(copy, "qcow2")
    judged = inspected(copy, "qcow2", size)
    QemuImg(RUNNER).to_raw(judged, tmp_path / "raw", lambda: None)
    with (tmp_path / "raw").open("rb") as file:
        assert file.read(65536) == site.planted


def test_a_planted_image_would_be_dangerous_if_its_format_were_guessed(site: Site) -> None:
    """What the rules above are for: the raw ephemeral disk, opened without a format, is the host's file."""
    command = ["qemu-img", "convert", "-O", "raw", "ephemeral0", "guessed"]
    subprocess.run(command, cwd=site.directory, check=True, capture_output=True)
    with (site.directory / "guessed").open("rb") as file:
        assert CANARY[:100] in file.read(header.MIB)
