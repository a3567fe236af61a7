"""The store in a directory: ``<root>/<first two of the id>/<name>``, one file a blob.

A blob is written under a temporary name in its own directory, synced, renamed, and the directory synced
(C-23): a reader sees all of it or nothing, and a crash leaves a partial file that the sweep knows by name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from iaas.config.sections import Image as ImageOptions
from iaas.config.sections import ImageStore
from iaas.errors import Conflict, NotFound, Unavailable
from iaas.host import files
from iaas.image.faults import StoreFull
from iaas.image.store import Blob, Writer, checked

_PARTIAL = re.compile(r"\.(?P<name>[0-9a-f-]{36}\.[0-9]{1,9})\.[0-9a-f]{8}\.part")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
RESERVE = 64 * 1024 * 1024  # bytes that stay free, so that a full store never stops a database beside it
_CHECK_EVERY = 64 * 1024 * 1024  # bytes written between two looks at the free space


class FilesystemStore:
    """The directory is made when it is missing; nothing outside it is ever touched."""

    READ_ONLY = False

    def __init__(self, options: ImageStore, image: ImageOptions) -> None:
        self.root = files.directory(Path(options.directory), 0o750)

    def writer(self, name: str) -> Writer:
        folder = self.root / checked(name)[:2]
        with _translated():
            if not folder.exists():
                files.directory(folder, 0o750)
                files.sync(self.root)
            return _FileWriter(self, folder / name)

    def open(self, name: str) -> BinaryIO:
        path = self._path(name)
        with _translated():
            try:
                # No symbolic link is followed: what is opened is the file that this store wrote.
                return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0)
            except FileNotFoundError:
                raise NotFound(f"There are no data {name}.", resource="blob", id=name) from None

    def delete(self, name: str) -> bool:
        path = self._path(name)
        found = False
        with _translated():
            for entry in _scan(path.parent):
                match = _PARTIAL.fullmatch(entry)
                if entry == name or (match and match["name"] == name):
                    found = True
                    (path.parent / entry).unlink(missing_ok=True)
            if found:
                files.sync(path.parent)
        return found

    def inventory(self) -> Iterator[Blob]:
        now = time.time()
        with _translated():
            for shard in _scan(self.root):
                folder = self.root / shard
                for entry in _scan(folder) if len(shard) == 2 else ():
                    match = _PARTIAL.fullmatch(entry)
                    with contextlib.suppress(FileNotFoundError):
                        stat = (folder / entry).lstat()
                        name = match["name"] if match else entry
                        age = max(0.0, now - stat.st_mtime)
                        yield Blob(name=name, size=stat.st_size, partial=match is not None, age_s=age)

    def takes(self, url: str) -> bool:
        return False

    def describe(self) -> dict[str, str]:
        return {"data_path": str(self.root)}

    def free(self) -> int | None:
        with _translated():
            look = os.statvfs(self.root)
            return max(0, look.f_bavail * look.f_frsize - RESERVE)

    def _path(self, name: str) -> Path:
        return self.root / checked(name)[:2] / name


class _FileWriter:
    def __init__(self, store: FilesystemStore, path: Path) -> None:
        self._store, self._path = store, path
        self._temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self._temporary, flags, 0o640)
        self._unchecked = _CHECK_EVERY

    def write(self, data: bytes | memoryview) -> None:
        with _translated():
            self._unchecked += len(data)
            if self._unchecked >= _CHECK_EVERY:
                self._unchecked = 0
                if (self._store.free() or 0) <= len(data):
                    raise StoreFull("There is not enough space in the image store.")
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]

    def commit(self) -> None:
        with _translated():
            os.fsync(self._descriptor)
            self._close()
            if self._path.exists():  # a name has one writer, by the image's generation: this is not a race
                raise Conflict(f"There are data {self._path.name} already.")
            try:
                self._temporary.rename(self._path)
            except FileNotFoundError:
                raise NotFound(f"The data {self._path.name} were deleted while they were written.") from None
            files.sync(self._path.parent)

    def abandon(self) -> None:
        self._close()
        with _translated():
            self._temporary.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFull("There is not enough space in the image store.") from error
        raise Unavailable(f"The image store can't be used: {error.strerror}.") from error


def _scan(folder: Path) -> list[str]:
    """Names in a folder that may be gone. One shard of 256 holds few enough to be a list."""
    try:
        return [entry.name for entry in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


PLUGIN = FilesystemStore
