"""The process supervisor where PID 1 is not systemd: supervisord, one per stack, spoken to over its unix socket.

It runs under tini as a subreaper: whatever outlives its daemon (a guest, a DHCP server) is reaped at once when it
ends, which PID 1 of a container may be slow at.
"""

from __future__ import annotations

import os
import subprocess
import time
import xmlrpc.client
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

from devstack.stack import files, leftovers, machine, processes
from devstack.stack.failure import Failure
from devstack.stack.keeper import State
from devstack.stack.programs import SUPERVISED, Program, programs
from devstack.stack.settings import Settings

_RUNNING = ("RUNNING", "STARTING", "BACKOFF")


def conf_path(settings: Settings) -> Path:
    return settings.state / "supervisord.conf"


def _socket(settings: Settings) -> Path:
    return settings.state / "run" / "supervisor.sock"


def pid_file(settings: Settings) -> Path:
    return settings.state / "run" / "supervisord.pid"


def render(settings: Settings) -> str:
    """supervisord.conf: base programs start with it, the cloud's daemons when devstack/up says so."""
    lines = [
        "# Written by devstack/up. supervisorctl -c THIS_FILE status | restart iaas:* | tail -f iaas:compute",
        "[unix_http_server]", f"file = {_socket(settings)}", "chmod = 0700", "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface", "",
        "[supervisorctl]", f"serverurl = unix://{_socket(settings)}", "",
        "[supervisord]", f"pidfile = {pid_file(settings)}", f"logfile = {settings.log('supervisord')}",
        "logfile_maxbytes = 10MB", "logfile_backups = 1", f"directory = {settings.state}", "umask = 022",
        f"childlogdir = {settings.logs}", "user = root", "",
    ]  # fmt: skip
    for program in programs(settings):
        lines += [*_section(settings, program), ""]
    names = ",".join(program.name for program in programs(settings) if program.group == SUPERVISED)
    return "\n".join([*lines, f"[group:{SUPERVISED}]", f"programs = {names}", ""])


def _section(settings: Settings, program: Program) -> list[str]:
    environment = ",".join(f'{key}="{value}"' for key, value in program.environment.items())
    own = program.group == SUPERVISED
    return [
        f"[program:{program.name}]",
        "command = " + " ".join(program.command),
        *([f"environment = {environment}"] if environment else []),
        *([f"user = {program.user}"] if program.user != "root" else []),
        # One that fails as soon as it starts is tried for ever, with growing pauses (1 s, 2 s, 3 s, …).
        f"autostart = {'false' if own else 'true'}", "autorestart = true", "startsecs = 2", "startretries = 1000000",
        f"priority = {200 if own else 100}",
        f"stopsignal = {program.stop_signal}", f"stopwaitsecs = {program.stop_seconds}",
        f"stdout_logfile = {settings.log(program.name)}", "redirect_stderr = true",
        "stdout_logfile_maxbytes = 10MB", "stdout_logfile_backups = 2",
    ]  # fmt: skip


def inside(settings: Settings) -> str:
    """What to write before a shell command so that it runs where the daemons of the stack do."""
    return f"nsenter -t $(cat {pid_file(settings)}) -m -n " if settings.netns else ""


def _rpc(settings: Settings) -> Any:
    transport = SupervisorTransport(None, None, f"unix://{_socket(settings)}")
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor


def is_up(settings: Settings) -> bool:
    try:
        return bool(_rpc(settings).getState()["statename"] == "RUNNING")
    except (OSError, xmlrpc.client.Error, ValueError):
        return False


