"""A hypervisor in memory. Its docstrings are the specification of every driver; it knows nothing of the host.

What holds, here and in every driver:
- A guest is defined or not; a defined guest is off (SHUTDOWN), RUNNING, PAUSED, or SUSPENDED: off, with its memory
  saved.
- Every verb can be repeated without harm.
- A guest that shuts itself down stays defined; so does one whose process dies.
- start, stop and loss of a guest are told to every callback with the power that it has afterwards.
- Guests survive the daemon: a new driver on the same hypervisor sees them, with their fences.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iaas import errors
from iaas.compute.virt.driver import Disk, OnEvent
from iaas.compute.virt.fake_disk import blank_qcow2
from iaas.compute.virt.fake_migrations import FakeMigrations, finish_migration
from iaas.compute.virt.fake_plugs import FakePlugs
from iaas.compute.virt.fake_screen import screen
from iaas.model.order import Guest, GuestSpec, Power, Resources, VolumeConnection

_ON = (Power.RUNNING, Power.PAUSED)


@dataclass(frozen=True)
class FakeDomain:
    guest: GuestSpec
    disks: tuple[Disk, ...]
    console: Path
    fence: int
    power: Power
    live: tuple[VolumeConnection, ...] = ()  # the volumes that it runs with; guest.volumes are those of its definition
    io_error: bool = False


class FakeHypervisor:
    """The part that survives a restart of the daemon: tests keep it and give it to the next FakeDriver.

    ``fail("power_on", error)`` lets the next calls of a method raise; ``available = False`` is a dead
    hypervisor;
    ``obeys_power_button = False`` are deaf guests; ``stops(id)`` is a guest that switches itself off.
    """

    def __init__(self, domains: MutableMapping[str, FakeDomain] | None = None) -> None:
        self.domains: MutableMapping[str, FakeDomain] = {} if domains is None else domains
        self.available = True
        self.obeys_power_button = True
        self.obeys_unplug = True
        self.storage_away = False  # what goes on after an I/O error is stopped again
        self.peers: dict[str, FakeHypervisor] = {}  # by address: where guests can be moved to
        self.migration_looks = 0
        self.migrations_fail = False
        self.looks: dict[str, int] = {}  # server -> looks left at its migration
        self.migrating: dict[str, str] = {}  # server -> the address that it is on the way to
        self.calls: list[tuple[str, str]] = []  # (method, server id) of what changed something or tried to
        self.lock = threading.RLock()
        self.spoiled: set[str] = set()  # servers whose saved memory can't be read
        self.on_copy: Callable[[str], None] | None = None  # called while a disk is copied
        self._failures: dict[str, list[Exception]] = {}
        self._callbacks: list[OnEvent] = []

    def fail(self, method: str, error: Exception, times: int = 1) -> None:
        """The next ``times`` calls of the method raise ``error`` before they do anything."""
        self._failures.setdefault(method, []).extend([error] * times)

    def finish_migration(self, server_id: str) -> None:
        """A migration that was held comes to its end."""
        finish_migration(self, server_id)

    def stops(self, server_id: str) -> None:
        """The guest's process ends by itself: shutdown from inside, a crash, or SIGKILL."""
        self.change(server_id, Power.SHUTDOWN)

    def breaks(self, server_id: str) -> None:
        """A disk of the guest does not answer: the hypervisor pauses it."""
        self.change(server_id, Power.PAUSED)
        with self.lock:
            self.domains[server_id] = replace(self.domains[server_id], io_error=True)

    def change(self, server_id: str, power: Power) -> None:
        with self.lock:
            domain = self.domains[server_id]
            if domain.power == power:
                return
            live = domain.live if domain.power in _ON else domain.guest.volumes
            live = live if power in _ON else ()
            self.domains[server_id] = replace(domain, power=power, live=live, io_error=False)
        self.tell(server_id, power)

    def tell(self, server_id: str, power: Power) -> None:
        for callback in list(self._callbacks):
            callback(server_id, power)

    def listen(self, callback: OnEvent) -> None:
        """One listener at a time: the daemon that ran before is dead and hears nothing."""
        self._callbacks[:] = [callback]

    def enter(self, method: str, server_id: str = "") -> None:
        """Every driver call passes here: unavailability, failures on order, and the record of calls."""
        with self.lock:
            if server_id:
                self.calls.append((method, server_id))
                del self.calls[:-10000]
            if not self.available:
                raise errors.Unavailable("The hypervisor does not answer.", resource="hypervisor")
            waiting = self._failures.get(method)
            if waiting:
                raise waiting.pop(0)


