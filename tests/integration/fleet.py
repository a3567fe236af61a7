"""A private cloud of several hosts for tests: real daemons, real guests, each host in namespaces of its own.

``fleet`` (fixture, one for the session): a controller with network agents and volumes, and two compute hosts. Leave it
as you found it: every host on, plugged in and with all daemons, and your servers deleted. ``private_fleet(...)`` makes
another one for a test that can't. Takes about 25 s and 700 MiB. Root only.

    fleet.admin.compute.create_server(…)                  openstacksdk; fleet.as_user("alice") for another project
    fleet.on("compute1", "virsh", "list")                 what a command on a host says
    fleet.kill_daemon("compute1", "compute")              SIGKILL; it is started again
    with fleet.instead("compute1", "compute", IAAS_FAILPOINTS="…=kill") as runs: …
    fleet.stop("compute1"), fleet.start("compute1")       all daemons of the host; or some: stop("compute1", "network")
    fleet.kill("compute1"), fleet.start("compute1")       power cut, and power on
    fleet.partition("compute1"), fleet.heal("compute1")   the management network
    fleet.block("compute1", 5672), fleet.unblock(…)       only these TCP ports of others
    fleet.add("compute3", "compute"), fleet.remove("compute3")
    fleet.check()                                         iaas-manage audit finds nothing: the end of every test
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import openstack
import pytest

from devstack.stack import cloud, config, fleet, hosts, machine, supervisor, up
from devstack.stack import settings as stack_settings
from devstack.stack.cloud import Furniture
from devstack.stack.processes import command_line
from devstack.stack.programs import programs
from devstack.stack.settings import ROOT, Settings

# What a guest's shell says yes to once it is through with its start. Its ssh server answers sooner, with the keys of an
# earlier life of the disk, which are replaced a moment later.
BOOTED = "! ps | grep -q '[r]c[.]cloud'"
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="several hosts need root: namespaces, bridges, guests")


def eventually(check: Callable[[], Any], seconds: float, what: str, pause: float = 0.2) -> Any:
    """The first true value of the check; fails with ``what`` when the time is over."""
    deadline = time.monotonic() + seconds
    while not (value := check()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(pause)
    return value


def busy() -> float:
    """By how much longer things take because others keep the processors busy; 1 on a machine of our own."""
    return max(1.0, os.getloadavg()[0] / (2 * (os.cpu_count() or 1)))


class FleetRig:
    """A running cloud. ``furniture``: ids of the flavor m1.nano, the image tinyguest, and the first network."""

    def __init__(self, settings: Settings, furniture: Furniture) -> None:
        self.state, self.furniture = settings.state, furniture

    @property
    def settings(self) -> Settings:
        """Read anew: hosts may have joined."""
        found = stack_settings.find(self.state)
        assert found
        return found

    # -- clients --------------------------------------------------------------------------------------------------

    @cached_property
    def admin(self) -> Any:
        return cloud.connect(self.settings, "devstack")

    @cached_property
    def demo(self) -> Any:
        """An ordinary user."""
        return cloud.connect(self.settings, "demo")

    def as_user(self, name: str) -> Any:
        """A connection of a user of the same name, in a project of the same name, both made if missing."""
        identity = self.admin.identity
        password = secrets.token_hex(16)
        project = identity.find_project(name) or identity.create_project(name=name, domain_id="default")
        user = identity.find_user(name)
        if user:
            identity.update_user(user, password=password)
        else:
            user = identity.create_user(name=name, domain_id="default", password=password)
        identity.assign_project_role_to_user(project, user, identity.find_role("member"))
        auth = config.accounts(self.settings)["demo"]
        auth |= {"username": name, "project_name": name, "password": password}
        return openstack.connect(auth=auth, region_name=config.REGION, identity_api_version="3",
                                 load_yaml_config=False, load_envvars=False)  # fmt: skip

    def environment(self, who: str = "devstack") -> dict[str, str]:
        """For the stock client, which runs anywhere on the machine; ``who``: devstack or demo."""
        return {"OS_CLOUD": who, "OS_CLIENT_CONFIG_FILE": str(self.settings.home / "clouds.yaml")}

    # -- hosts ----------------------------------------------------------------------------------------------------

    def host(self, name: str) -> Settings:
        """Its view of the settings: ``.state``, ``.log("compute")``, ``.address`` …"""
        return hosts.find(self.settings, name)

    @property
    def computes(self) -> list[str]:
        assert self.settings.fleet
        return [host.name for host in self.settings.fleet.having("compute")]

    def on(self, name: str, *command: str, check: bool = True, timeout: float = 60) -> str:
        """What the command says on standard output, run on the host. Raises Failure if it fails and ``check``."""
        return machine.run(self.host(name), *command, check=check, timeout=timeout)

    def attempt(self, name: str, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return machine.attempt(self.host(name), *command, timeout=timeout)

    def stop(self, name: str, *daemons: str) -> None:
        hosts.stop(self.host(name), daemons)

    def start(self, name: str, *daemons: str) -> None:
        hosts.start(self.settings, self.host(name), daemons)

    def kill(self, name: str) -> None:
        hosts.kill(self.settings, self.host(name))

    def partition(self, name: str) -> None:
        hosts.partition(self.settings, self.host(name))

    def heal(self, name: str) -> None:
        hosts.heal(self.settings, self.host(name))

    def block(self, name: str, *ports: int) -> None:
        """The host's packets to and from these TCP ports of others vanish, the rest goes on (F-49: the broker is
        5672, the database 5432, the APIs 5000, 8774, 8775, 8776, 9292, 9696). ``unblock`` ends it."""
        listed = ", ".join(str(port) for port in ports)
        self.unblock(name)
        chains = "\n".join(
            f"chain {way} {{ type filter hook {way} priority 0; tcp {side} {{ {listed} }} drop; }}"
            for way, side in (("output", "dport"), ("input", "sport"))
        )
        self.on(name, "nft", f"table inet fault {{\n{chains}\n}}")

    def unblock(self, name: str) -> None:
        self.on(name, "nft", "add table inet fault; delete table inet fault")

    def add(self, name: str, *roles: str) -> Settings:
        return hosts.add(self.settings, name, roles)

    def remove(self, name: str) -> None:
        """Off for good, disks and all; the cloud is not told."""
        found = self.settings
        assert found.fleet
        hosts.remove(found, hosts.find(found, name))
        left = tuple(host for host in found.fleet.hosts if host.name != name)
        stack_settings.keep(replace(found, fleet=replace(found.fleet, hosts=left)))

    def pid(self, name: str, program: str) -> int:
        """The machine's pid of a daemon, or of libvirtd, rabbitmq, postgresql; 0 while it does not run."""
        host = self.host(name)
        state = supervisor.states(host)[program]
        return machine.pids(host).get(state.pid, 0) if state.pid else 0

    def kill_daemon(self, name: str, program: str, number: int = signal.SIGKILL) -> None:
        """The host's supervisor starts it again within two seconds."""
        pid = self.pid(name, program)
        assert pid, f"{program} does not run on {name}"
        os.kill(pid, number)

    @contextmanager
    def instead(self, name: str, daemon: str, **environment: str) -> Iterator[Callable[[], bool]]:
        """The daemon runs with more environment, such as IAAS_FAILPOINTS="compute.build.after_start=kill", and nobody
        starts it again when it dies, until the block ends. Gives a function: whether it still runs."""
        host = self.host(name)
        command = next(program.command for program in programs(host) if program.name == daemon)
        hosts.stop(host, [daemon])
        words = [*machine.enter_words(host), "env", *(f"{key}={value}" for key, value in environment.items()), *command]
        with host.log(daemon).open("ab") as log:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield lambda: process.poll() is None
        finally:
            for pid in machine.pids(host).values():
                if command[0] in command_line(pid):
                    os.kill(pid, signal.SIGKILL)
            process.wait(15)
            hosts.start(self.settings, host, [daemon])

    def guests(self, name: str) -> dict[str, int]:
        """Server id -> the machine's pid of its QEMU."""
        found = {}
        for pid in machine.pids(self.host(name)).values():
            words = command_line(pid).split(" ")  # of nothing but blanks for what has ended meanwhile
            if words[0].rpartition("/")[2].startswith("qemu-system") and "-uuid" in words:
                found[words[words.index("-uuid") + 1]] = pid
        return found

    # -- the cloud ------------------------------------------------------------------------------------------------

    def manage(self, *arguments: str) -> str:
        """iaas-manage, on the controller."""
        return fleet.manage(self.settings, *arguments)

    def audit(self) -> list[Any]:
        """What one look of ``iaas-manage audit`` finds, which may be in the middle of a change; see ``check``."""
        command = [str(ROOT / ".venv/bin/iaas-manage"), "--config-file", "/etc/iaas/iaas.conf", "audit"]
        done = machine.attempt(self.settings.controller, *command, "--once", "--json")
        if done.returncode not in (0, 1):  # a host that has just come back, perhaps
            return [done.stderr]
        found: list[Any] = json.loads(done.stdout)["violations"]
        return found

    def check(self, seconds: float = 60) -> None:
        """The audit finds nothing, once what is level-triggered has caught up. A question that goes down a connection
        which only the broker still believes in is lost and costs the audit its 20 s: there is time for another."""
        found: list[Any] = []

        def clean() -> bool:
            found[:] = self.audit()
            return not found

        end = time.monotonic() + seconds * busy()
        while not clean():
            assert time.monotonic() < end, f"the audit finds {found}"
            time.sleep(0.5)

    def beating(self) -> set[tuple[str, str]]:
        """(daemon, host) of all that are up: ("compute", "compute1")."""
        return cloud.beating(self.admin)

    def wait_for_all(self, seconds: float = 60) -> None:
        """Until every daemon of every host beats."""
        wanted = set(up.expected(self.settings))
        eventually(lambda: wanted <= self.beating(), seconds, "every daemon beats")


