"""devstack/up and devstack/down of a cloud with several hosts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from devstack.stack import (
    broker,
    config,
    files,
    hosts,
    hypervisor,
    layouts,
    machine,
    mounts,
    postgresql,
    stamp,
    supervisor,
    switch,
)
from devstack.stack.layouts import BROKER, COMPUTE, CONTROL
from devstack.stack.programs import SUPERVISED
from devstack.stack.say import step
from devstack.stack.settings import Fleet, Settings

T = TypeVar("T")


def plan(state: Path, layout: str, count: int, controllers: int = 1) -> Fleet:
    """A new fleet on networks that this machine does not use."""
    found = layouts.lay_out(layout, count, controllers)
    management, external = switch.choose(state)
    return Fleet(layout=layout, management=management, external=external, hosts=found)


def up(settings: Settings, fill_database: Callable[[], None]) -> None:
    """From nothing, or from whatever an earlier run has left, to hosts with what their daemons need.

    A broker takes five seconds to start: meanwhile the database is filled, and agents start, who wait for the broker.
    """
    files.folder(settings.logs, 0o755)
    with step("configuration"):
        config.write(settings)
        switch.ensure(settings)
        stamp.renew(settings, lambda: _stop_daemons(settings))
    with step(f"{len(settings.every_host)} hosts: broker, database, hypervisors"):
        on_all(lambda host: hosts.power_on(settings, host), settings.every_host)
        with ThreadPoolExecutor(max_workers=1) as pool:
            filling = pool.submit(_fill, settings, fill_database)
            on_all(_wait_for_base, settings.every_host)
            filling.result()


def _fill(settings: Settings, fill_database: Callable[[], None]) -> None:
    postgresql.wait(settings.controller)
    fill_database()


def on_all(work: Callable[[Settings], T], which: Sequence[Settings]) -> list[T]:
    """Does it on all of them at once. Raises the first failure, after all have ended."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return [future.result() for future in [pool.submit(work, host) for host in which]]


def _wait_for_base(host: Settings) -> None:
    assert host.host
    if CONTROL not in host.host.roles:
        supervisor.start(host, SUPERVISED)
    waits = {BROKER: broker.wait, COMPUTE: hypervisor.wait}
    for role, wait in waits.items():
        if role in host.host.roles:
            wait(host)


def manage(settings: Settings, *arguments: str) -> str:
    """iaas-manage, on the controller. Raises Failure with its last line."""
    command = [str(settings.bin / "iaas-manage"), "--config-file", str(settings.controller.config), *arguments]
    return machine.run(settings.controller, *command, timeout=180)


def _stop_daemons(settings: Settings) -> None:
    on_all(hosts.stop, settings.every_host)


def start_daemons(settings: Settings) -> None:
    on_all(lambda host: hosts.start(settings, host), settings.every_host)


def down(settings: Settings) -> None:
    """Leaves nothing. A second call goes on where one was interrupted."""
    with step("hosts and guests"):
        on_all(machine.cut_power, settings.every_host)
    with step("namespaces and devices"):
        switch.remove(settings)
    with step("files"):
        for host in settings.every_host:
            hypervisor.forget(host)
            mounts.forget_points(host.state / hosts.POINTS)
        config.remove(settings)
        shutil.rmtree(settings.state)
