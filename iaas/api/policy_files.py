"""The operator's policy files: policy.json, policy.yaml and policy.d/ beside each other, the later over the earlier."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from oslo_policy import policy as oslo

MAX_BYTES = 1024 * 1024  # of one file
MAX_FILES = 100  # in policy.d
SUFFIXES = (".json", ".yaml", ".yml")
_NAMES = Path(__file__).with_name("rule_names.txt")


@dataclass(frozen=True)
class Override:
    """A rule of a file: its check string, and the file that has the last word."""

    check: str
    file: Path


class PolicyFiles:
    """What is found under one name: ``/etc/iaas/policy.yaml`` stands for policy.json, policy.yaml and policy.d/."""

    def __init__(self, file: str) -> None:
        path = Path(file)
        main = dict.fromkeys([path.with_suffix(".json"), path.with_suffix(".yaml"), path])
        self._files = tuple(main)
        self._directory = path.with_suffix(".d")
        self._main, self._d = tuple(map(str, main)), str(self._directory)

    def paths(self) -> Iterator[Path]:
        """The files in the order in which they count, whether they exist or not."""
        yield from self._files
        try:
            inside = sorted(item for item in self._directory.iterdir() if item.suffix in SUFFIXES)
        except OSError:
            inside = []  # no such directory: most clouds have none
        yield from inside[:MAX_FILES]

    def stamp(self) -> tuple[tuple[str, int, int, int], ...]:
        """Equal as long as nothing was written, replaced, added or removed. Asked at every request: three system
        calls where there is no policy.d."""
        found = [state for path in self._main if (state := _state(path))]
        if inside := _state(self._d):
            found += [inside, *(state for path in self.paths() if (state := _state(str(path))))]
        return tuple(found)

    def read(self) -> dict[str, Override]:
        """The rules of all files. Raises ValueError for anything but check strings: a null one would allow
        everybody; OSError for a file that can't be read."""
        rules: dict[str, Override] = {}
        for path in self.paths():
            if path.exists():
                rules |= {name: Override(check, path) for name, check in _parsed(path).items()}
        return rules


def _state(path: str) -> tuple[str, int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a third of the time of Path.stat
    except OSError:
        return None  # not there
    return path, found.st_mtime_ns, found.st_size, found.st_ino


def _parsed(path: Path) -> Mapping[str, str]:
    with path.open(encoding="utf-8") as file:
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise ValueError(f"{path} is larger than {MAX_BYTES} characters")
    try:
        found = oslo.parse_file_contents(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(part, str) for item in found.items() for part in item):
        raise ValueError(f"{path} is not a mapping of rule names to check strings")
    return found


def names_of_all_services() -> frozenset[str]:
    """Every rule name and alias that any of our APIs knows. From a file that tools/regenerate.py writes, because no
    daemon has the routes of all of them in memory."""
    return frozenset(_NAMES.read_text(encoding="utf-8").split())