class FakeDriver(FakePlugs, FakeMigrations):
    """A Driver on a FakeHypervisor. Needs neither disks nor taps to exist, and writes no file but copies of disks."""

    def __init__(self, hypervisor: FakeHypervisor, resources: Resources) -> None:
        super().__init__(hypervisor)
        self._resources = resources

    def resources(self) -> Resources:
        self._hypervisor.enter("resources")
        return self._resources

    def guests(self) -> tuple[Guest, ...]:
        self._hypervisor.enter("guests")
        with self._hypervisor.lock:
            return tuple(self._view(server_id) for server_id in sorted(self._hypervisor.domains))

    def find(self, server_id: str) -> Guest | None:
        self._hypervisor.enter("find")
        with self._hypervisor.lock:
            return self._view(server_id) if server_id in self._hypervisor.domains else None

    def taps(self) -> tuple[str, ...]:
        self._hypervisor.enter("taps")
        with self._hypervisor.lock:
            running = [domain for domain in self._hypervisor.domains.values() if domain.power is Power.RUNNING]
        return tuple(sorted(nic.tap for domain in running for nic in domain.guest.nics))

    def define(self, guest: GuestSpec, disks: Sequence[Disk], console: Path, fence: int) -> None:
        self._hypervisor.enter("define", guest.server_id)
        with self._hypervisor.lock:
            known = self._hypervisor.domains.get(guest.server_id)
            power = known.power if known else Power.SHUTDOWN
            live = known.live if known else ()
            self._hypervisor.domains[guest.server_id] = FakeDomain(guest, tuple(disks), console, fence, power, live)

    def mark(self, server_id: str, fence: int) -> None:
        self._hypervisor.enter("mark", server_id)
        with self._hypervisor.lock:
            domain = self._hypervisor.domains.get(server_id)
            if domain:
                self._hypervisor.domains[server_id] = replace(domain, fence=fence)

    def power_on(self, server_id: str) -> None:
        self._hypervisor.enter("power_on", server_id)
        if server_id not in self._hypervisor.domains:
            raise errors.NotFound.of("guest", server_id)
        if self._power(server_id) is not Power.PAUSED:
            self._hypervisor.change(server_id, Power.RUNNING)

    def press_power_button(self, server_id: str) -> None:
        self._hypervisor.enter("press_power_button", server_id)
        if self._power(server_id) is Power.RUNNING and self._hypervisor.obeys_power_button:
            self._hypervisor.change(server_id, Power.SHUTDOWN)

    def power_off(self, server_id: str) -> None:
        self._hypervisor.enter("power_off", server_id)
        if server_id in self._hypervisor.domains:
            self._hypervisor.change(server_id, Power.SHUTDOWN)

    def pause(self, server_id: str) -> None:
        self._hypervisor.enter("pause", server_id)
        self._change_live(server_id, Power.PAUSED)

    def unpause(self, server_id: str) -> None:
        self._hypervisor.enter("unpause", server_id)
        self._change_live(server_id, Power.RUNNING)

    def save(self, server_id: str) -> None:
        self._hypervisor.enter("save", server_id)
        if self._power(server_id) is not Power.SUSPENDED:
            self._change_live(server_id, Power.SUSPENDED)

    def restore(self, server_id: str) -> bool:
        self._hypervisor.enter("restore", server_id)
        power = self._power(server_id)
        if power is Power.NONE:
            raise errors.NotFound.of("guest", server_id)
        self._hypervisor.change(server_id, Power.RUNNING)
        spoiled = server_id in self._hypervisor.spoiled
        self._hypervisor.spoiled.discard(server_id)
        return power is Power.RUNNING or (power is Power.SUSPENDED and not spoiled)

    def copy_disk(self, server_id: str, disk: Path, target: Path, wait: Callable[[], None]) -> None:
        self._hypervisor.enter("copy_disk", server_id)
        if self._hypervisor.on_copy:
            self._hypervisor.on_copy(server_id)
        if self._power(server_id) not in (Power.RUNNING, Power.PAUSED):
            raise errors.Conflict("The guest is not running.")
        wait()
        target.write_bytes(blank_qcow2(self._hypervisor.domains[server_id].guest.disk_gb << 30))

    def open_display(self, server_id: str) -> socket.socket:
        self._hypervisor.enter("open_display", server_id)
        if self._power(server_id) not in (Power.RUNNING, Power.PAUSED):
            raise errors.Conflict("The guest is not running.")
        ours, theirs = socket.socketpair()
        threading.Thread(target=screen, args=(theirs,), name="screen", daemon=True).start()
        return ours

    def undefine(self, server_id: str) -> None:
        self._hypervisor.enter("undefine", server_id)
        with self._hypervisor.lock:
            domain = self._hypervisor.domains.get(server_id)
            if domain is None:
                return
            if domain.power not in (Power.SHUTDOWN, Power.SUSPENDED):
                raise errors.Conflict("The guest is running.")
            del self._hypervisor.domains[server_id]
        self._hypervisor.tell(server_id, Power.NONE)

    def on_event(self, callback: OnEvent) -> None:
        self._hypervisor.listen(callback)

    def alive(self) -> bool:
        return self._hypervisor.available

    def _power(self, server_id: str) -> Power:
        with self._hypervisor.lock:
            domain = self._hypervisor.domains.get(server_id)
            return domain.power if domain else Power.NONE

    def _change_live(self, server_id: str, power: Power) -> None:
        """To another power of a guest that is on; nothing without a guest."""
        now = self._power(server_id)
        if now is Power.NONE:
            return
        if now not in (Power.RUNNING, Power.PAUSED):
            raise errors.Conflict("The guest is not running.")
        self._hypervisor.change(server_id, power)

    def _view(self, server_id: str) -> Guest:
        domain = self._hypervisor.domains[server_id]
        return Guest(server_id=server_id, power=domain.power, fence=domain.fence, io_error=domain.io_error)
