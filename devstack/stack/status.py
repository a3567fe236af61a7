"""devstack/status: each daemon with its process, memory, age and last heartbeat, and what all of it takes."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Any

from devstack.stack import keepers, leftovers, machine, processes, say, supervisor
from devstack.stack.failure import Failure
from devstack.stack.keeper import State
from devstack.stack.programs import SUPERVISED, programs
from devstack.stack.settings import Settings
from devstack.stack.up import heartbeats

HEADING = ("DAEMON", "STATE", "PID", "MEMORY", "UP SINCE", "LAST HEARTBEAT")


def age(seconds: float) -> str:
    """How long ago, in the unit that reads best."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit} ago"
    return f"{max(0, seconds):.0f} s ago"


def memory(pid: int) -> int:
    """Of the process and its children, but for the guests of a libvirtd: they are counted on their own."""
    own = [each for each in processes.tree(pid) if "qemu-system" not in processes.command_line(each)]
    return sum(processes.memory(each) for each in own)


def row(name: str, state: State, beat: dict[str, Any] | None, used: int, now: float) -> tuple[str, ...]:
    """One line of the table. ``beat``: an entry of ``iaas-manage service list``, where the daemon sends heartbeats."""
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(state.since)) if state.running else "-"
    last = beat and beat.get("last_heartbeat")
    seen = age(now - datetime.fromisoformat(last).timestamp()) if last else "-"
    text = state.text if state.running else state.text.upper()
    if state.running and beat and beat["state"] != "up":
        text = "SILENT"
    return name, text, str(state.pid or "-"), say.size(used) if state.running else "-", since, seen


def status(settings: Settings) -> int:
    """Prints the table; 0 if all is well, else 1."""
    if settings.fleet:
        return _of_hosts(settings)
    manager = keepers.choose(settings)
    if not manager.is_up(settings):
        raise Failure(f"the stack in {settings.state} does not run: devstack/up starts it")
    states = manager.states(settings)
    problem, beats = "", {}
    try:
        beats = {str(entry["binary"]).removeprefix("iaas-"): entry for entry in heartbeats(settings)}
    except Failure as failure:
        problem = failure.line()
    rows: list[tuple[str, ...]] = [HEADING]
    total, now = {SUPERVISED: 0, "base": 0}, time.time()
    for program in programs(settings):
        state = states.get(program.name, State(False, 0, 0.0, "unknown"))
        used = memory(state.pid) if state.pid else 0
        total[program.group] += used
        rows.append(row(program.name, state, beats.get(program.name), used, now))
    print(say.table(rows))
    guests = [processes.memory(pid) for pid in leftovers.guests(settings)]
    print(f"\nThe cloud's own daemons take {say.size(total[SUPERVISED])}, broker, hypervisor and database "
          f"{say.size(total['base'])}, {len(guests)} guests {say.size(sum(guests))}.")  # fmt: skip
    print(f"Logs: {settings.logs}")
    print(f"Options of your own: {settings.wishes}; the next devstack/up takes them over and restarts the daemons.")
    if problem:
        print(f"No heartbeats: {problem}")
    return 1 if problem or any(cells[1].isupper() for cells in rows[1:]) else 0


def _of_hosts(settings: Settings) -> int:
    """A table for each host, and what it costs."""
    problem, beats = "", {}
    try:
        beats = {
            (str(entry["binary"]).removeprefix("iaas-"), str(entry["host"])): entry for entry in heartbeats(settings)
        }
    except Failure as failure:
        problem = failure.line()
    well, total = not problem, 0
    for host in settings.every_host:
        assert host.host
        name, outside = host.host.name, machine.pids(host)
        print(f"{name} {host.address} ({' '.join(host.host.roles)})")
        if not supervisor.is_up(host):
            print("  off\n")
            well = False
            continue
        states, now = supervisor.states(host), time.time()
        rows: list[tuple[str, ...]] = [HEADING]
        for program in programs(host):
            state = states.get(program.name, State(False, 0, 0.0, "unknown"))
            state = replace(state, pid=outside.get(state.pid, 0))
            used = memory(state.pid) if state.pid else 0
            rows.append(row(program.name, state, beats.get((program.name, name)), used, now))
        well = well and not any(cells[1].isupper() for cells in rows[1:])
        print(say.table([("", *cells) for cells in rows]))
        guests = [pid for pid in outside.values() if "qemu-system" in processes.command_line(pid).split(" -", 1)[0]]
        guest_memory = sum(processes.memory(pid) for pid in guests)
        cost = sum(processes.memory(pid) for pid in outside.values()) - guest_memory
        total += cost
        print(f"  {say.size(cost)} without its {len(guests)} guests, which take {say.size(guest_memory)}\n")
    print(f"All hosts: {say.size(total)} without guests. Logs: {settings.state}/hosts/*/log")
    if problem:
        print(f"No heartbeats: {problem}")
    return 0 if well else 1
