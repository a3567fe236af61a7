"""A simulated host as the kernel has it: namespaces for network, mounts, processes and the host's name.

Everything on it descends from one process, PID 1 of its own namespace. Killing that one is a power cut: the kernel
ends daemons and guests with it, and nobody on the host can say goodbye. Found by /proc alone, so that no file has to
be right.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from devstack.stack import leftovers, mounts, processes
from devstack.stack.failure import Failure
from devstack.stack.layouts import CONTROL, DATABASE
from devstack.stack.settings import Settings


def init_words(settings: Settings, command: Sequence[str]) -> list[str]:
    """The command that makes the namespaces and runs ``command`` as the host's only child of PID 1."""
    assert settings.host
    places = [f"{settings.state}/{name}:{place}" for name, place in mounts.CLOUD.items()]
    if CONTROL in settings.host.roles and DATABASE not in settings.host.roles:
        assert settings.fleet  # a second controller: keys and images are shared among all that serve them
        first = settings.state.parent / settings.fleet.having(DATABASE)[0].name
        places += [f"{first}/lib/{name}:{mounts.CLOUD['lib']}/{name}" for name in ("keys", "images")]
    libvirt = settings.state / "libvirt"
    if libvirt.is_dir():
        places += [f"{libvirt}/{name}:{place}" for name, place in mounts.LIBVIRT.items()]
        places += [f"{libvirt}/{name}:/etc/{name}" for name in ("passwd", "group") if (libvirt / name).exists()]
    return [
        "nsenter", f"--net=/run/netns/{settings.netns}",
        "unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--propagation", "slave",
        "/bin/sh", str(settings.root / "devstack" / "host-init"), settings.host.name, *places, "--", *command,
    ]  # fmt: skip


def init(settings: Settings) -> int:
    """The host's PID 1, as the machine numbers it; 0 while the host is off."""
    return next((pid for pid in leftovers.marked(settings) if _numbers(pid)[-1:] == [1]), 0)


def _numbers(pid: int) -> list[int]:
    """Of a process: its pid in the machine's namespace, then in each namespace down to its own."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return [int(word) for word in line.split()[1:]]
    except OSError:
        pass  # it has just ended
    return []


def pids(settings: Settings) -> dict[int, int]:
    """Every process of the host: its pid on the host -> the machine's pid."""
    first = init(settings)
    if not first:
        return {}
    found = {}
    space = _space(first)
    for pid, _ in processes.everyone():
        numbers = _numbers(pid)
        if len(numbers) > 1 and _space(pid) == space:
            found[numbers[-1]] = pid
    return found


def _space(pid: int) -> int:
    try:
        return Path(f"/proc/{pid}/ns/pid").stat().st_ino
    except OSError:
        return 0


def cut_power(settings: Settings) -> None:
    """Ends all that runs on the host, at once and without a word. Raises Failure if the kernel can't."""
    known = [*pids(settings).values(), *leftovers.marked(settings)]
    first = init(settings)
    if first:
        os.kill(first, signal.SIGKILL)
    if not processes.wait_for(lambda: not any(processes.command_line(pid) for pid in known), 30, 0.02):
        processes.end([pid for pid in known if processes.command_line(pid)])


def enter_words(settings: Settings) -> list[str]:
    """The words before a command that is to run on the host. Raises Failure while the host is off."""
    first = init(settings)
    if not first:
        assert settings.host
        raise Failure(f"{settings.host.name} is off: devstack/host start {settings.host.name}")
    return ["nsenter", "-t", str(first), "-m", "-u", "-n", "-p"]


def run(settings: Settings, *command: str, check: bool = True, timeout: float = 60) -> str:
    """Runs a short command on the host; what it said on standard output. Raises Failure if it fails."""
    return processes.run([*enter_words(settings), *command], check=check, timeout=timeout, name=" ".join(command))


def attempt(settings: Settings, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """As ``run``, with status and both outputs."""
    words = [*enter_words(settings), *command]
    return subprocess.run(words, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, check=False)
