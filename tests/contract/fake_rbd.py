"""A stand-in for the modules rados and rbd: one pool in memory, with the calls that the store makes.

No Ceph cluster runs here: this shows the order of calls and what becomes of errors, not that a cluster takes them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any


class Error(Exception):
    pass


class ImageNotFound(Error):
    pass


class ImageExists(Error):
    pass


class NoSpace(Error):
    pass


def modules() -> tuple[Any, Any]:
    """(rados, rbd) over one new pool."""
    images: dict[str, bytearray] = {}

    class Pool:
        def close(self) -> None:
            """Nothing is open."""

    class Rados:
        def __init__(self, conffile: str, rados_id: str, conf: dict[str, str]) -> None:
            assert all(int(value) > 0 for value in conf.values())

        def connect(self, timeout: int) -> None:
            assert timeout > 0

        def open_ioctx(self, name: str) -> Pool:
            return Pool()

        def shutdown(self) -> None:
            """Nothing is open."""

    class RBD:
        def create(self, pool: Pool, name: str, size: int, old_format: bool) -> None:
            if name in images:
                raise ImageExists
            images[name] = bytearray(size)

        def remove(self, pool: Pool, name: str) -> None:
            if images.pop(name, None) is None:
                raise ImageNotFound

        def rename(self, pool: Pool, old: str, new: str) -> None:
            if new in images:
                raise ImageExists
            if old not in images:
                raise ImageNotFound
            images[new] = images.pop(old)

        def list(self, pool: Pool) -> list[str]:
            return list(images)

    class Image:
        def __init__(self, pool: Pool, name: str, read_only: bool = False) -> None:
            if name not in images:
                raise ImageNotFound
            self._data = images[name]

        def __enter__(self) -> Image:
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def resize(self, size: int) -> None:
            del self._data[size:]
            self._data.extend(bytes(size - len(self._data)))

        def write(self, data: bytes, at: int) -> None:
            assert at + len(data) <= len(self._data)
            self._data[at : at + len(data)] = data

        def read(self, at: int, size: int) -> bytes:
            return bytes(self._data[at : at + size])

        def size(self) -> int:
            return len(self._data)

        def flush(self) -> None:
            """All is in memory."""

        def get_modify_timestamp(self) -> datetime:
            return datetime.now(UTC)

        def close(self) -> None:
            """Nothing is open."""

    rados = SimpleNamespace(Rados=Rados, Error=Error)
    rbd = SimpleNamespace(
        RBD=RBD, Image=Image, Error=Error, ImageNotFound=ImageNotFound, ImageExists=ImageExists, NoSpace=NoSpace
    )  # fmt: skip
    return rados, rbd
