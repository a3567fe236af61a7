"""The disks of a server: a qcow2 overlay on the cached image, raw ephemeral and swap disks. Knows no guest.

instances/<id>/base         hard link to the cached raw image
instances/<id>/disk         qcow2 over base; the flavor's size
instances/<id>/ephemeral0   raw, unformatted
instances/<id>/swap         raw, formatted as swap space
instances/<id>/config       see config_drive.py
instances/<id>/*.old        what a resize on this host goes back to when it is reverted
instances/<id>/rescue.base, rescue.disk    as base and disk, of a rescue image
instances/<id>/snapshot     qcow2 that stands alone, while it is made and uploaded
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from iaas import errors, failpoints
from iaas.compute.agent import config_drive
from iaas.compute.agent.images.cache import ImageCache
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.work import Patience, Work
from iaas.compute.virt.driver import Disk
from iaas.compute.virt.fake_disk import blank_qcow2
from iaas.host import files
from iaas.host.exec import Runner
from iaas.host.qemu_img import QemuImg
from iaas.ids import new_uuid
from iaas.model.order import CachedImage, GuestSpec, ImageSource

_RESCUE = ("rescue.disk", "rescue.base")
OWN = ("disk", "ephemeral0", "swap")  # what is the server's own and goes where it goes
_KEPT = tuple(f"{name}.old" for name in OWN)  # while a resize on this host waits to be confirmed
_NAMES = (*OWN, config_drive.NAME, "base", "copy", "snapshot", *_KEPT, *_RESCUE)
_SNAPSHOT_LEASE = 7200.0  # seconds without a byte, neither written nor sent

_DEVICES = tuple(f"vd{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")


class DiskStore(Protocol):
    """Where servers' disks come from. Messages of errors are fit for users."""

    def create(self, guest: GuestSpec, work: Work) -> tuple[Disk, ...]:
        """The disks, root first; those that exist are kept as they are. Raises as ImageCache.link, and
        Unsupported for a server without image.
        """

    def existing(self, guest: GuestSpec) -> tuple[Disk, ...]:
        """The disks of a server that was built here; raises NotFound when one is missing."""

    def rescue(self, guest: GuestSpec, work: Work) -> tuple[Disk, ...]:
        """A disk of the rescue image, made if need be, and the server's own root disk as the second. Raises as
        ImageCache.link, and NotFound when the server's disk is missing.
        """

    def remove_rescue(self, server_id: str) -> None:
        """Removes what ``rescue`` made; nothing there is fine."""

    def root(self, server_id: str) -> Path:
        """The file of the root disk. Raises NotFound when it is not here."""

    def snapshot(self, server_id: str) -> Path:
        """Where a copy of the root disk goes, not yet there. Raises Unavailable when it might not fit."""

    def copy_root(self, server_id: str, target: Path, work: Work) -> None:
        """The root disk of a guest that is off as a qcow2 that stands alone."""

    def remove(self, server_id: str) -> None:
        """Removes the disks; nothing there is fine."""

    def prefetch(self, image: ImageSource, work: Patience) -> None:
        """The image is complete on this host, for whoever will need it. Raises as ImageCache.link."""

    def cached_images(self) -> tuple[CachedImage, ...]:
        """The images that are complete on this host."""

    def partial_files(self) -> tuple[str, ...]:
        """Names of temporary files older than their lease."""

    def tidy(self) -> None:
        """Periodic housekeeping: partial files, unused images."""


