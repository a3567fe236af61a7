"""Starting processes: the only place in iaas that does. Knows deadlines, limits and bounded output; no tool.

Every command is an argument list (never a shell), runs in its own session with a small environment, and is
killed with all its children at its deadline. ``Recorder`` is the Runner of unit tests: it runs nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from iaas import errors

_LOG = logging.getLogger(__name__)
_CHUNK = 65536
_TICK = 1.0
STDERR_KEPT = 16384  # bytes; the rest of a chatty error stream is read and dropped
_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    "LC_ALL": "C",  # so that messages and numbers can be parsed
    "MALLOC_ARENA_MAX": "2",  # an arena a thread would eat the address space that limits allow
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the kernel allows the child (S-013): bytes, CPU seconds, bytes of one file, open files. None: no limit."""

    address_space: int | None = None
    cpu_seconds: int | None = None
    file_size: int | None = None
    open_files: int | None = None

    def prefix(self) -> list[str]:
        """The ``prlimit`` command line that applies them before the tool's first instruction."""
        pairs = (("as", self.address_space), ("cpu", self.cpu_seconds), ("fsize", self.file_size),
                 ("nofile", self.open_files))  # fmt: skip
        flags = [f"--{name}={value}" for name, value in pairs if value is not None]
        return ["prlimit", *flags, "--core=0"] if flags else []


@dataclass(frozen=True, kw_only=True)
class Result:
    """Text is UTF-8 with replacement; ``code`` is the exit status, negative for a signal."""

    stdout: str = ""
    stderr: str = ""
    code: int = 0


class CommandFailed(errors.Internal):
    """A tool ended with an unexpected code. The message names the tool only; ``result`` has its words."""

    def __init__(self, tool: str, result: Result) -> None:
        super().__init__(f"{tool} failed with code {result.code}")
        self.result = result


