"""devstack/host: one host of a fleet at a time. Usage is in the text of that command."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from devstack.stack import hosts, layouts, machine, processes, say
from devstack.stack.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    for verb in ("list", *_ALONE, *_LOCKED):
        command = verbs.add_parser(verb, allow_abbrev=False)
        command.add_argument("--state", type=Path, default=argparse.SUPPRESS, metavar="DIR")
        if verb != "list":
            command.add_argument("name", metavar="NAME")
        if verb == "add":
            command.add_argument("--role", action="append", choices=layouts.ADDABLE)
        if verb in _WORDS:
            command.add_argument("words", nargs=argparse.REMAINDER if verb == "run" else "*", metavar=_WORDS[verb])


def changes(verb: str) -> bool:
    """Whether nobody else may work on the stack meanwhile."""
    return verb in _LOCKED


def run(settings: Settings, given: argparse.Namespace) -> int:
    if given.verb == "list":
        print(listing(settings))
    else:
        (_ALONE | _LOCKED)[given.verb](settings, given)
    return 0


def used(host: Settings) -> int:
    """Memory of all that runs on the host, guests included, in bytes."""
    return sum(processes.memory(pid) for pid in machine.pids(host).values())


def listing(settings: Settings) -> str:
    rows: list[tuple[str, ...]] = [("HOST", "ADDRESS", "STATE", "PROCESSES", "MEMORY", "ROLES")]
    for host in settings.every_host:
        assert host.host
        count = len(machine.pids(host))
        state, memory = ("on", say.size(used(host))) if count else ("off", "-")
        rows.append((host.host.name, host.address, state, str(count), memory, " ".join(host.host.roles)))
    return say.table(rows)


def _add(settings: Settings, given: argparse.Namespace) -> None:
    host = hosts.add(settings, given.name, tuple(given.role or ()))
    print(f"{given.name} has joined at {host.address}")


def _start(settings: Settings, given: argparse.Namespace) -> None:
    hosts.start(settings, hosts.find(settings, given.name), given.words)


def _stop(settings: Settings, given: argparse.Namespace) -> None:
    hosts.stop(hosts.find(settings, given.name), given.words)


def _kill(settings: Settings, given: argparse.Namespace) -> None:
    hosts.kill(settings, hosts.find(settings, given.name))


def _partition(settings: Settings, given: argparse.Namespace) -> None:
    hosts.partition(settings, hosts.find(settings, given.name))


def _heal(settings: Settings, given: argparse.Namespace) -> None:
    hosts.heal(settings, hosts.find(settings, given.name))


def _run(settings: Settings, given: argparse.Namespace) -> None:
    """Becomes the command, with this terminal."""
    enter = machine.enter_words(hosts.find(settings, given.name))
    os.environ["PATH"] = f"{settings.bin}:{os.environ['PATH']}"
    os.execvp(enter[0], [*enter, *(given.words or ["bash"])])  # noqa: S606 - a shell only if it is asked for


_Work = Callable[[Settings, argparse.Namespace], None]
_ALONE: dict[str, _Work] = {"run": _run}
_LOCKED: dict[str, _Work] = {
    "add": _add, "start": _start, "stop": _stop, "kill": _kill, "partition": _partition, "heal": _heal,
}  # fmt: skip
_WORDS = {"run": "COMMAND", "start": "DAEMON", "stop": "DAEMON"}
