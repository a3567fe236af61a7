"""QMP: how a running QEMU program is told what to do, over its unix socket. One connection, one command at a time.

QEMU's own library (qemu.qmp) is built on asyncio, which iaas is not; what is needed of the protocol is this.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from iaas import errors

_LINE = 16 * 1024 * 1024  # longest answer that is read, bytes


class QmpError(errors.Internal):
    """The program refused a command; ``name`` is QMP's class of the error, the message its words, for the log."""

    def __init__(self, command: str, name: str, words: str) -> None:
        super().__init__(f"{command}: {words}")
        self.name = name


class Qmp:
    """A connection that is ready for commands. Safe to share between threads: they take turns.

    Raises Unavailable when nobody listens at the socket, Timeout when whoever does says nothing.
    """

    def __init__(self, path: Path, timeout: float = 5.0) -> None:
        self._lock = threading.Lock()
        self._buffer = bytearray()
        self._socket = _connect(path, timeout)
        try:
            self._message(time.monotonic() + timeout)  # the greeting
            self.execute("qmp_capabilities", timeout=timeout)
        except BaseException:
            self.close()
            raise

    def execute(self, command: str, arguments: Mapping[str, Any] | None = None, timeout: float = 30.0) -> Any:
        """The command's answer. Raises QmpError when it is refused, Unavailable when the program ends meanwhile,
        Timeout: then the answer may still come, and the connection is of no more use."""
        deadline = time.monotonic() + timeout
        with self._lock:
            self._send(json.dumps({"execute": command, "arguments": arguments or {}}).encode() + b"\n", timeout)
            while True:
                message = self._message(deadline)
                if "return" in message:
                    return message["return"]
                if "error" in message:
                    error = message["error"]
                    raise QmpError(command, error.get("class", ""), error.get("desc", ""))
                # an event: whoever is interested in an end looks at the state itself

    def alive(self) -> bool:
        """Whether the other end is still there; asks nothing of it."""
        if not self._lock.acquire(blocking=False):
            return True  # somebody is talking to it, and will notice
        try:
            self._socket.setblocking(False)
            return self._socket.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self._lock.release()

    def close(self) -> None:
        self._socket.close()

    def _send(self, data: bytes, timeout: float) -> None:
        try:
            self._socket.settimeout(timeout)
            self._socket.sendall(data)
        except TimeoutError as error:
            raise errors.Timeout("The storage program does not listen.") from error
        except OSError as error:
            raise errors.Unavailable("The storage program has ended.") from error

    def _message(self, deadline: float) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                chunk = self._socket.recv(65536)
            except TimeoutError as error:
                raise errors.Timeout("The storage program does not answer.") from error
            except OSError as error:
                raise errors.Unavailable("The storage program has ended.") from error
            if not chunk or len(self._buffer) > _LINE:
                raise errors.Unavailable("The storage program has ended.")
            self._buffer += chunk
        line, _, rest = self._buffer.partition(b"\n")
        self._buffer = bytearray(rest)
        message: dict[str, Any] = json.loads(line)
        return message


def listen(path: Path) -> socket.socket:
    """A unix socket for a program that is to be steered there, to be handed over by its descriptor."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short(path) as name:
        listener.bind(name)
    path.chmod(0o600)
    listener.listen(1)
    return listener


def _connect(path: Path, timeout: float) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(timeout)
    try:
        with _short(path) as name:
            client.connect(name)
    except OSError as error:
        client.close()
        raise errors.Unavailable("The storage program does not run.") from error
    return client


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """The path by way of its directory's descriptor: a unix socket's own name has 107 bytes at most."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits for the end of what a command only began. Raises Timeout."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise errors.Timeout(what)
        threading.Event().wait(0.005)