class Child:
    """A long-running process that was started here and outlives the call (and this daemon)."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self, grace: float = 5.0) -> None:
        """SIGTERM, and SIGKILL to the whole session after ``grace`` seconds; harmless when it has ended."""
        if self.alive():
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        _kill_session(self._process)


class Runner:
    """Runs commands. Safe to share between threads."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        input: str | bytes | None = None,
        limits: Limits | None = None,
        netns: str | None = None,
        ok_codes: Sequence[int] = (0,),
        max_output: int = 4 * 1024 * 1024,
        tick: Callable[[], None] | None = None,
    ) -> Result:
        """Runs to the end; ``timeout`` in seconds, ``max_output`` in bytes of standard output.

        ``tick`` is called about every second meanwhile; if it raises, the process is killed and that is
        raised.

        Raises Timeout at the deadline (the process and its children are dead then), CommandFailed (Internal)
        for a code outside ``ok_codes``, Internal when the tool is missing or writes over ``max_output``.
        """
        tool = Path(argv[0]).name
        data = input.encode() if isinstance(input, str) else input
        started = time.monotonic()
        process = _start(_full(argv, limits, netns), tool, stdin=data is not None)
        exchange = _Exchange(process, data, max_output)
        try:
            verdict = exchange.until(started + timeout, tick)
        finally:
            _kill_session(process)
            exchange.close()
        if verdict == "timeout":
            raise errors.Timeout(f"{tool} did not end within {timeout:g} s")
        if verdict == "flood":
            raise errors.Internal(f"{tool} wrote more than {max_output} bytes")
        result = exchange.result(process.wait())
        _LOG.debug("%s: code %d, %.3f s", list(argv), result.code, time.monotonic() - started)
        if result.code not in ok_codes:
            _LOG.warning("%s failed with code %d: %s", list(argv), result.code, result.stderr[-2000:])
            raise CommandFailed(tool, result)
        return result

    def spawn(
        self,
        argv: Sequence[str],
        *,
        netns: str | None = None,
        limits: Limits | None = None,
        output: Path | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Child:
        """Starts a process that stays; its output is appended to the file ``output`` or dropped. ``pass_fds``: file
        descriptors that it gets under the same numbers.

        Raises Internal when the tool is missing. It returns before the tool is ready: look for what it makes.
        """
        tool = Path(argv[0]).name
        if output is None:
            output = Path(os.devnull)
        with output.open("ab") as sink:
            return Child(_start(_full(argv, limits, netns), tool, stdin=False, output=sink, pass_fds=pass_fds))


def _full(argv: Sequence[str], limits: Limits | None, netns: str | None) -> list[str]:
    """The command with its prefixes. nsenter: ``ip netns exec`` remounts /sys and hides the cgroups."""
    command = [*(limits.prefix() if limits else []), *argv]
    if netns is None:
        return command
    if "/" in netns or netns in ("", ".", ".."):
        raise errors.Internal(f"bad network namespace name {netns!r}")
    return ["nsenter", f"--net=/run/netns/{netns}", "--", *command]


def _start(
    argv: list[str],
    tool: str,
    *,
    stdin: bool,
    output: int | IO[bytes] = subprocess.PIPE,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # its own session: no terminal, and one group to kill
            argv,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            pass_fds=pass_fds,
        )
    except OSError as error:
        raise errors.Internal(f"{tool} could not be started: {error.strerror}") from error


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    """Kills the process and its group unless it has ended by itself; then its children are its own business.

    (The number of a group whose leader was reaped may belong to somebody else: never signal it.)
    """
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class _Exchange:
    """Feeds a process and reads it until it ends, floods, or the deadline passes; no pipe can block it."""

    def __init__(self, process: subprocess.Popen[bytes], data: bytes | None, max_output: int) -> None:
        assert process.stdout is not None and process.stderr is not None
        self._data = memoryview(data or b"")
        self._max = max_output
        self._out, self._err = bytearray(), bytearray()
        self._flooded = False
        self._pidfd = os.pidfd_open(process.pid)
        self._pipes: tuple[IO[bytes] | None, ...] = (process.stdin, process.stdout, process.stderr)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pidfd, selectors.EVENT_READ, None)
        self._watch(process.stdout, selectors.EVENT_READ, self._read_out)
        self._watch(process.stderr, selectors.EVENT_READ, self._read_err)
        if process.stdin:
            self._watch(process.stdin, selectors.EVENT_WRITE, self._write)

    def until(self, deadline: float, tick: Callable[[], None] | None = None) -> str:
        """``ended``, ``flood`` or ``timeout``."""
        next_tick = time.monotonic() + _TICK if tick else deadline
        while (left := deadline - time.monotonic()) > 0:
            if tick and time.monotonic() >= next_tick:
                tick()
                next_tick = time.monotonic() + _TICK
            ended = False
            for key, _ in self._selector.select(max(0, min(left, next_tick - time.monotonic()))):
                if key.data is None:
                    ended = True
                else:
                    key.data(key.fileobj)
            if self._flooded:
                return "flood"
            if ended:
                return self._drain()
        return "timeout"

    def result(self, code: int) -> Result:
        return Result(stdout=self._out.decode(errors="replace"), stderr=self._err.decode(errors="replace"), code=code)

    def close(self) -> None:
        self._selector.close()
        os.close(self._pidfd)
        for pipe in filter(None, self._pipes):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _watch(self, pipe: IO[bytes], events: int, action: Callable[[IO[bytes]], bool]) -> None:
        os.set_blocking(pipe.fileno(), False)
        self._selector.register(pipe, events, action)

    def _drain(self) -> str:
        """What the dead process left in its pipes; a grandchild may hold them open: no wait for EOF."""
        for key in list(self._selector.get_map().values()):
            if key.data in (self._read_out, self._read_err):
                while not self._flooded and key.data(key.fileobj):
                    pass
        return "flood" if self._flooded else "ended"

    def _read_out(self, pipe: IO[bytes]) -> bool:
        chunk = self._read(pipe)
        self._out += chunk
        self._flooded = len(self._out) > self._max
        return bool(chunk)

    def _read_err(self, pipe: IO[bytes]) -> bool:
        chunk = self._read(pipe)
        self._err += chunk[: max(0, STDERR_KEPT - len(self._err))]
        return bool(chunk)

    def _read(self, pipe: IO[bytes]) -> bytes:
        try:
            chunk = os.read(pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return b""
        if not chunk:
            self._selector.unregister(pipe)
        return chunk

    def _write(self, pipe: IO[bytes]) -> bool:
        try:
            sent = os.write(pipe.fileno(), self._data[:_CHUNK])
        except BlockingIOError:
            return False
        except BrokenPipeError:  # the tool does not want it all; its exit code says whether that is bad
            sent = len(self._data)
        self._data = self._data[sent:]
        if not self._data:
            self._selector.unregister(pipe)
            pipe.close()
        return bool(self._data)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One command that a Recorder was asked to run."""

    argv: tuple[str, ...]
    input: str | bytes | None = None
    netns: str | None = None
    limits: Limits | None = None
    spawned: bool = False


class _FakeChild(Child):
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._alive = True

    def alive(self) -> bool:
        return self._alive

    def stop(self, grace: float = 5.0) -> None:
        self._alive = False


class Recorder(Runner):
    """A Runner that runs nothing: it notes every call and answers as told, by default with success.

    ``answer(("qemu-img", "info"), stdout="{}")`` answers every command that starts so; the latest answer that
    fits wins; an exception is raised, a callable is asked with the Call. Codes outside ``ok_codes`` raise
    CommandFailed as the real one does.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.children: list[Child] = []
        self._answers: list[tuple[tuple[str, ...], Any]] = []

    def answer(
        self,
        start: Sequence[str],
        *,
        stdout: str = "",
        stderr: str = "",
        code: int = 0,
        error: Exception | None = None,
        by: Callable[[Call], Result] | None = None,
    ) -> None:
        self._answers.append((tuple(start), error or by or Result(stdout=stdout, stderr=stderr, code=code)))

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        input: str | bytes | None = None,
        limits: Limits | None = None,
        netns: str | None = None,
        ok_codes: Sequence[int] = (0,),
        max_output: int = 4 * 1024 * 1024,
        tick: Callable[[], None] | None = None,
    ) -> Result:
        call = Call(argv=tuple(argv), input=input, netns=netns, limits=limits)
        self.calls.append(call)
        fitting = (what for start, what in reversed(self._answers) if call.argv[: len(start)] == start)
        answer = next(fitting, Result())
        if isinstance(answer, Exception):
            raise answer
        result: Result = answer if isinstance(answer, Result) else answer(call)
        if result.code not in ok_codes:
            raise CommandFailed(Path(argv[0]).name, result)
        return result

    def spawn(
        self,
        argv: Sequence[str],
        *,
        netns: str | None = None,
        limits: Limits | None = None,
        output: Path | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Child:
        self.calls.append(Call(argv=tuple(argv), netns=netns, limits=limits, spawned=True))
        self.children.append(_FakeChild(pid=100000 + len(self.children)))
        return self.children[-1]

    @property
    def commands(self) -> list[tuple[str, ...]]:
        """The command lines in order, for plain comparisons."""
        return [call.argv for call in self.calls]
