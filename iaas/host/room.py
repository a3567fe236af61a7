"""The space of a file system that may be used: what is free, less a reserve and what is promised to work under way."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from iaas import errors


class Room:
    """``reserve``: bytes that nobody gets, so that the host itself lives on (S-012, F-61). Safe to share."""

    def __init__(self, directory: Path, reserve: int) -> None:
        self._directory, self.reserve = directory, reserve
        self._lock = threading.Lock()
        self._promised = 0

    def free(self) -> int:
        """Bytes that the file system has left."""
        stat = os.statvfs(self._directory)
        return stat.f_bavail * stat.f_frsize

    def fits(self, size: int) -> bool:
        with self._lock:
            return self._fits(size)

    def check(self, size: int) -> None:
        """Raises Unavailable when ``size`` more bytes would not fit."""
        if not self.fits(size):
            raise errors.Unavailable("The host has no room for the image.", resource="disk")

    @contextmanager
    def promise(self, size: int, make_room: Callable[[int], None] = lambda size: None) -> Iterator[None]:
        """The bytes are this work's until it ends. ``make_room`` is asked once for as many, should they not fit.

        Raises Unavailable.
        """
        if not self.fits(size):
            make_room(size)
        with self._lock:
            if not self._fits(size):
                raise errors.Unavailable("The host has no room for the image.", resource="disk")
            self._promised += size
        try:
            yield
        finally:
            with self._lock:
                self._promised -= size

    def _fits(self, size: int) -> bool:
        return self.free() - self._promised - size >= self.reserve
