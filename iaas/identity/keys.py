"""A ring of keys: files 0, 1, 2 … in one private directory. Knows nothing of what the keys seal.

The highest number seals, every key opens, and 0 is the next one to be promoted, so that each node can hold it
before anything is sealed with it. All API nodes need the same files. There are two rings: that of the tokens and that
of the credentials, whose secrets the database keeps.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from iaas.clock import Clock
from iaas.errors import Invalid, Unavailable
from iaas.host import files

log = logging.getLogger(__name__)
_LOOK = 1.0  # seconds between two looks at the directory


class KeyRing:
    """Reads the keys again within a second of a change. Thread-safe."""

    def __init__(self, directory: str, clock: Clock, what: str = "token") -> None:
        self._directory = Path(directory)
        self._clock = clock
        self._what = what
        self._lock = threading.Lock()
        self._stamp: tuple[tuple[int, int, int], ...] = ()
        self._looked = float("-inf")
        self._ring: MultiFernet | None = None
        self._fingerprint = ""

    def ring(self) -> MultiFernet:
        """All keys, the sealing one first. Raises Unavailable when there are none."""
        with self._lock:
            return self._known()

    def fingerprint(self) -> str:
        """Names the sealing key without giving it away: 16 hex digits. Raises Unavailable when there is none."""
        with self._lock:
            self._known()
            return self._fingerprint

    def _known(self) -> MultiFernet:
        if self._clock.monotonic() - self._looked >= _LOOK:
            self._read()
            self._looked = self._clock.monotonic()
        if self._ring is None:
            raise Unavailable(
                f"There are no {self._what} keys: bootstrap has not run, or the keys were not copied here."
            )
        return self._ring

    def create(self) -> bool:
        """Makes the directory and the first two keys where there are none; says whether it did."""
        if not self._directory.is_dir():
            files.give(files.directory(self._directory))
        with files.lock(self._directory / ".lock"):
            files.give(self._directory / ".lock")
            if _numbered(self._directory):
                return False
            for number in (0, 1):
                self._write(number)
        self._looked = float("-inf")
        return True

    def listed(self) -> list[tuple[int, str]]:
        """The keys' numbers, each with what it is for, the sealing one first."""
        numbers = sorted(_numbered(self._directory), reverse=True)
        words = {0: "staged: seals after the next rotation", **({numbers[0]: "seals and opens"} if numbers else {})}
        return [(number, words.get(number, "opens")) for number in numbers]

    def rotate(self, keep: int = 3) -> None:
        """Promotes key 0 to be the sealing one, stages a new 0, and removes the oldest over ``keep`` keys.

        Tokens of a removed key are dead: rotate less often than a token's life divided by ``keep`` - 2.
        """
        if keep < 2:
            raise Invalid("At least two keys must be kept.")
        if not self._directory.is_dir():
            raise Unavailable(f"There are no {self._what} keys to rotate.")
        with files.lock(self._directory / ".lock"):
            keys = _numbered(self._directory)
            if not keys:
                raise Unavailable(f"There are no {self._what} keys to rotate.")
            if 0 in keys:
                (self._directory / "0").rename(self._directory / str(max(keys) + 1))
            self._write(0)
            for number in sorted(_numbered(self._directory) - {0})[: -(keep - 1)]:
                (self._directory / str(number)).unlink()
        self._looked = float("-inf")

    def _write(self, number: int) -> None:
        files.write(self._directory / str(number), Fernet.generate_key(), mode=0o600, shared=True)

    def _read(self) -> None:
        numbers = sorted(_numbered(self._directory), reverse=True)
        paths = [self._directory / str(number) for number in numbers]
        try:
            stats = [path.stat() for path in paths]
            stamp = tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)
            if stamp == self._stamp:
                return
            texts = [path.read_bytes().strip() for path in paths]
            keys = [Fernet(text) for text in texts]
        except (OSError, ValueError) as error:
            log.error("%s keys in %s can't be read: %s", self._what, self._directory, type(error).__name__)
            return
        self._stamp, self._ring = stamp, MultiFernet(keys) if keys else None
        self._fingerprint = hashlib.sha256(texts[0]).hexdigest()[:16] if texts else ""


def _numbered(directory: Path) -> set[int]:
    if not directory.is_dir():
        return set()
    return {int(path.name) for path in directory.iterdir() if path.name.isascii() and path.name.isdigit()}
