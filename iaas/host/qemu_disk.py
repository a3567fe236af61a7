"""qemu-img on disks of servers: copied, grown, made; and the export of disks to another host. Knows no server.

Every call names the format (S-014). Nothing that a guest can write decides what is opened: the disks are ours, or come
from a host of this cloud over mutual TLS.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from iaas import errors
from iaas.host.exec import CommandFailed, Runner
from iaas.host.qemu_tool import LOOK, copying, making, qemu_img

_COPY_S = 4 * 3600  # the longest copy of one disk, and the longest life of an export
_BACKLOG = 16
PORTS = range(49216, 49280)  # above those of QEMU's migrations: one range for a firewall


@dataclass(frozen=True, kw_only=True)
class Export:
    """An NBD export of another host. ``pki``: the directory of this host's certificates."""

    address: str
    port: int
    name: str
    pki: Path


@dataclass(frozen=True, kw_only=True)
class Served:
    """A disk to be exported read-only under ``name``."""

    path: Path
    format: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Service:
    """A process that serves disks, told from a later one of the same number by when it was ``started`` (ticks since the
    machine's start)."""

    pid: int
    started: int


class QemuDisk:
    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def size(self, path: Path, format: str) -> int:
        """Bytes that the guest sees, also while it runs. Raises Internal."""
        try:
            found = qemu_img(self._runner, "info", format, path, bounds=LOOK, options=["-U", "--output=json"])
            return int(json.loads(found.stdout)["virtual-size"])
        except (CommandFailed, ValueError, KeyError) as error:
            raise errors.Internal("The server's disk can't be read.") from error

    def make(self, target: Path, format: str, size: int) -> None:
        """An empty disk of that size."""
        self._make("create", format, target, size, "The server's disk could not be created.")

    def grow(self, path: Path, format: str, size: int) -> None:
        """The disk has at least that size."""
        if self.size(path, format) < size:
            self._make("resize", format, path, size, "The server's disk could not be made larger.")

    def copy(self, source: Path | Export, format: str, target: Path, size: int, progress: Callable[[], None]) -> None:
        """The disk, with all that lies under it, in one sparse file of ``format``; a file as source has that format,
        too. ``progress`` is called every second and may raise.

        Raises Unavailable when the source ended (with resource "disk" when this host's disk is full).
        """
        bounds = copying(size, timeout=_COPY_S, cpu_seconds=_COPY_S)
        told = format if isinstance(source, Path) else None
        options = [*([] if isinstance(source, Path) else _credentials(source)), "-O", format]
        try:
            qemu_img(
                self._runner, "convert", told, _name(source), target, bounds=bounds, options=options, tick=progress
            )
        except CommandFailed as error:
            if "No space left" in error.result.stderr:
                raise errors.Unavailable("The host's disk is full.", resource="disk") from error
            raise errors.Unavailable("The disk could not be read to its end.") from error

    def serve(self, disks: Sequence[Served], address: str, pki: Path, output: Path) -> tuple[Service, int]:
        """Exports the disks until ``end``, to clients with a certificate of this cloud; gives the service and its port,
        which listens at once. The process ends by itself some hours later."""
        with _listener(address) as listener:
            # Accepted sockets inherit it; without it QEMU's answers wait for the acknowledgement of the ones before.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.set_inheritable(True)
            descriptor, port = listener.fileno(), int(listener.getsockname()[1])
            command = ["timeout", str(_COPY_S), *_storage_daemon(disks, pki, descriptor)]
            child = self._runner.spawn(command, output=output, pass_fds=(descriptor,))
            return Service(pid=child.pid, started=_started(child.pid) or 0), port

    def end(self, service: Service) -> None:
        """Ends a service that was begun here, maybe by an earlier daemon, with all in its process group."""
        if _started(service.pid) == service.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(service.pid, signal.SIGKILL)

    def _make(self, verb: Literal["create", "resize"], format: str, path: Path, size: int, refusal: str) -> None:
        try:
            qemu_img(self._runner, verb, format, path, str(size), bounds=making(size))
        except CommandFailed as error:
            raise errors.Internal(refusal) from error


def _listener(address: str) -> socket.socket:
    """Raises Unavailable when every port of the range is taken."""
    for port in PORTS:
        with contextlib.suppress(OSError):
            return socket.create_server((address, port), backlog=_BACKLOG)
    raise errors.Unavailable("The host serves the disks of too many servers already.")


def _started(pid: int) -> int | None:
    """None when there is no such process, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


def _credentials(source: Export) -> list[str]:
    return ["--object", f"tls-creds-x509,id=tls0,dir={source.pki},endpoint=client,verify-peer=yes"]


def _name(source: Path | Export) -> str:
    if isinstance(source, Path):
        return str(source)
    return (
        f"driver=nbd,server.type=inet,server.host={source.address},server.port={source.port},export={source.name},"
        "tls-creds=tls0"
    )


def _storage_daemon(disks: Sequence[Served], pki: Path, descriptor: int) -> list[str]:
    credentials = f"tls-creds-x509,id=tls0,dir={pki},endpoint=server,verify-peer=yes"
    command = ["qemu-storage-daemon", "--object", credentials]
    for number, disk in enumerate(disks):
        file = {"driver": "file", "filename": str(disk.path), "read-only": True}
        node = {"driver": disk.format, "node-name": f"disk{number}", "read-only": True, "file": file}
        command += ["--blockdev", json.dumps(node)]
    command += ["--nbd-server", f"addr.type=fd,addr.str={descriptor},tls-creds=tls0,max-connections=0"]
    for number, disk in enumerate(disks):
        command += ["--export", f"type=nbd,id=export{number},node-name=disk{number},name={disk.name},writable=off"]
    return command
