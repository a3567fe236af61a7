"""The servers' directories on this host, and the highest fence seen for each. Knows neither disks nor guests.

    <state_dir>/instances/<server id>/fence      {"fence": 7, "once": "operation/step"}
    <state_dir>/instances/<server id>/console.log, disk, …
    <state_dir>/gone/<server id>                 the same as fence, for servers without a directory

The fence outlives the directory for a day, so that an old order that arrives late is still recognised as old
(C-08); after a day the conductor has long forgotten the operation.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

from iaas import errors
from iaas.host import files
from iaas.ids import is_uuid

_KEEP_GONE = 86400.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Claim:
    """``once``: the last action started that must not run twice, as "operation/step" (C-18)."""

    fence: int = 0
    once: str | None = None


class Instances:
    """``durable`` False skips the syncs to disk: only for tests and the fake driver."""

    def __init__(self, state_dir: Path, *, durable: bool = True) -> None:
        self._root = files.directory(files.directory(state_dir) / "instances")
        self._gone = files.directory(state_dir / "gone")
        self._durable = durable

    def directory(self, server_id: str) -> Path:
        """Where a server's files are, whether it exists or not. Raises Invalid for what is no id (S-019)."""
        if not is_uuid(server_id):
            raise errors.Invalid("The server's id is not a UUID.")
        return self._root / server_id.lower()

    def console(self, server_id: str) -> Path:
        return self.directory(server_id) / "console.log"

    def exists(self, server_id: str) -> bool:
        return self.directory(server_id).is_dir()

    def put(self, server_id: str, name: str, data: bytes) -> Path:
        """Writes a file of the server, readable to its owner alone: it is there as a whole or not at all. What a death
        of this daemon left of an earlier try goes."""
        path = self.directory(server_id) / name
        for left in path.parent.glob(f".{name}.*"):
            left.unlink(missing_ok=True)
        files.write(path, data, durable=self._durable)
        return path

    def ids(self) -> tuple[str, ...]:
        return tuple(sorted(entry.name for entry in self._root.iterdir() if is_uuid(entry.name)))

    def claim_of(self, server_id: str) -> Claim:
        """The highest fence on record, 0 for a server never seen."""
        here = _read(self.directory(server_id) / "fence")
        gone = _read(self._gone / self.directory(server_id).name)
        return max(here, gone, key=lambda claim: claim.fence)

    def claim(self, server_id: str, fence: int, *, create: bool = False, once: str | None = None) -> None:
        """Records the fence before anything is done under it; ``create`` makes the server's directory
        first.
        """
        directory = self.directory(server_id)
        old = self.claim_of(server_id)
        if fence < old.fence:
            raise errors.Conflict("A newer order for the server has been seen.")
        if create:
            files.directory(directory)
        target = directory / "fence" if directory.is_dir() else self._gone / directory.name
        self._write(target, Claim(fence=fence, once=once or old.once))
        if create:
            (self._gone / directory.name).unlink(missing_ok=True)

    def forget(self, server_id: str, fence: int) -> None:
        """Removes the directory with all that is in it; the fence stays on record. Can be repeated."""
        directory = self.directory(server_id)
        if directory.exists():
            self._write(self._gone / directory.name, Claim(fence=fence))
            files.remove_tree(directory)

    def tidy(self) -> None:
        """Forgets the fences of servers that went more than a day ago."""
        limit = time.time() - _KEEP_GONE
        for entry in self._gone.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if entry.stat().st_mtime < limit:
                    entry.unlink()

    def _write(self, path: Path, claim: Claim) -> None:
        text = json.dumps({"fence": claim.fence, "once": claim.once})
        files.write(path, text, durable=self._durable)


def _read(path: Path) -> Claim:
    data = files.read(path, limit=4096)
    if data is None:
        return Claim()
    try:
        found = json.loads(data)
        return Claim(fence=int(found["fence"]), once=found.get("once"))
    except (ValueError, KeyError, TypeError) as error:
        # A damaged record must not let an old order pass: refuse to work on this server at all.
        raise errors.Internal("The host's record of the server is damaged.") from error
