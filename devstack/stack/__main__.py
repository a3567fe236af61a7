"""The commands up, down, status and test, after devstack/prepare.sh has made sure that Python is there."""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from devstack.stack import files, host_commands, layouts, plumbing, settings
from devstack.stack.failure import Failure
from devstack.stack.settings import Settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="devstack", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "down", "status", "host"):
        command = commands.add_parser(name, prog=f"devstack/{name}", allow_abbrev=False)
        command.add_argument("--state", type=Path, default=settings.DEFAULT_STATE, metavar="DIR")
        if name == "up":
            command.add_argument("--database", choices=settings.DATABASES)
            command.add_argument("--port-base", type=int, metavar="N")
            command.add_argument("--hosts", type=int, metavar="N")
            command.add_argument("--layout", choices=sorted(layouts.LAYOUTS), default=layouts.DEFAULT)
            command.add_argument("--controllers", type=int, default=1, metavar="N")
        if name == "host":
            host_commands.add_arguments(command)
        if name == "down":
            command.add_argument("--all", action="store_true")
    test = commands.add_parser("test", prog="devstack/test", allow_abbrev=False)
    test.add_argument("paths", nargs="*", metavar="PATH")
    return parser


def _state(path: Path) -> Path:
    """Absolute, fit for configuration files that know no quotes, and short: paths of sockets end at 107 bytes."""
    found = path if path.is_absolute() else Path.cwd() / path
    found = Path(os.path.normpath(found))
    if not re.fullmatch(r"/[A-Za-z0-9._/-]{1,70}", str(found)) or len(found.parts) < 3:
        raise Failure(f"--state {found}: at most 70 letters, digits, and . _ / -, and two levels deep")
    if found.is_dir() and any(found.iterdir()) and not (found / "settings.json").exists():
        raise Failure(f"--state {found} is a directory of something else: choose a new or empty one")
    return found


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Only one up or down at a time on a stack. The lock is the kernel's and goes with its process."""
    lock = settings.ROOT / "build" / f"lock{str(state).replace('/', '-')}"
    files.folder(lock.parent, 0o755)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Failure(f"another devstack/up or devstack/down works on {state}") from error
        yield


def _up(given: argparse.Namespace) -> int:
    from devstack.stack.up import up

    state = _state(given.state)
    with _alone(state):
        up(_obtain(given, state))
    return 0


def _obtain(given: argparse.Namespace, state: Path) -> Settings:
    """The stack that ``devstack/up`` is asked for."""
    from devstack.stack import fleet

    found = settings.find(state)
    planned = found.fleet if found else None
    if given.hosts and given.hosts > 1:
        wanted = layouts.lay_out(given.layout, given.hosts, given.controllers)
        planned = replace(planned, hosts=wanted, layout=given.layout) if planned else None
        planned = planned or fleet.plan(state, given.layout, given.hosts, given.controllers)
    return settings.obtain(state, given.database, given.port_base, planned)


def _down(given: argparse.Namespace) -> int:
    from devstack.stack.down import down

    state = _state(given.state)
    with _alone(state):
        chosen = settings.find(state)
        if chosen:
            down(chosen)
        print(f"nothing is left of the stack in {state}" if chosen else f"there is no stack in {state}")
    return 0


def _host(given: argparse.Namespace) -> int:
    state = _state(given.state)
    with _alone(state) if host_commands.changes(given.verb) else nullcontext():
        chosen = settings.find(state)
        if not chosen:
            raise Failure(f"there is no stack in {state}: devstack/up --hosts N makes one")
        return host_commands.run(chosen, given)


def _status(given: argparse.Namespace) -> int:
    from devstack.stack.status import status

    chosen = settings.find(_state(given.state))
    if not chosen:
        raise Failure(f"there is no stack in {given.state}: devstack/up makes one")
    return status(chosen)


def _test(given: argparse.Namespace) -> int:
    from devstack.stack.suite import run_suite

    return run_suite([Path(path) for path in given.paths])


def _enter(given: argparse.Namespace) -> None:
    """A stack with a network namespace is worked on from inside it: this program starts again there."""
    if given.command not in ("up", "status"):
        return
    state = _state(given.state)
    if given.command == "up":
        with _alone(state):
            chosen: Settings | None = _obtain(given, state)
    else:
        chosen = settings.find(state)
    if chosen:
        plumbing.enter_namespace(chosen, [sys.executable, "-m", "devstack.stack", *sys.argv[1:]])


def main() -> int:
    given = _parser().parse_args()
    try:
        _enter(given)
        return {"up": _up, "down": _down, "status": _status, "host": _host, "test": _test}[given.command](given)
    except Failure as failure:
        print(f"devstack/{given.command}: failed: {failure.line()}", file=sys.stderr)
    except BrokenPipeError:
        sys.stdout = None  # whoever read has seen enough; nothing is left to be flushed
    except KeyboardInterrupt:
        print(f"devstack/{given.command}: interrupted; run it again to go on", file=sys.stderr)
    except Exception as error:  # noqa: BLE001 - the user gets one line, the log the rest
        log = settings.ROOT / "build" / "log" / "devstack.log"
        files.folder(log.parent, 0o755)
        log.write_text(traceback.format_exc())
        print(f"devstack/{given.command}: failed: {Failure(repr(error), log).line()}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