def ensure(settings: Settings) -> bool:
    """Starts supervisord, or lets it read a changed configuration."""
    changed = files.write(conf_path(settings), render(settings))
    if is_up(settings):
        if changed:
            _reload(settings)
        return changed
    _end(settings)  # one that hangs
    files.folder(_socket(settings).parent)
    command = _command(settings)
    environment = {key: os.environ[key] for key in ("PATH", "LC_ALL", "TERM") if key in os.environ}
    output = settings.log("supervisord.output")
    with output.open("ab") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
            env={**environment, "PYTHONUNBUFFERED": "1", leftovers.MARK: str(settings.state)},
        )  # fmt: skip
    deadline = time.monotonic() + 30
    while not is_up(settings):
        if child.poll() is not None or time.monotonic() > deadline:
            raise Failure(f"supervisord does not start ({files.tail(output)})", output)
        time.sleep(0.1)
    return True


def _command(settings: Settings) -> list[str]:
    command = [str(settings.bin / "supervisord"), "-n", "-c", str(conf_path(settings))]
    if settings.host:
        return machine.init_words(settings, command)
    command = ["tini", "-s", "--", *command]
    if settings.netns:
        # An agent must see no namespace of another cloud, which carry the same names, and /sys with its own devices.
        own_names = 'mount -t tmpfs netns /run/netns && mount -t sysfs sysfs /sys && exec "$@"'
        command = ["unshare", "--mount", "--propagation", "slave", "sh", "-c", own_names, "sh", *command]
    return command


def _end(settings: Settings) -> None:
    if settings.host:
        machine.cut_power(settings)
    else:
        processes.end_pid_file(pid_file(settings), str(conf_path(settings)))


def _reload(settings: Settings) -> None:
    rpc = _rpc(settings)
    added, changed, removed = rpc.reloadConfig()[0]
    for group in [*changed, *removed]:
        rpc.stopProcessGroup(group)
        rpc.removeProcessGroup(group)
    for group in [*added, *changed]:
        rpc.addProcessGroup(group)


def states(settings: Settings) -> dict[str, State]:
    return {
        info["name"]: State(running=info["statename"] == "RUNNING", pid=info["pid"], since=float(info["start"]),
                            text=info["statename"].lower())
        for info in _rpc(settings).getAllProcessInfo()
    }  # fmt: skip


def _belongs(info: dict[str, Any], group: str, names: Sequence[str] = ()) -> bool:
    """In supervisord, each program of the base is a group of its own."""
    return (info["group"] == SUPERVISED) == (group == SUPERVISED) and (not names or info["name"] in names)


def start(settings: Settings, group: str, names: Sequence[str] = ()) -> bool:
    """``names``: only these."""
    rpc, idle = _rpc(settings), []
    for info in rpc.getAllProcessInfo():
        if _belongs(info, group, names) and info["statename"] not in _RUNNING:
            idle.append(f"{info['group']}:{info['name']}")
    for name in idle:
        try:
            rpc.startProcess(name, False)
        except xmlrpc.client.Fault as fault:
            log = settings.log(name.split(":")[1])
            raise Failure(f"{name} does not start ({fault.faultString})", log) from fault
    return bool(idle)


def stop(settings: Settings, group: str, names: Sequence[str] = ()) -> None:
    """``names``: only these."""
    rpc = _rpc(settings)
    for info in rpc.getAllProcessInfo():
        if _belongs(info, group, names) and info["statename"] in _RUNNING:
            try:
                rpc.stopProcess(f"{info['group']}:{info['name']}", False)
            except xmlrpc.client.Fault as fault:
                if "NOT_RUNNING" not in fault.faultString:
                    raise Failure(f"{info['name']} does not stop ({fault.faultString})") from fault
    deadline = time.monotonic() + 60
    while any(info["pid"] for info in rpc.getAllProcessInfo() if _belongs(info, group, names)):
        if time.monotonic() > deadline:
            raise Failure("daemons do not stop within 60 seconds", settings.log("supervisord"))
        time.sleep(0.1)


def shutdown(settings: Settings) -> None:
    """Ends all programs and the supervisor itself; nothing happens if it does not run."""
    if is_up(settings):
        _rpc(settings).shutdown()
        processes.wait_gone(pid_file(settings), 90)
    processes.end_pid_file(pid_file(settings), str(conf_path(settings)))
