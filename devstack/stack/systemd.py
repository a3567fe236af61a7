"""The keeper where PID 1 is systemd: the units of etc/systemd, with a drop-in for this checkout; units for the base."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from devstack.stack import files, leftovers, processes
from devstack.stack.failure import Failure
from devstack.stack.keeper import State
from devstack.stack.programs import SUPERVISED, Program, programs
from devstack.stack.settings import Settings

_UNITS = Path("/etc/systemd/system")
_DROP_IN = "90-devstack.conf"


def unit(program: Program) -> str:
    """The name of a program's unit."""
    form = "iaas@{}.service" if program.group == SUPERVISED else "iaas-devstack-{}.service"
    return form.format(program.name)


def _quoted(program: Program) -> str:
    return " ".join(word.replace("%", "%%") for word in program.command)


def drop_in(settings: Settings, program: Program) -> str:
    """Runs a daemon from the checkout, as root and unconfined: its files are those of a development stack."""
    return "\n".join([
        "# Written by devstack/up.", "[Service]", "ExecStart=", f"ExecStart={_quoted(program)}",
        f"Environment={leftovers.MARK}={settings.state}",
        "User=root", "Group=root", "ProtectSystem=no", "ProtectHome=no", "PrivateTmp=no",
        f"StandardOutput=append:{settings.log(program.name)}", "StandardError=inherit", "",
    ])  # fmt: skip


def base_unit(settings: Settings, program: Program) -> str:
    """A unit for the broker and the like, which belong to this stack alone."""
    return "\n".join([
        "# Written by devstack/up.", "[Unit]", f"Description={program.name} of the stack in {settings.state}", "",
        "[Service]", f"ExecStart={_quoted(program)}", f"User={program.user}",
        f"Environment={leftovers.MARK}={settings.state}",
        *(f'Environment="{key}={value}"' for key, value in program.environment.items()),
        f"KillSignal=SIG{program.stop_signal}", f"TimeoutStopSec={program.stop_seconds}",
        # guests are children of libvirtd, and must survive it
        "KillMode=process", "Delegate=yes", "Restart=always", "RestartSec=1", "LimitNOFILE=65536",
        f"StandardOutput=append:{settings.log(program.name)}", "StandardError=inherit", "",
    ])  # fmt: skip


def _wanted(settings: Settings) -> dict[Path, str]:
    source = settings.root / "etc" / "systemd"
    shipped = [path for path in source.rglob("*") if path.is_file() and path.suffix != ".md"]
    found = {_UNITS / path.relative_to(source): path.read_text() for path in shipped}
    for program in programs(settings):
        if program.group == SUPERVISED:
            found[_UNITS / f"{unit(program)}.d" / _DROP_IN] = drop_in(settings, program)
        else:
            found[_UNITS / unit(program)] = base_unit(settings, program)
    return found


def _systemctl(*arguments: str, check: bool = True) -> str:
    return processes.run(["systemctl", *arguments], check=check, timeout=120)


def _group(settings: Settings, group: str) -> list[Program]:
    return [each for each in programs(settings) if (each.group == SUPERVISED) == (group == SUPERVISED)]


def is_up(settings: Settings) -> bool:
    return any(state.running for state in states(settings).values())


def ensure(settings: Settings) -> bool:
    """Installs the units."""
    changed = False
    for path, text in _wanted(settings).items():
        changed = files.write(path, text, 0o644) or changed
    if changed:
        _systemctl("daemon-reload")
    return changed


def start(settings: Settings, group: str) -> bool:
    known = states(settings)
    idle = [unit(program) for program in _group(settings, group) if not known[program.name].running]
    if idle:
        _systemctl("start", "--no-block", *idle)
    return bool(idle)


def stop(settings: Settings, group: str) -> None:
    _systemctl("stop", *(unit(program) for program in _group(settings, group)), check=False)


def states(settings: Settings) -> dict[str, State]:
    found = {}
    boot = time.time() - time.clock_gettime(time.CLOCK_MONOTONIC)
    wanted = "MainPID,ActiveState,ExecMainStartTimestampMonotonic"
    for program in programs(settings):
        said = _systemctl("show", unit(program), "-p", wanted, check=False)
        values = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        started = int(values.get("ExecMainStartTimestampMonotonic") or 0) / 1e6
        state = values.get("ActiveState", "unknown")
        pid = int(values.get("MainPID") or 0)
        found[program.name] = State(state == "active", pid, boot + started if started else 0.0, state)
    return found


def shutdown(settings: Settings) -> None:
    for group in (SUPERVISED, "base"):
        stop(settings, group)
    left = [name for name, state in states(settings).items() if state.running]
    if left:
        raise Failure(f"systemd does not stop {', '.join(left)}")
    for path, text in _wanted(settings).items():
        if path.is_file() and path.read_text() == text:  # what somebody has changed since is theirs
            path.unlink()
            if path.parent != _UNITS and not any(path.parent.iterdir()):
                shutil.rmtree(path.parent)
    _systemctl("daemon-reload")
