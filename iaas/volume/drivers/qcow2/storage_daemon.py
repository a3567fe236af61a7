"""The process that serves: one qemu-storage-daemon, steered over QMP. It outlives the agent, and a new agent finds it.

The sockets are made here and handed over: the NBD server of QEMU 7.2 does not set TCP_NODELAY on what it accepts, which
makes small writes sixty times slower, but accepted sockets inherit it from the listening one. And the unix socket may
then have a path of any length.

    <state_dir>/storage/qmp.sock  daemon.pid  daemon.log
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

from iaas import errors, failpoints
from iaas.host import files
from iaas.host.exec import Child, Runner
from iaas.host.qmp import Qmp, listen, until
from iaas.volume.drivers.driver import DriverSettings

_LOG = logging.getLogger(__name__)
_TOOL = "qemu-storage-daemon"
_START_S = 10.0
_FREES_S = 2.0
_LOG_BYTES = 1 << 20


class StorageDaemon:
    """Not for several threads at once: the driver's lock is around every use."""

    def __init__(self, settings: DriverSettings, runner: Runner) -> None:
        self._address, self.port, self._pki = settings.address, settings.port, settings.pki
        self._directory = files.directory(settings.state_dir / "storage")
        self._runner = runner
        self._qmp: Qmp | None = None
        self._child: Child | None = None

    def alive(self) -> bool:
        """Whether the process is there and this agent speaks with it."""
        if self._child is not None and not self._child.alive():  # also reaps it
            self._child = None
            self.leave()
        if self._qmp is not None and not self._qmp.alive():
            self.leave()
        return self._qmp is not None

    def find(self) -> bool:
        """Speaks with the process that is there, if there is one; never starts it."""
        if self.alive():
            return True
        try:
            self._qmp = Qmp(self._socket)
        except errors.Unavailable:
            return False
        except errors.Timeout:
            self._kill()
            return False
        _LOG.info("the storage daemon runs already")
        return True

    def ensure(self) -> Qmp:
        """Speaks with the process; starts it if there is none. Raises Internal when that fails."""
        if not self.find():
            self._start()
        assert self._qmp is not None
        return self._qmp

    @property
    def qmp(self) -> Qmp:
        assert self._qmp is not None
        return self._qmp

    def stop(self) -> None:
        """For tests and the end of a development stack."""
        if self.find():
            self._kill()

    def _start(self) -> None:
        self._kill()  # one that does not answer may still hold the port
        with suppress(FileNotFoundError):
            if self._log.stat().st_size > _LOG_BYTES:
                self._log.unlink()
        try:
            with self._wait_for_port() as exports, listen(self._socket) as steering:
                command = self._command(exports.fileno(), steering.fileno())
                fds = (exports.fileno(), steering.fileno())
                self._child = self._runner.spawn(command, output=self._log, pass_fds=fds)
        except OSError as error:
            _LOG.error("port %d of %s: %s", self.port, self._address, error.strerror)
            raise errors.Internal("The volume host can't listen for its servers.") from error
        failpoints.hit("volume.storage.after_start")
        child = self._child
        until(lambda: not child.alive() or self._connected(), _START_S, "The storage daemon does not answer.")
        if self._qmp is None:
            _LOG.error("%s: %s", _TOOL, files.tail(self._log, 2000).decode(errors="replace"))
            raise errors.Internal("The storage daemon does not start.")
        _LOG.info("the storage daemon was started, pid %d", child.pid)

    def _connected(self) -> bool:
        try:
            self._qmp = Qmp(self._socket)
        except (errors.Unavailable, errors.Timeout):
            return False
        return True

    def _wait_for_port(self) -> socket.socket:
        """A process that was just killed gives its port back a little later."""
        end = time.monotonic() + _FREES_S
        while True:
            try:
                return self._listener()
            except OSError as error:
                if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                    raise
            threading.Event().wait(0.02)

    def _listener(self) -> socket.socket:
        version = ipaddress.ip_address(self._address).version
        listener = socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.bind((self._address, self.port))
            listener.listen(128)
        except BaseException:
            listener.close()
            raise
        return listener

    def _command(self, exports: int, steering: int) -> list[str]:
        """Without a pki directory it serves anybody: the contract tests do so, on loopback. iaas-volume never does."""
        server = f"addr.type=fd,addr.str={exports},max-connections=0"
        command = [_TOOL, "--pidfile", str(self._pidfile), "--chardev",
                   f"socket,id=steering,fd={steering},server=on,wait=off", "--monitor", "chardev=steering"]  # fmt: skip
        if self._pki is not None:
            directory = str(self._pki).replace(",", ",,")
            command += ["--object", f"tls-creds-x509,id=tls,dir={directory},endpoint=server,verify-peer=yes"]
            server += ",tls-creds=tls"
        return [*command, "--nbd-server", server]

    def _kill(self) -> None:
        """The process of the pid file, if it is still ours."""
        self.leave()
        data = files.read(self._pidfile, limit=32)
        if data is None or not data.strip().isdigit():
            return
        pid = int(data)
        if not self._ours(pid):
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        until(lambda: not self._ours(pid), 5.0, "The storage daemon does not end.")

    def _ours(self, pid: int) -> bool:
        """Whether the process is our storage daemon and no zombie of it."""
        if self._child is not None:
            self._child.alive()  # reaps it
        try:
            return str(self._pidfile).encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False

    def leave(self) -> None:
        """Speaks with the process no more; it goes on, and the next to ask finds it. It listens to one at a time."""
        if self._qmp is not None:
            self._qmp.close()
            self._qmp = None

    @property
    def _socket(self) -> Path:
        return self._directory / "qmp.sock"

    @property
    def _pidfile(self) -> Path:
        return self._directory / "daemon.pid"

    @property
    def _log(self) -> Path:
        return self._directory / "daemon.log"
