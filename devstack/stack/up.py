"""devstack/up: the steps from an empty state directory to a running first instance. Each looks first and then acts."""

from __future__ import annotations

import hashlib
import http.client
import json
from typing import Any

from devstack.stack import broker, config, files, hypervisor, keepers, leftovers, plumbing, postgresql, processes
from devstack.stack.failure import Failure
from devstack.stack.keeper import Keeper
from devstack.stack.programs import SUPERVISED
from devstack.stack.say import step
from devstack.stack.settings import Settings

_WORKERS = ("scheduler", "conductor", "compute", "network", "volume")
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
    files.folder(settings.logs, 0o755)
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
    with step("tables and accounts"):
        _manage(settings, "db", "upgrade")
        _bootstrap(settings)
    with step("daemons"):
        _start_daemons(settings, manager)
        wait_for_daemons(settings, manager)
    _fill(settings)


def _start_daemons(settings: Settings, manager: Keeper) -> None:
    """Starts those that don't run; all of them again if code or configuration is not what they were started with."""
    stamp, wanted = settings.state / "run" / "started-with", fingerprint(settings)
    if not stamp.exists() or stamp.read_text() != wanted:
        manager.stop(settings, SUPERVISED)
        files.write(stamp, wanted)
    manager.start(settings, SUPERVISED)


def fingerprint(settings: Settings) -> str:
    """Changes with any file that the daemons read when they start."""
    digest = hashlib.sha256()
    for path in [settings.config, *sorted((settings.root / "iaas").rglob("*.py"))]:
        stat = path.stat()
        digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _configure(settings: Settings) -> None:
    for name in ("keys", "images", "compute", "network", "volumes", "run"):
        files.folder(settings.state / name)
    broker.prepare(settings)
    hypervisor.prepare(settings)
    if settings.database == "postgresql":
        postgresql.prepare(settings)
    config.write(settings)


def _manage(settings: Settings, *arguments: str) -> str:
    command = [str(settings.bin / "iaas-manage"), "--config-file", str(settings.config), *arguments]
    verb = " ".join(word for word in arguments[:2] if not word.startswith("-"))
    return processes.run(command, timeout=180, log=settings.log("manage"), name=f"iaas-manage {verb}")


def _bootstrap(settings: Settings) -> None:
    """The administrator's account, services and endpoints. The password travels in a file: /proc shows arguments."""
    password = settings.state / "admin-password"
    files.write(password, settings.secrets.admin_password + "\n")
    _manage(settings, "bootstrap", "--admin-password-file", str(password))


def _fill(settings: Settings) -> None:
    from devstack.stack import cloud, instance  # openstacksdk takes a second to import

    with step("image, networks, keys, demo project"):
        furniture = cloud.furnish(settings)
    instance.launch(settings, furniture)


def answers(port: int) -> bool:
    """Whether an API gives its version document there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def heartbeats(settings: Settings) -> list[dict[str, Any]]:
    """What ``iaas-manage service list --json`` says: a list of {binary, host, state, last_heartbeat …}."""
    found = json.loads(_manage(settings, "service", "list", "--json") or "[]")
    return list(found)


class _Watch:
    """Notices a daemon that ends as soon as it starts, so that nobody waits a minute for it."""

    def __init__(self, settings: Settings, manager: Keeper) -> None:
        self._settings, self._manager = settings, manager
        self._starts: dict[str, set[float]] = {}

    def check(self, daemon: str) -> None:
        """Raises Failure at the daemon's fourth start."""
        state = self._manager.states(self._settings).get(daemon)
        if state and state.since:
            seen = self._starts.setdefault(daemon, set())
            seen.add(state.since)
            if len(seen) > 3:
                log = self._settings.log(daemon)
                raise Failure(f"iaas-{daemon} ends as soon as it starts ({files.tail(log)})", log)


def wait_for_daemons(settings: Settings, manager: Keeper) -> None:
    """Until every API answers and every worker has sent a heartbeat. Raises Failure naming the first that doesn't."""
    watch = _Watch(settings, manager)
    for api, daemon in _APIS.items():
        _wait_for_api(settings, watch, api, daemon)
    missing: list[str] = []

    def all_beat() -> bool:
        beating = {str(row["binary"]).removeprefix("iaas-") for row in heartbeats(settings) if row["state"] == "up"}
        missing[:] = [name for name in _WORKERS if name not in beating]
        for name in missing:
            watch.check(name)
        return not missing

    if not processes.wait_for(all_beat, 60, 0.5):
        log = settings.log(missing[0])
        raise Failure(f"iaas-{missing[0]} sends no heartbeat ({files.tail(log)})", log)


def _wait_for_api(settings: Settings, watch: _Watch, api: str, daemon: str) -> None:
    port = getattr(settings.ports, api)

    def ready() -> bool:
        if answers(port):
            return True
        watch.check(daemon)
        return False

    if not processes.wait_for(ready, 90, 0.2):
        log = settings.log(daemon)
        raise Failure(f"the {api} API does not answer on port {port} ({files.tail(log)})", log)
