"""The highest fence seen for each volume of this host, on the disk, so that an order that was overtaken is still
known as old after a restart (C-08). Knows neither bytes nor orders.

    <state_dir>/fences/<volume id>      7

The record outlives its volume for a day; by then the conductor has long forgotten the operation.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Container
from pathlib import Path

from iaas import errors
from iaas.host import files
from iaas.ids import is_uuid

_KEEP = 86400.0  # seconds


class Fences:
    """``durable`` False skips the syncs to disk: only for tests and the fake driver."""

    def __init__(self, state_dir: Path, *, durable: bool = True) -> None:
        self._directory = files.directory(files.directory(state_dir) / "fences")
        self._durable = durable

    def of(self, volume_id: str) -> int:
        """0 for a volume never seen. Raises Invalid for what is no id, Internal for a damaged record."""
        data = files.read(self._path(volume_id), limit=64)
        if data is None:
            return 0
        if not data.isdigit():  # must not let an old order pass: refuse to work on this volume at all
            raise errors.Internal("The host's record of the volume is damaged.")
        return int(data)

    def record(self, volume_id: str, fence: int) -> None:
        """Before anything is done under the fence. Never lowers it."""
        if fence > self.of(volume_id):
            files.write(self._path(volume_id), str(fence), durable=self._durable)

    def tidy(self, living: Container[str]) -> None:
        """Forgets volumes that are not ``living`` and were last ordered about more than a day ago."""
        limit = time.time() - _KEEP
        for entry in self._directory.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if entry.name not in living and entry.stat().st_mtime < limit:
                    entry.unlink()

    def _path(self, volume_id: str) -> Path:
        if not is_uuid(volume_id) or len(volume_id) != 36:
            raise errors.Invalid("The volume's id is not a UUID.")
        return self._directory / volume_id.lower()
