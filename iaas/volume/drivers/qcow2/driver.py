"""The verbs of the back end: each first looks at the files, then acts on them, then has the storage daemon follow.

One lock is around everything that changes how files stand on each other, all of it milliseconds; downloads and
conversions are outside of it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from pathlib import Path

from iaas import errors, failpoints
from iaas.host.exec import Runner
from iaas.host.image_fetch import Fetch, fetch
from iaas.host.qemu_img import QemuImg
from iaas.model.volume_order import ZEROS, Export, Source, VolumeInventory
from iaas.volume.drivers.driver import Check, DriverSettings, unhurried
from iaas.volume.drivers.qcow2.content import Images
from iaas.volume.drivers.qcow2.files import GIB, Files, gib, read_header, space_is_said
from iaas.volume.drivers.qcow2.graph import Graph, node_of, volume_of
from iaas.volume.drivers.qcow2.merge import merge_one
from iaas.volume.drivers.qcow2.storage_daemon import StorageDaemon


class Qcow2Driver:
    def __init__(self, settings: DriverSettings, runner: Runner | None = None, fetch: Fetch = fetch) -> None:
        runner = runner or Runner()
        self.files = Files(settings.state_dir, runner)
        self.daemon = StorageDaemon(settings, runner)
        self._capacity_gb = settings.capacity_gb
        self._lock = threading.RLock()
        self._images = Images(self.files, QemuImg(runner), fetch, self._lock, settings.reserved_gb * GIB)
        self._known = False  # whether what is served is what should be
        self._needed = False  # whether something is

    # -- volumes --------------------------------------------------------------------------------------------------

    def create(self, volume_id: str, size_gb: int, source: Source = ZEROS, check: Check = unhurried) -> None:
        link = self.files.volume(volume_id)
        if link.is_symlink():
            if gib(link) != size_gb:
                raise errors.Conflict("The volume is there already, in another size.")
            return
        with space_is_said():
            if source.image is not None:
                with self._images.base(source.image, check) as base:
                    self._make(link, base, size_gb * GIB)
                return
            with self._lock:
                lower = None
                if source.snapshot_id is not None:
                    lower = self.files.disk(self.files.snapshot(source.snapshot_id))
                elif source.volume_id is not None:
                    lower = self._freeze(source.volume_id)
                self._make(link, lower, size_gb * GIB)

    def delete(self, volume_id: str) -> None:
        link = self.files.volume(volume_id)
        with self._lock:
            if link.is_symlink():
                self._close(volume_id)
                link.unlink()
            failpoints.hit("volume.delete.after_unlink")
            self.files.collect()

    def extend(self, volume_id: str, size_gb: int) -> None:
        link = self.files.volume(volume_id)
        with self._lock, space_is_said():
            disk = self.files.disk(link)
            if read_header(disk).size >= size_gb * GIB:
                return
            self._close(volume_id)
            failpoints.hit("volume.extend.before_resize")
            self.files.resize(disk, size_gb * GIB)
        failpoints.hit("volume.extend.after_resize")

    def _make(self, link: Path, lower: Path | None, size: int) -> None:
        disk = self.files.new(size, lower)
        failpoints.hit("volume.create.after_file")
        self.files.point(link, disk)
        failpoints.hit("volume.create.after_publish")

    # -- snapshots ------------------------------------------------------------------------------------------------

    def snapshot(self, snapshot_id: str, volume_id: str) -> None:
        """First the snapshot's link, then the volume goes on elsewhere: while both lead to the same disk it is not done
        yet, and goes on where it stopped."""
        link, volume = self.files.snapshot(snapshot_id), self.files.volume(volume_id)
        with self._lock, space_is_said():
            if not link.is_symlink():
                self.files.point(link, self.files.disk(volume))
                failpoints.hit("volume.snapshot.after_link")
            if self.files.disk(link) == self.files.disk(volume):
                self._freeze(volume_id)
            else:
                self._follow()
        failpoints.hit("volume.snapshot.after_publish")

    def delete_snapshot(self, snapshot_id: str) -> None:
        """What stands on its disk goes on doing so, until ``tidy`` has merged it."""
        link = self.files.snapshot(snapshot_id)
        with self._lock:
            link.unlink(missing_ok=True)
            failpoints.hit("volume.snapshot.after_unlink")
            self.files.collect()

    def _freeze(self, volume_id: str) -> Path:
        """The volume's disk is written no more; the volume goes on with a new one on top of it. Gives the old one.

        What the storage daemon writes between the change of the link and the switch of its node still goes to the old
        disk, under the new one, which is empty: the moment that is kept is that of the switch.
        """
        link = self.files.volume(volume_id)
        old = self.files.disk(link)
        new = self.files.new(read_header(old).size, old)
        failpoints.hit("volume.snapshot.after_overlay")
        self.files.point(link, new)
        failpoints.hit("volume.snapshot.before_switch")
        self._follow()
        return old

    def _follow(self) -> None:
        if self.daemon.find():
            Graph(self.daemon.qmp, self.files).align()

    # -- serving --------------------------------------------------------------------------------------------------

    def serve(self, exports: Collection[Export]) -> Mapping[str, errors.Error]:
        """Without anything to serve no process is started."""
        with self._lock:
            failed: dict[str, errors.Error] = {}
            if exports or self.daemon.find():
                failed = Graph(self.daemon.ensure(), self.files).serve(exports)
            self._known, self._needed = True, bool(exports)
            return failed

    def serving(self) -> bool:
        if not self._lock.acquire(blocking=False):
            return True  # somebody is at work, and will find out
        try:
            return self._known and (not self._needed or self.daemon.alive())
        finally:
            self._lock.release()

    def port(self) -> int:
        return self.daemon.port

    # -- looking --------------------------------------------------------------------------------------------------

    def volumes(self) -> Mapping[str, int]:
        return {id: gib(path) for id, path in self.files.of("volume").items()}

    def snapshots(self) -> Mapping[str, int]:
        return {id: gib(path) for id, path in self.files.of("snapshot").items()}

    def capacity_gb(self) -> int:
        return self._capacity_gb or self.files.room()

    def inventory(self) -> VolumeInventory:
        """A merge that ended since the last ``tidy`` has left a disk that is nobody's: the look takes it away first."""
        with self._lock:
            self.files.collect()
            ids = Graph(self.daemon.qmp, self.files).served if self.daemon.find() else {}
            return VolumeInventory(
                volumes=tuple(self.files.of("volume")),
                snapshots=tuple(self.files.of("snapshot")),
                partial_files=tuple(file.name for file in self.files.stale()),
                served=tuple(_export(id) for id in ids),
                strays=tuple(file.name for file in self.files.waste()),
            )

    def tidy(self) -> None:
        with self._lock:
            self.files.sweep()
            self.files.collect()
            merge_one(self.files, self.daemon)

    def _close(self, volume_id: str) -> None:
        """The storage daemon has the volume's disk no longer open. Raises Conflict while it is served."""
        if not self.daemon.find():
            return
        graph = Graph(self.daemon.qmp, self.files)
        if volume_id in {volume_of(id) for id in graph.served}:
            raise errors.Conflict("The volume is served to a server.")
        graph.end_merge(node_of(self.files.disk(self.files.volume(volume_id))))
        graph.close_unused()


def _export(id: str) -> Export:
    """What the storage daemon knows of an export; whose attachment it is, is in the agent's record only."""
    return Export(attachment_id="", volume_id=volume_of(id), name=id[39:], writable=id[0] == "w")
