"""The highest fence seen for each subject (volume, snapshot, server) of this host, on the disk, so that an order that
was overtaken is still known as old after a restart (C-08). Knows neither bytes nor orders.

    <state_dir>/fences/<subject>      7

The record outlives its subject for a day; by then the conductor has long forgotten the operation.
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

    def of(self, subject: str) -> int:
        """0 for one never seen. Raises Invalid for what is no id, Internal for a damaged record."""
        data = files.read(self._path(subject), limit=64)
        if data is None:
            return 0
        if not data.isdigit():  # must not let an old order pass: refuse to work on it at all
            raise errors.Internal("The host's record of the fence is damaged.")
        return int(data)

    def record(self, subject: str, fence: int) -> None:
        """Before anything is done under the fence. Never lowers it."""
        if fence > self.of(subject):
            files.write(self._path(subject), str(fence), durable=self._durable)

    def tidy(self, living: Container[str]) -> None:
        """Forgets those that are not ``living`` and were last ordered about more than a day ago."""
        limit = time.time() - _KEEP
        for entry in self._directory.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if entry.name not in living and entry.stat().st_mtime < limit:
                    entry.unlink()

    def _path(self, subject: str) -> Path:
        if not is_uuid(subject) or len(subject) != 36:
            raise errors.Invalid("The subject's id is not a UUID.")
        return self._directory / subject.lower()
