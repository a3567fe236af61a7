"""Volumes that are only numbers: for tests, and for whole clouds without bytes. Same promises as the real one."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping

from iaas import errors, failpoints
from iaas.ids import is_uuid
from iaas.model.volume_order import ZEROS, Export, Source, VolumeInventory
from iaas.volume.drivers.driver import Check, DriverSettings, unhurried

_CAPACITY_GB = 10000


class FakeBackend:
    """What survives the daemon. ``broken`` is raised by every verb, or the one named, while it is
    set; ``served`` by attachment id."""

    def __init__(self) -> None:
        self.volumes: dict[str, int] = {}
        self.snapshots: dict[str, int] = {}
        self.partials: set[str] = set()
        self.served: dict[str, Export] = {}
        self.serving = True  # False: whatever serves has died
        self.calls: list[tuple[str, str]] = []
        self.broken: Exception | None = None
        self.broken_verb = ""
        self.lock = threading.Lock()

    def die(self) -> None:
        """The storage daemon is killed."""
        self.served, self.serving = {}, False


class FakeDriver:
    """Without a ``backend`` it begins with an empty one."""

    def __init__(self, settings: DriverSettings, backend: FakeBackend | None = None) -> None:
        self.backend = backend or FakeBackend()
        self._capacity_gb = settings.capacity_gb
        self._port = settings.port
        self._known = False  # what is served: a new process has to look

    def create(self, volume_id: str, size_gb: int, source: Source = ZEROS, check: Check = unhurried) -> None:
        self._called("create", volume_id)
        check()
        with self.backend.lock:
            self.backend.partials.discard(volume_id)
            there = self.backend.volumes.get(volume_id)
            if there not in (None, size_gb):
                raise errors.Conflict("The volume is there already, in another size.")
            self._find(self.backend.snapshots, source.snapshot_id)
            self._find(self.backend.volumes, source.volume_id)
            if there is None:
                self.backend.partials.add(volume_id)
                failpoints.hit("volume.create.after_file")
                self.backend.partials.discard(volume_id)
                self.backend.volumes[volume_id] = size_gb
        failpoints.hit("volume.create.after_publish")

    def delete(self, volume_id: str) -> None:
        self._called("delete", volume_id)
        with self.backend.lock:
            self._must_not_be_served(volume_id)
            self.backend.partials.discard(volume_id)
            self.backend.volumes.pop(volume_id, None)
        failpoints.hit("volume.delete.after_unlink")

    def extend(self, volume_id: str, size_gb: int) -> None:
        self._called("extend", volume_id)
        with self.backend.lock:
            self._find(self.backend.volumes, volume_id)
            self._must_not_be_served(volume_id)
            failpoints.hit("volume.extend.before_resize")
            self.backend.volumes[volume_id] = max(size_gb, self.backend.volumes[volume_id])
        failpoints.hit("volume.extend.after_resize")

    def snapshot(self, snapshot_id: str, volume_id: str) -> None:
        self._called("snapshot", volume_id)
        _check_id(snapshot_id)
        with self.backend.lock:
            self._find(self.backend.volumes, volume_id)
            failpoints.hit("volume.snapshot.after_link")
            self.backend.snapshots.setdefault(snapshot_id, self.backend.volumes[volume_id])
        failpoints.hit("volume.snapshot.after_publish")

    def delete_snapshot(self, snapshot_id: str) -> None:
        self._called("delete_snapshot", snapshot_id)
        with self.backend.lock:
            self.backend.snapshots.pop(snapshot_id, None)
        failpoints.hit("volume.snapshot.after_unlink")

    def serve(self, exports: Collection[Export]) -> Mapping[str, errors.Error]:
        if self.backend.broken:
            raise self.backend.broken
        failed: dict[str, errors.Error] = {}
        with self.backend.lock:
            self._known = self.backend.serving = True
            for gone in set(self.backend.served) - {item.attachment_id for item in exports}:
                del self.backend.served[gone]
            failpoints.hit("volume.serve.before_add")
            for item in exports:
                if item.volume_id in self.backend.volumes:
                    self.backend.served[item.attachment_id] = item
                else:
                    failed[item.attachment_id] = errors.NotFound.of("volume", item.volume_id)
        failpoints.hit("volume.serve.after_add")
        return failed

    def serving(self) -> bool:
        return self._known and self.backend.serving

    def port(self) -> int:
        return self._port

    def volumes(self) -> Mapping[str, int]:
        with self.backend.lock:
            return dict(self.backend.volumes)

    def snapshots(self) -> Mapping[str, int]:
        with self.backend.lock:
            return dict(self.backend.snapshots)

    def capacity_gb(self) -> int:
        return self._capacity_gb or _CAPACITY_GB

    def inventory(self) -> VolumeInventory:
        with self.backend.lock:
            return VolumeInventory(
                volumes=tuple(sorted(self.backend.volumes)),
                partial_files=tuple(sorted(self.backend.partials)),
                snapshots=tuple(sorted(self.backend.snapshots)),
                served=tuple(self.backend.served.values()),
            )

    def tidy(self) -> None:
        with self.backend.lock:
            self.backend.partials.clear()

    def _called(self, verb: str, id: str) -> None:
        _check_id(id)
        self.backend.calls.append((verb, id))
        if self.backend.broken and self.backend.broken_verb in ("", verb):
            raise self.backend.broken

    def _find(self, known: Mapping[str, int], id: str | None) -> None:
        if id is not None and id not in known:
            raise errors.NotFound("What it is to be made of is not on this host.")

    def _must_not_be_served(self, volume_id: str) -> None:
        if any(item.volume_id == volume_id for item in self.backend.served.values()):
            raise errors.Conflict("The volume is served to a server.")


def _check_id(id: str) -> None:
    if not is_uuid(id) or len(id) != 36:
        raise errors.Invalid("The volume's id is not a UUID.")


PLUGIN = FakeDriver
