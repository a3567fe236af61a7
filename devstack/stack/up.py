"""devstack/up: the steps from an empty state directory to a running first instance. Each looks first and then acts."""

from __future__ import annotations

import http.client
import json
import socket
from functools import partial
from pathlib import Path
from typing import Any

from devstack.stack import (
    broker,
    config,
    files,
    fleet,
    hypervisor,
    keepers,
    leftovers,
    plumbing,
    postgresql,
    processes,
    stamp,
)
from devstack.stack.failure import Failure
from devstack.stack.programs import SUPERVISED, programs
from devstack.stack.say import step
from devstack.stack.settings import Settings

_APIS = {
    "identity": "identity",
    "image": "image",
    "compute": "api",
    "network": "api",
    "volume": "api",
    "metadata": "api",
}


def up(settings: Settings) -> None:
    """Raises Failure with the one thing that went wrong."""
    raise_cloud(settings)
    _fill(settings)


def raise_cloud(settings: Settings) -> None:
    """To where every daemon is well and the administrator can log in."""
    files.folder(settings.logs, 0o755)
    if settings.fleet:
        fleet.up(settings, partial(_tables, settings))
    else:
        _ground(settings)
        with step("tables and accounts"):
            _tables(settings)
    with step("daemons"):
        _start_daemons(settings)
        wait_for_daemons(settings)


def _tables(settings: Settings) -> None:
    manage(settings, "db", "upgrade")
    _bootstrap(settings)


def _ground(settings: Settings) -> None:
    """What the daemons of a cloud on one host need."""
    manager = keepers.choose(settings)
    with step("configuration"):
        if not manager.is_up(settings):
            leftovers.end_daemons(settings)
            plumbing.check_ports(settings)
        _configure(settings)
    with step("broker, hypervisor, database"):
        manager.ensure(settings)
        manager.start(settings, "base")
        if settings.database == "postgresql":
            postgresql.wait(settings)
        hypervisor.wait(settings)
        broker.wait(settings)
        plumbing.ensure_bridge(settings)


def _start_daemons(settings: Settings) -> None:
    """Starts those that don't run; all of them again if code or configuration is not what they were started with."""
    if settings.fleet:
        fleet.start_daemons(settings)
        return
    manager = keepers.choose(settings)
    stamp.renew(settings, lambda: manager.stop(settings, SUPERVISED))
    manager.start(settings, SUPERVISED)


def _configure(settings: Settings) -> None:
    for name in ("keys", "images", "compute", "network", "volumes", "run"):
        files.folder(settings.state / name)
    broker.prepare(settings)
    hypervisor.prepare(settings)
    if settings.database == "postgresql":
        postgresql.prepare(settings)
    config.write(settings)


def manage(settings: Settings, *arguments: str) -> str:
    """Runs iaas-manage. Raises Failure with its last line."""
    if settings.fleet:
        return fleet.manage(settings, *arguments)
    command = [str(settings.bin / "iaas-manage"), "--config-file", str(settings.config), *arguments]
    verb = " ".join(word for word in arguments[:2] if not word.startswith("-"))
    return processes.run(command, timeout=180, log=settings.log("manage"), name=f"iaas-manage {verb}")


def _bootstrap(settings: Settings) -> None:
    """The administrator's account, services and endpoints. The password travels in a file: /proc shows arguments."""
    password = settings.state / "admin-password"
    files.write(password, settings.secrets.admin_password + "\n")
    manage(settings, "bootstrap", "--admin-password-file", str(password))


def _fill(settings: Settings) -> None:
    from devstack.stack import cloud, instance  # openstacksdk takes a second to import

    with step("image, networks, keys, demo project"):
        furniture = cloud.furnish(settings)
    instance.launch(settings, furniture)


def answers(port: int, address: str = "127.0.0.1") -> bool:
    """Whether an API gives its version document there."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def heartbeats(settings: Settings) -> list[dict[str, Any]]:
    """What ``iaas-manage service list --json`` says: a list of {binary, host, state, last_heartbeat …}."""
    found = json.loads(manage(settings, "service", "list", "--json") or "[]")
    return list(found)


class _Watch:
    """Notices a daemon that ends as soon as it starts, so that nobody waits a minute for it."""

    def __init__(self) -> None:
        self._starts: dict[tuple[Path, str], set[float]] = {}

    def check(self, place: Settings, daemon: str) -> None:
        """Raises Failure at the daemon's fourth start. ``place``: the stack, or a host of it."""
        state = keepers.choose(place).states(place).get(daemon)
        if state and state.since:
            seen = self._starts.setdefault((place.state, daemon), set())
            seen.add(state.since)
            if len(seen) > 3:
                log = place.log(daemon)
                raise Failure(f"iaas-{daemon} ends as soon as it starts ({files.tail(log)})", log)


def expected(settings: Settings) -> dict[tuple[str, str], Settings]:
    """(daemon, host) of everybody whom the compute API must show -> where its log is. A host is called as the machine
    where it is the machine."""
    places = [(host, host.host.name) for host in settings.every_host if host.host] or [(settings, socket.gethostname())]
    daemons = [(one.name, name, place) for place, name in places for one in programs(place) if one.group == SUPERVISED]
    return {(daemon, name): place for daemon, name, place in daemons if daemon not in ("identity", "image", "console")}


def wait_for_daemons(settings: Settings) -> None:
    """Until every API answers and every daemon has sent a heartbeat. Raises Failure naming the first that doesn't."""
    watch, wanted = _Watch(), expected(settings)
    for api, daemon in _APIS.items():
        _wait_for_api(settings, watch, api, daemon)
    from devstack.stack import cloud  # openstacksdk takes a second to import

    connection = cloud.connect(settings, "devstack")
    missing: list[tuple[str, str]] = []

    def all_beat() -> bool:
        missing[:] = sorted(set(wanted) - cloud.beating(connection))
        for name, host in missing:
            watch.check(wanted[name, host], name)
        return not missing

    if not processes.wait_for(all_beat, 60, 0.3):
        name, host = missing[0]
        log = wanted[missing[0]].log(name)
        raise Failure(f"iaas-{name} on {host} sends no heartbeat ({files.tail(log)})", log)


def _wait_for_api(settings: Settings, watch: _Watch, api: str, daemon: str) -> None:
    port, place = getattr(settings.ports, api), settings.controller

    def ready() -> bool:
        if answers(port, settings.address):
            return True
        watch.check(place, daemon)
        return False

    if not processes.wait_for(ready, 90, 0.2):
        log = place.log(daemon)
        raise Failure(f"the {api} API does not answer on port {port} ({files.tail(log)})", log)
