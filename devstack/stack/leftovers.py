"""Processes of a stack, also those that its keeper does not know (any more).

Guests, DHCP servers and what serves volumes always outlive the daemons that started them; the daemons themselves only
outlive a keeper that was killed. Whatever a keeper starts carries a mark in its environment and hands it down; libvirt
gives its guests an environment of their own, so these are known by the files that they name.
"""

from __future__ import annotations

from pathlib import Path

from devstack.stack import processes
from devstack.stack.settings import Settings

MARK = "IAAS_DEVSTACK"
_MEANT_TO_STAY = ("qemu-system", "qemu-storage-daemon", "dnsmasq")


def find(settings: Settings) -> list[int]:
    """Their pids."""
    return [pid for pid, line in processes.everyone() if _is_ours(pid, line, settings)]


def marked(settings: Settings) -> list[int]:
    """The pids of those that carry the mark of this stack, or of this host of it."""
    return [pid for pid, _ in processes.everyone() if _has_mark(pid, settings)]


def guests(settings: Settings) -> list[int]:
    """The pids of the virtual machines."""
    return [pid for pid in find(settings) if _program(processes.command_line(pid)).startswith("qemu-system")]


def end_daemons(settings: Settings) -> None:
    """Before a keeper starts: what an earlier one has left running would hold the ports. Guests stay."""
    found = [pid for pid in find(settings) if not _program(processes.command_line(pid)).startswith(_MEANT_TO_STAY)]
    processes.end(found, 10)


def _program(line: str) -> str:
    return Path(line.split(" ", 1)[0]).name


def _is_ours(pid: int, line: str, settings: Settings) -> bool:
    if _program(line).startswith(_MEANT_TO_STAY) and f"{settings.state}/" in line:
        return True
    return _has_mark(pid, settings)


def _has_mark(pid: int, settings: Settings) -> bool:
    try:
        return f"{MARK}={settings.state}" in Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split(
            "\0"
        )
    except OSError:
        return False  # it has ended meanwhile
