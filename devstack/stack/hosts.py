"""What can be done with one host of a fleet, running or not. Each function may be repeated.

``host`` is the host's own view of the settings (Settings.at); ``settings`` is the fleet's.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from devstack.stack import (
    broker,
    files,
    hypervisor,
    layouts,
    machine,
    mounts,
    postgresql,
    supervisor,
    switch,
)
from devstack.stack.failure import Failure
from devstack.stack.layouts import ADDABLE, BROKER, COMPUTE, DATABASE
from devstack.stack.programs import SUPERVISED
from devstack.stack.settings import Settings, keep

_LIB = ("keys", "images", "compute", "network", "volumes")
POINTS = "mount-points.json"


def find(settings: Settings, name: str) -> Settings:
    """The host's view. Raises Failure for a name that the fleet does not know."""
    for host in settings.every_host:
        if host.host and host.host.name == name:
            return host
    known = ", ".join(host.name for host in settings.fleet.hosts) if settings.fleet else "none: it has one host"
    raise Failure(f"there is no host {name}; there are {known}")


def is_on(host: Settings) -> bool:
    return machine.init(host) != 0


def copy_configuration(settings: Settings, host: Settings) -> bool:
    """The one file, byte for byte (A-010). Returns whether the host's copy was another."""
    return files.write(host.state / "etc" / "iaas.conf", settings.config.read_text(), 0o640)


def prepare(settings: Settings, host: Settings) -> None:
    """The host's directories and what it needs to run its programs."""
    assert host.host
    for name in ("etc", "lib", "log", "run"):
        files.folder(host.state / name, 0o711)
    for name in _LIB:
        files.folder(host.lib / name)
    copy_configuration(settings, host)
    makers = {BROKER: broker.prepare, DATABASE: postgresql.prepare, COMPUTE: hypervisor.prepare}
    for role, make in makers.items():
        if role in host.host.roles:
            make(host)
    mounts.make_points(tuple(mounts.CLOUD.values()), host.state / POINTS)


def power_on(settings: Settings, host: Settings) -> bool:
    """Starts the host with what its daemons need, not yet these. Returns whether it was off."""
    if supervisor.is_up(host):
        copy_configuration(settings, host)
        return supervisor.ensure(host)
    machine.cut_power(host)  # of one whose supervisor was killed
    prepare(settings, host)
    shutil.rmtree(host.state / "run", ignore_errors=True)
    shutil.rmtree(host.state / "libvirt" / "run", ignore_errors=True)  # /run of a machine that starts is empty
    if (host.state / "libvirt").is_dir():
        files.folder(host.state / "libvirt" / "run", 0o755)
    switch.plug(settings, host)
    return supervisor.ensure(host)


def start(settings: Settings, host: Settings, daemons: Sequence[str] = ()) -> None:
    """Powers the host on if it is off, and starts its daemons, or some of them, without waiting for them."""
    power_on(settings, host)
    supervisor.start(host, SUPERVISED, daemons)


def stop(host: Settings, daemons: Sequence[str] = ()) -> None:
    """Stops its daemons, or some of them, and waits until they have ended. Guests run on."""
    if supervisor.is_up(host):
        supervisor.stop(host, SUPERVISED, daemons)


def kill(settings: Settings, host: Settings) -> None:
    """Cuts the power: all processes end at once, guests too; network and /run are gone, disks stay."""
    machine.cut_power(host)
    switch.unplug(settings, host)


def partition(settings: Settings, host: Settings) -> None:
    """Nobody reaches it over the management network any more, nor it anybody. Its guests and br-ex go on."""
    switch.connect(settings, host, plugged=False)


def heal(settings: Settings, host: Settings) -> None:
    switch.connect(settings, host, plugged=True)


def add(settings: Settings, name: str, roles: tuple[str, ...] = ()) -> Settings:
    """One more host joins: its directories, the copied file, its daemons. Nothing is told to any other host.

    Returns its view; the fleet is written down with it. Raises Failure for a name that is taken.
    """
    if not settings.fleet:
        raise Failure("a cloud of one host has no others: devstack/up --hosts N makes one of several")
    if set(roles) - set(ADDABLE):
        raise Failure(f"a host can join for {', '.join(ADDABLE)}")
    joined = layouts.joining(settings.fleet.hosts, name, roles)
    grown = replace(settings, fleet=replace(settings.fleet, hosts=(*settings.fleet.hosts, joined)))
    keep(grown)
    start(grown, grown.at(joined))
    return grown.at(joined)


def remove(settings: Settings, host: Settings) -> None:
    """Cuts the power and deletes the disks."""
    kill(settings, host)
    hypervisor.forget(host)
    mounts.forget_points(host.state / POINTS)
    shutil.rmtree(host.state, ignore_errors=True)


def virsh(host: Settings, *words: str) -> str:
    return hypervisor.virsh(host, *words)


def etc(host: Settings) -> Path:
    """The directory that the host sees as /etc/iaas."""
    return host.state / "etc"
