"""What lies in the cache, and what of it may go: by age, by number of bytes, by what the disk has left. Drops nothing.

An entry is in use while a server's directory has a hard link to it. One in use never goes; the others go in the order
in which they were last used.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from iaas.host.room import Room
from iaas.model.order import CachedImage

PARTIAL_LEASE = 1200.0  # seconds: longer than the longest conversion


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """For entries that no server uses. ``age``: seconds since the last use. ``low``: bytes free on the disk, under
    which they go. ``most``: bytes that all of them may take; 0: no limit."""

    age: float = 86400.0
    low: int = 0
    most: int = 0


class Shelf:
    def __init__(self, directory: Path, room: Room, keeping: Keeping) -> None:
        self._directory, self._room, self._keeping = directory, room, keeping

    def account(self) -> tuple[CachedImage, ...]:
        """Every complete entry, the least recently used first."""
        found = [entry for name in self._names() if (entry := self._entry(name)) is not None]
        return tuple(sorted(found, key=lambda entry: (entry.used_at, entry.name)))

    def unused(self) -> Iterator[str]:
        """Names of complete entries without users, the least recently used first."""
        return (entry.name for entry in self.account() if not entry.users)

    def superfluous(self) -> Iterator[tuple[str, str]]:
        """(name, why) of what is to be dropped, one after the other: each look at the disk counts what went before."""
        unused = [entry for entry in self.account() if not entry.users]
        taken = sum(entry.bytes for entry in unused)
        for entry in unused:
            if time.time() - entry.used_at > self._keeping.age:
                why = "unused for long"
            elif self._keeping.most and taken > self._keeping.most:
                why = "unused images take too much"
            elif self._room.free() < max(self._keeping.low, self._room.reserve):
                why = "the disk is nearly full"
            else:
                continue
            taken -= entry.bytes
            yield entry.name, why

    def broken(self) -> list[Path]:
        """Halves of entries that a crash left: a disk without record, a record without disk, older than their lease."""
        found = []
        for path in self._files():
            other = path.with_suffix("") if path.suffix == ".json" else path.with_suffix(".json")
            with suppress(FileNotFoundError):
                if not other.exists() and path.stat().st_mtime < time.time() - PARTIAL_LEASE:
                    found.append(path)
        return sorted(found)

    def _entry(self, name: str) -> CachedImage | None:
        try:
            disk, record = (self._directory / name).stat(), (self._directory / f"{name}.json").stat()
        except FileNotFoundError:
            return None
        return CachedImage(
            name=name, image_id=name[:36], bytes=disk.st_blocks * 512, used_at=record.st_mtime, users=disk.st_nlink - 1
        )

    def _names(self) -> list[str]:
        return [path.name for path in self._files() if not path.suffix]

    def _files(self) -> list[Path]:
        return [path for path in self._directory.iterdir() if not path.name.startswith(".")]