@contextmanager
def private_fleet(
    layout: str = "controller", count: int = 3, *, controllers: int = 1, prefix: str = "iaas-fleet-"
) -> Iterator[FleetRig]:
    """A cloud of its own in a new directory of /tmp, taken down at the end. No first instance; images, flavors,
    networks and key pairs are there."""
    state = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    try:
        settings = stack_settings.obtain(state, None, None, fleet.plan(state, layout, count, controllers))
        up.raise_cloud(settings)
        yield FleetRig(settings, cloud.furnish(settings))
    finally:
        found = stack_settings.find(state)
        if found:
            _keep_logs(found)
            fleet.down(found)
        shutil.rmtree(state, ignore_errors=True)


def _keep_logs(settings: Settings) -> None:
    """The last cloud's, for whoever looks why a test failed: build/log/fleet/HOST/."""
    place = ROOT / "build" / "log" / "fleet"
    shutil.rmtree(place, ignore_errors=True)
    for host in settings.every_host:
        if host.logs.is_dir():
            shutil.copytree(host.logs, place / host.state.name)


@pytest.fixture(scope="session", name="fleet")
def shared_fleet() -> Iterator[FleetRig]:
    if os.geteuid() != 0:
        pytest.skip("several hosts need root: namespaces, bridges, guests")
    running = os.environ.get("IAAS_FLEET")  # while writing tests: the state directory of a devstack/up --hosts 3
    if running:
        settings = stack_settings.find(Path(running))
        assert settings, f"there is no stack in {running}"
        yield FleetRig(settings, cloud.furnish(settings))
        return
    with private_fleet() as rig:
        yield rig
