"""Volumes that are only numbers: for tests, and for whole clouds without bytes. Same promises as the real one."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from iaas import errors, failpoints
from iaas.ids import is_uuid
from iaas.model.volume_order import VolumeInventory
from iaas.volume.drivers.driver import DriverSettings

_CAPACITY_GB = 10000


class FakeBackend:
    """What survives the daemon. ``broken`` is raised by every create and delete while it is set."""

    def __init__(self) -> None:
        self.volumes: dict[str, int] = {}
        self.partials: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        self.broken: Exception | None = None
        self.lock = threading.Lock()


class FakeDriver:
    """Without a ``backend`` it begins with an empty one."""

    def __init__(self, settings: DriverSettings, backend: FakeBackend | None = None) -> None:
        self.backend = backend or FakeBackend()
        self._capacity_gb = settings.capacity_gb

    def create(self, volume_id: str, size_gb: int) -> None:
        self._called("create", volume_id)
        with self.backend.lock:
            self.backend.partials.discard(volume_id)
            there = self.backend.volumes.get(volume_id)
            if there not in (None, size_gb):
                raise errors.Conflict("The volume is there already, in another size.")
            if there is None:
                self.backend.partials.add(volume_id)
                failpoints.hit("volume.create.after_file")
                self.backend.partials.discard(volume_id)
                self.backend.volumes[volume_id] = size_gb
        failpoints.hit("volume.create.after_publish")

    def delete(self, volume_id: str) -> None:
        self._called("delete", volume_id)
        with self.backend.lock:
            self.backend.partials.discard(volume_id)
            self.backend.volumes.pop(volume_id, None)
        failpoints.hit("volume.delete.after_unlink")

    def volumes(self) -> Mapping[str, int]:
        with self.backend.lock:
            return dict(self.backend.volumes)

    def capacity_gb(self) -> int:
        return self._capacity_gb or _CAPACITY_GB

    def inventory(self) -> VolumeInventory:
        with self.backend.lock:
            return VolumeInventory(
                volumes=tuple(sorted(self.backend.volumes)), partial_files=tuple(sorted(self.backend.partials))
            )

    def tidy(self) -> None:
        with self.backend.lock:
            self.backend.partials.clear()

    def _called(self, verb: str, volume_id: str) -> None:
        if not is_uuid(volume_id) or len(volume_id) != 36:
            raise errors.Invalid("The volume's id is not a UUID.")
        self.backend.calls.append((verb, volume_id))
        if self.backend.broken:
            raise self.backend.broken


PLUGIN = FakeDriver
