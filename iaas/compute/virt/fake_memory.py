"""What a fake host remembers when its daemon is killed, as a real one's guests and disks stay: one small file an
entry. Knows nothing of what the entries mean."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from iaas.host import files

V = TypeVar("V")


class Kept(UserDict[str, V]):
    """A dictionary by id that begins with what its directory holds, and writes every change through, unsynced.

    ``type``: of the values, for msgspec. ``trim`` gives what of a value is written: no secret goes to disk.
    """

    def __init__(self, directory: Path, type: Any, trim: Callable[[V], V] = lambda value: value) -> None:
        self._directory, self._trim = files.directory(directory), trim
        super().__init__()
        for file in sorted(directory.glob("*.json")):
            self.data[file.stem] = msgspec.json.decode(file.read_bytes(), type=type, dec_hook=_path)

    def __setitem__(self, key: str, value: V) -> None:
        content = msgspec.json.encode(self._trim(value), enc_hook=str)
        files.write(self._directory / f"{key}.json", content, durable=False)
        self.data[key] = value

    def __delitem__(self, key: str) -> None:
        del self.data[key]
        (self._directory / f"{key}.json").unlink(missing_ok=True)


def _path(type: Any, value: Any) -> Any:
    if type is not Path:
        raise NotImplementedError(f"{type} is not read here")
    return Path(value)
