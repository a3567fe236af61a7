"""Processes of the machine, read from /proc and ended with care: by pid, after a look at what it is."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from devstack.stack.failure import Failure


def run(
    command: Sequence[str], *, check: bool = True, timeout: float = 60, log: Path | None = None, name: str = ""
) -> str:
    """Runs a short command and returns what it said on standard output.

    Raises Failure if it fails and ``check`` is set, with its last line; ``log`` then gets everything that it said.
    """
    name = name or " ".join(command)
    try:
        done = subprocess.run(
            list(command), capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f"{name}: {error}", log) from error
    if check and done.returncode != 0:
        said = (done.stdout + done.stderr).strip()
        if log:
            with log.open("a") as file:
                file.write(f"$ {' '.join(command)}\n{said}\n")
        last = said.splitlines()[-1] if said else f"ended with {done.returncode}"
        raise Failure(f"{name}: {last.removeprefix(name.split()[0] + ': ')[-300:]}", log)
    return done.stdout


def command_line(pid: int) -> str:
    """Its arguments joined by blanks; empty if it is gone (or a zombie)."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def everyone() -> Iterator[tuple[int, str]]:
    """(pid, command line) of every process that has one, but for this one."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            line = command_line(int(entry.name))
            if line:
                yield int(entry.name), line


def read_pid(path: Path) -> int:
    """The pid in the file, or 0."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def end(pids: Sequence[int], seconds: float = 5) -> None:
    """Asks them to end, waits, and kills the rest."""
    for number, pause in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        if wait_for(lambda: not any(command_line(pid) for pid in pids), pause):
            return
    raise Failure(f"processes {[pid for pid in pids if command_line(pid)]} do not end, not even killed")


def end_pid_file(path: Path, word: str) -> None:
    """Ends the process whose pid the file holds, if its command line has the word; then removes the file."""
    pid = read_pid(path)
    if pid and word in command_line(pid):
        end([pid], 10)
    path.unlink(missing_ok=True)


def wait_gone(path: Path, seconds: float) -> bool:
    """Waits until the process of the pid file has ended."""
    pid = read_pid(path)
    return wait_for(lambda: not pid or not command_line(pid), seconds)


def wait_for(condition: Callable[[], bool], seconds: float, pause: float = 0.1) -> bool:
    """Asks until the condition is true or the time is over; returns which."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def sees_mount(path: Path) -> bool:
    """Whether something is mounted there in the mount namespace of any process."""
    for pid, _ in everyone():
        try:
            if f" {path} " in Path(f"/proc/{pid}/mounts").read_text():
                return True
        except OSError:
            continue  # it has just ended
    return False


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    found, index = [pid], 0
    while index < len(found):
        try:
            tasks = list(Path(f"/proc/{found[index]}/task").iterdir())
            for task in tasks:
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            pass  # it has just ended, and so has no children any more
        index += 1
    return found


def memory(pid: int) -> int:
    """Proportional set size in bytes: shared pages are divided among those who share them. 0 if it is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0  # gone, or a kernel thread
    return 0
