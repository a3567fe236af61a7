"""What a driver remembers on disk: a directory per network or router, which is also the proof
that it is ours.

A directory is made before the first thing of its network or router and removed after the last (C-14), so that a crash
in between leaves a record that leads to the thing. Several agents on one machine have several state
directories.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from iaas.errors import Invalid
from iaas.host import files
from iaas.ids import is_uuid

T = TypeVar("T")


class Records:
    """JSON values and plain text files under ``state_dir/<id>/``."""

    def __init__(self, state_dir: Path) -> None:
        self._root = state_dir
        state_dir.mkdir(parents=True, exist_ok=True)

    def ids(self) -> list[str]:
        return sorted(path.name for path in self._root.iterdir() if is_uuid(path.name) and path.is_dir())

    def directory(self, network_id: str) -> Path:
        """Where the network's files are. Raises Invalid for an id that is no uuid: it names a directory."""
        if not is_uuid(network_id):
            raise Invalid(f"network id {network_id!r} is not a uuid")
        return self._root / network_id

    def claim(self, network_id: str) -> Path:
        directory = self.directory(network_id)
        directory.mkdir(exist_ok=True)
        return directory

    def forget(self, network_id: str) -> None:
        files.remove_tree(self.directory(network_id))

    def read(self, network_id: str | None, name: str, type: type[T]) -> T | None:
        """The recorded value; None when there is none, or one that this version does not understand."""
        try:
            return msgspec.json.decode(self._file(network_id, name).read_bytes(), type=type)
        except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
            return None

    def write(self, network_id: str | None, name: str, value: object) -> None:
        replace(self._file(network_id, name), msgspec.json.encode(value))

    def remove(self, network_id: str | None, name: str) -> None:
        self._file(network_id, name).unlink(missing_ok=True)

    def _file(self, network_id: str | None, name: str) -> Path:
        return (self._root if network_id is None else self.directory(network_id)) / f"{name}.json"


def replace(path: Path, content: bytes) -> bool:
    """Puts the content there in one step; False when it was there already. Not synced to disk: what it
    describes lives in the kernel and does not outlive a crash of the machine either."""
    if path.is_file() and path.read_bytes() == content:
        return False
    files.write(path, content, durable=False)
    return True
