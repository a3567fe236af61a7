"""Network namespaces of this host: make, remove, name, and run a function inside one. Knows no network of
ours.

A thread enters a namespace, never the process: every function runs in a fresh thread that ends with it, so
that no other thread ever finds itself elsewhere.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from iaas.errors import Internal, NotFound
from iaas.host.exec import Runner

T = TypeVar("T")
_DIRECTORY = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_SECONDS = 10.0  # for one ``ip netns`` command


def names() -> list[str]:
    """The named namespaces, sorted."""
    return sorted(entry.name for entry in _DIRECTORY.iterdir()) if _DIRECTORY.is_dir() else []


def identity(path: str) -> tuple[int, int] | None:
    """(device, inode) of the namespace behind a name or a /proc/…/ns/net path; None when there is none.

    Two paths lead to the same namespace exactly when their identities are equal; a namespace that was deleted
    and made again under the same name has another one.
    """
    try:
        found = os.stat(path if path.startswith("/") else _DIRECTORY / path)  # noqa: PTH116
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return (found.st_dev, found.st_ino)


def create(runner: Runner, name: str) -> None:
    """Makes the namespace with its loopback up; does nothing when it is there and usable."""
    if identity(name) is not None and not _usable(name):
        delete(runner, name)  # the file of a namespace whose mount is gone (half-made, or after a crash)
    if identity(name) is None:
        runner.run(["ip", "netns", "add", name], timeout=_SECONDS)
    runner.run(["ip", "-n", name, "link", "set", "lo", "up"], timeout=_SECONDS)


def delete(runner: Runner, name: str) -> None:
    """Removes the name; the namespace itself ends with its last process and socket. Harmless when it is
    gone."""
    if identity(name) is not None:
        runner.run(["ip", "netns", "delete", name], timeout=_SECONDS)


def inside(name: str, function: Callable[[], T]) -> T:
    """Runs ``function`` in the named namespace and returns its result or raises its exception.

    Sockets that it opens stay in that namespace and may be used from any thread. /sys still shows the host's
    devices; /proc/thread-self/net shows the namespace's. Raises NotFound when there is no such namespace.
    """
    results: list[T] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            _enter(name)
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, which raises it
            failures.append(error)

    thread = threading.Thread(target=work, name=f"netns-{name}"[:15])
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def _usable(name: str) -> bool:
    try:
        inside(name, lambda: None)
    except (Internal, NotFound):
        return False
    return True


def _enter(name: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        fd = os.open(_DIRECTORY / name, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound.of("namespace", name) from None
    try:
        if libc.setns(fd, _CLONE_NEWNET) != 0:
            raise Internal(f"namespace {name}: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(fd)