class QemuDisks:
    def __init__(self, instances: Instances, cache: ImageCache, qemu_img: QemuImg, runner: Runner) -> None:
        self._instances = instances
        self._cache = cache
        self._qemu_img = qemu_img
        self._runner = runner

    def create(self, guest: GuestSpec, work: Work) -> tuple[Disk, ...]:
        directory = files.directory(self._instances.directory(guest.server_id))
        if not guest.boots_from_volume and not (directory / "disk").exists():
            self._root(guest, directory, work)
        self.complete(guest)
        return self.existing(guest)

    def complete(self, guest: GuestSpec) -> None:
        """Makes the disks that the flavor adds to the root disk, as far as they are missing or too small."""
        directory = self._instances.directory(guest.server_id)
        if guest.ephemeral_gb:
            _blank(directory / "ephemeral0", guest.ephemeral_gb << 30)
        if guest.swap_mb and not (directory / "swap").exists():
            self._swap(directory / "swap", guest.swap_mb << 20)
        files.sync(directory)

    def existing(self, guest: GuestSpec) -> tuple[Disk, ...]:
        directory = self._instances.directory(guest.server_id)
        found = [] if guest.boots_from_volume else [("disk", "qcow2")]
        found += [("ephemeral0", "raw")] if guest.ephemeral_gb else []
        found += [("swap", "raw")] if guest.swap_mb else []
        lacks = [name for name, _ in found if not (directory / name).exists()]
        for name in lacks or (["base"] if _is_overlay(directory / "disk") else []):
            if not (directory / name).exists():
                raise errors.NotFound("A disk of the server is not on this host.", resource="disk")
        free = _free_devices(guest)
        return tuple(Disk(target=next(free), path=directory / name, format=format) for name, format in found)

    def rescue(self, guest: GuestSpec, work: Work) -> tuple[Disk, ...]:
        own = self.existing(guest)
        directory = self._instances.directory(guest.server_id)
        if guest.rescue is None:
            raise errors.Invalid("The order to rescue has no image in it.")
        if not (directory / "rescue.disk").exists():
            self._overlay(directory, guest.rescue, "rescue.base", "rescue.disk", guest.rescue.virtual_size, work)
            files.sync(directory)
        free = _free_devices(guest)
        paths = (directory / "rescue.disk", own[0].path)
        return tuple(Disk(target=next(free), path=path, format="qcow2") for path in paths)

    def remove_rescue(self, server_id: str) -> None:
        directory = self._instances.directory(server_id)
        for name in _RESCUE:
            (directory / name).unlink(missing_ok=True)

    def root(self, server_id: str) -> Path:
        path = self._instances.directory(server_id) / "disk"
        if not path.exists():
            raise errors.NotFound("A disk of the server is not on this host.", resource="disk")
        return path

    def snapshot(self, server_id: str) -> Path:
        root = self.root(server_id)
        target = root.with_name("snapshot")
        target.unlink(missing_ok=True)
        parts = [path for path in (root, root.with_name("base")) if path.exists()]
        self._cache.room.check(sum(path.stat().st_blocks * 512 for path in parts))
        return target

    def copy_root(self, server_id: str, target: Path, work: Work) -> None:
        root = self.root(server_id)
        self._qemu_img.flatten(root, target, work.progress)

    def remove(self, server_id: str) -> None:
        directory = self._instances.directory(server_id)
        for name in _NAMES:
            (directory / name).unlink(missing_ok=True)

    def prefetch(self, image: ImageSource, work: Patience) -> None:
        self._cache.ensure(image, work)

    def cached_images(self) -> tuple[CachedImage, ...]:
        return self._cache.images()

    def partial_files(self) -> tuple[str, ...]:
        return self._cache.partial_files()

    def tidy(self) -> None:
        self._cache.tidy()
        for server_id in self._instances.ids():
            forgotten = self._instances.directory(server_id) / "snapshot"
            with suppress(FileNotFoundError):
                if forgotten.stat().st_atime < time.time() - _SNAPSHOT_LEASE:
                    forgotten.unlink()

    def _root(self, guest: GuestSpec, directory: Path, work: Work) -> None:
        if guest.image is None:
            raise errors.Unsupported("The server has no image to boot from.")
        size = guest.disk_gb << 30 or guest.image.virtual_size
        self._overlay(directory, guest.image, "base", "disk", size, work)

    def _overlay(self, directory: Path, image: ImageSource, base: str, disk: str, size: int, work: Work) -> None:
        if not (directory / base).exists():
            failpoints.hit("compute.build.before_image")
            self._cache.link(image, directory / base, work)
            failpoints.hit("compute.build.after_image")
        work.check()
        temporary = files.partial(directory / disk)
        try:
            self._qemu_img.overlay(temporary, base, size)
            failpoints.hit("compute.build.after_overlay")
            files.publish(temporary, directory / disk)
        finally:
            temporary.unlink(missing_ok=True)

    def _swap(self, path: Path, size: int) -> None:
        temporary = files.partial(path)
        try:
            _blank(temporary, size)
            self._runner.run(["mkswap", "-q", str(temporary)], timeout=30)
            files.publish(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _free_devices(guest: GuestSpec) -> Iterator[str]:
    """Device names in order, without those of the volumes: the flavor's disks may be more after a resize."""
    taken = {volume.device for volume in guest.volumes}
    return (name for name in _DEVICES if name not in taken)


def _is_overlay(path: Path) -> bool:
    """Whether the root disk lies over a cached image. One that came from another host, or was resized, does not."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        return int.from_bytes(file.read(16)[8:16], "big") != 0


def _blank(path: Path, size: int) -> None:
    """A sparse file of the size; one that exists already has it."""
    with path.open("ab") as file:
        if file.tell() < size:
            file.truncate(size)
    path.chmod(0o600)


class FakeDisks:
    """Disks in memory, for the fake driver: no image is needed, and each image counts as cached once used.

    Survives the "restart of a daemon" in tests by being handed to the next one; ``fail(error)`` lets the next
    ``create`` raise.
    """

    def __init__(self, made: MutableMapping[str, tuple[Disk, ...]] | None = None) -> None:
        self.made: MutableMapping[str, tuple[Disk, ...]] = {} if made is None else made
        self.rescues: set[str] = set()  # servers with a rescue disk
        self.contents: dict[str, str] = {}  # server -> a name for what its disk holds, which goes where the disk goes
        self.originals: dict[str, str] = {}  # the same of what a resize on this host keeps
        self._images: set[str] = set()
        self._failures: list[Exception] = []
        self._lock = threading.Lock()

    def fail(self, error: Exception, times: int = 1) -> None:
        self._failures.extend([error] * times)

    def create(self, guest: GuestSpec, work: Work) -> tuple[Disk, ...]:
        failpoints.hit("compute.build.before_image")
        work.check()
        with self._lock:
            if self._failures:
                raise self._failures.pop(0)
            if guest.image:
                self._images.add(guest.image.id)
            if guest.server_id not in self.made and guest.boots_from_volume:
                self.made[guest.server_id] = ()
            elif guest.server_id not in self.made:
                self.put(guest.server_id, new_uuid())
            return self.made[guest.server_id]

    def put(self, server_id: str, content: str) -> None:
        """The server's disk is here, with that content."""
        path = Path("/nonexistent", server_id, "disk")
        self.made[server_id] = (Disk(target="vda", path=path, format="qcow2"),)
        self.contents[server_id] = content

    def existing(self, guest: GuestSpec) -> tuple[Disk, ...]:
        if guest.server_id not in self.made:
            raise errors.NotFound("A disk of the server is not on this host.", resource="disk")
        return self.made[guest.server_id]

    def rescue(self, guest: GuestSpec, work: Work) -> tuple[Disk, ...]:
        own = self.existing(guest)
        work.check()
        with self._lock:
            if self._failures:
                raise self._failures.pop(0)
            self.rescues.add(guest.server_id)
        return (replace(own[0], path=own[0].path.with_name("rescue.disk")), replace(own[0], target="vdb"))

    def remove_rescue(self, server_id: str) -> None:
        self.rescues.discard(server_id)

    def root(self, server_id: str) -> Path:
        if server_id not in self.made:
            raise errors.NotFound("A disk of the server is not on this host.", resource="disk")
        return self.made[server_id][0].path

    def snapshot(self, server_id: str) -> Path:
        self.root(server_id)
        with self._lock:
            if self._failures:
                raise self._failures.pop(0)
        descriptor, name = tempfile.mkstemp(prefix="fake-snapshot-")
        os.close(descriptor)
        return Path(name)

    def copy_root(self, server_id: str, target: Path, work: Work) -> None:
        work.check()
        target.write_bytes(blank_qcow2(1 << 30))

    def remove(self, server_id: str) -> None:
        with self._lock:
            self.made.pop(server_id, None)
            self.rescues.discard(server_id)
            self.contents.pop(server_id, None)
            self.originals.pop(server_id, None)

    def prefetch(self, image: ImageSource, work: Patience) -> None:
        work.check()
        with self._lock:
            if self._failures:
                raise self._failures.pop(0)
            self._images.add(image.id)

    def cached_images(self) -> tuple[CachedImage, ...]:
        return tuple(CachedImage(name=id, image_id=id, bytes=0, used_at=0.0, users=0) for id in sorted(self._images))

    def partial_files(self) -> tuple[str, ...]:
        return ()

    def tidy(self) -> None:
        """Nothing is left behind in memory."""
