"""Files that survive a crash: atomic writes, locks, private directories, partial files. Knows no service.

A file is written under a temporary name in its directory, synced, renamed, and the directory synced (C-23).
A partial file is what a crash may leave: its name ends in ``.part``, it is swept when its lease is over.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from iaas import errors

_PARTIAL = ".part"


def directory(path: Path, mode: int = 0o700) -> Path:
    """Makes the directory and its parents; the directory itself has exactly ``mode`` afterwards."""
    path.mkdir(parents=True, exist_ok=True)
    if path.stat().st_mode & 0o7777 != mode:
        path.chmod(mode)
    return path


def partial(path: Path) -> Path:
    """A fresh name beside ``path`` for a file in the making; ``publish`` gives it its real name."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{_PARTIAL}")


def publish(temporary: Path, path: Path, *, durable: bool = True) -> None:
    """Gives a finished partial file its name, atomically; with ``durable``, a power cut cannot undo it."""
    if durable:
        sync(temporary)
    temporary.replace(path)
    if durable:
        sync(path.parent)


def write(path: Path, data: str | bytes, *, mode: int = 0o600, durable: bool = True, shared: bool = False) -> None:
    """Replaces the file's content: readers see the old or the new, never a mixture, also after a crash.

    ``shared``: written by root, it belongs to whom its directory belongs.
    """
    temporary = partial(path)
    content = data.encode() if isinstance(data, str) else data
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if shared:
                give(temporary)
        publish(temporary, path, durable=durable)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def give(path: Path) -> None:
    """Run by root: what it made belongs to whom the directory around it belongs, so that daemons can read it."""
    owner = path.parent.stat()
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def sync(path: Path) -> None:
    """fsync of a file or directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path, limit: int = 1024 * 1024) -> bytes | None:
    """The content, None when there is no such file; raises TooLarge over ``limit`` bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        return None
    if len(data) > limit:
        raise errors.TooLarge(f"file {path.name} has more than {limit} bytes")
    return data


def tail(path: Path, limit: int) -> bytes:
    """The last ``limit`` bytes at most; empty when there is no such file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            return file.read(limit)
    except FileNotFoundError:
        return b""


def remove_tree(path: Path) -> None:
    """Removes a directory with all that is in it; nothing there is fine, and so is repeating a failure."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)


def partials(path: Path, older_than: float) -> list[Path]:
    """Partial files in the directory that nobody has written to for ``older_than`` seconds (wall clock)."""
    limit = time.time() - older_than
    found = []
    for entry in _scan(path):
        with contextlib.suppress(FileNotFoundError):
            if entry.name.endswith(_PARTIAL) and entry.stat(follow_symlinks=False).st_mtime < limit:
                found.append(Path(entry.path))
    return sorted(found)


def sweep(path: Path, older_than: float) -> list[str]:
    """Deletes what ``partials`` finds and answers the names."""
    names = []
    for file in partials(path, older_than):
        file.unlink(missing_ok=True)
        names.append(file.name)
    return names


@contextlib.contextmanager
def lock(path: Path, timeout: float = 5.0) -> Iterator[None]:
    """Holds an exclusive flock, between threads and processes; the holder's death frees it (F-69).

    Raises Timeout when it is not free within ``timeout`` seconds. The file stays: removing it lets two in.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, path.name, time.monotonic() + timeout)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, name: str, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise errors.Timeout(f"lock {name} is held by somebody else") from None
            time.sleep(0.02)


def _scan(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
