"""The hypervisor as the agent sees it. Knows guests and their disks, neither orders nor the database.

A driver acts on one host. Every guest that it made carries our marker (the server's id and a fence);
guests without the marker are invisible to it, whoever they belong to. ``fake.py`` is the specification
in code; one contract suite, tests/contract/test_virt_driver.py, runs over every driver.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Protocol

from iaas.compute.virt.migrations import Migrations
from iaas.compute.virt.plugs import Plugs
from iaas.model.order import Guest, GuestSpec, Power, Resources

OnEvent = Callable[[str, Power], None]


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A file that the guest sees as a block device. ``format`` is a recorded fact and never probed
    (S-014).
    """

    target: str  # device name: "vda" is the root disk
    path: Path
    format: str  # "qcow2" or "raw"
    cdrom: bool = False  # to be read only, in a CD-ROM drive: it does not go along in a live migration


class Driver(Plugs, Migrations, Protocol):
    """Every method may raise Unavailable (the hypervisor cannot be asked now) and Internal (it refused).

    Messages are fit for a user: no path, no host name. All methods may be called from any thread. A
    method that names a server that has no guest does nothing unless it says otherwise.
    """

    def resources(self) -> Resources:
        """What the host has, whole: reserves are the agent's to subtract."""

    def guests(self) -> tuple[Guest, ...]:
        """Every guest with our marker, running or not."""

    def find(self, server_id: str) -> Guest | None:
        """The guest of one server, None when there is none."""

    def taps(self) -> tuple[str, ...]:
        """The tap devices that running guests are plugged into."""

    def define(self, guest: GuestSpec, disks: Sequence[Disk], console: Path, fence: int) -> None:
        """Makes the guest known, switched off, its serial console appended to the file ``console``.

        Again for the same server: the new definition replaces the old one (a running guest runs on with
        the old until it is switched off). A crash of host or hypervisor does not lose it.
        """

    def mark(self, server_id: str, fence: int) -> None:
        """Writes the fence into the marker, whether the guest runs or not."""

    def power_on(self, server_id: str) -> None:
        """Starts the guest; a running or paused one is left alone. Raises NotFound when it is not defined."""

    def press_power_button(self, server_id: str) -> None:
        """Asks a running guest to shut down (ACPI) and returns at once; whether it obeys is the guest's
        affair.
        """

    def power_off(self, server_id: str) -> None:
        """Stops the guest without asking it, and forgets its memory if that was saved; off when this returns."""

    def pause(self, server_id: str) -> None:
        """Freezes a running guest; a frozen one is left alone. Raises Conflict for one that is off."""

    def unpause(self, server_id: str) -> None:
        """Lets a frozen guest go on; a running one is left alone. Raises Conflict for one that is off."""

    def save(self, server_id: str) -> None:
        """Saves the guest's memory on the host's disk and switches it off: SUSPENDED, also after a reboot of the
        host. A guest that is saved is left alone. Raises Conflict for one that is off.
        """

    def restore(self, server_id: str) -> bool:
        """Runs a saved guest on from where it was; a running one is left alone. A guest without saved memory, or
        whose saved memory can't be read, is started anew: False. Raises NotFound when it is not defined; after any
        other error the memory is still saved.
        """

    def copy_disk(self, server_id: str, disk: Path, target: Path, wait: Callable[[], None]) -> None:
        """Writes what is on one of the guest's disks at this moment into the new file ``target``: a qcow2 that needs no
        other file. The guest runs on, or stands still on.

        ``wait`` is called between two looks at how far it is; what it raises ends the copy. Raises Conflict for a guest
        that is off, or goes off meanwhile.
        """

    def open_display(self, server_id: str) -> socket:
        """A new connection to the guest's screen and keyboard, speaking RFB (VNC) without a password: nothing listens
        anywhere. Closed by the guest when it goes off. Raises Conflict for a guest that is off or has no screen.
        """

    def undefine(self, server_id: str) -> None:
        """Forgets a guest that is off; its files stay. Raises Conflict while it runs."""

    def on_event(self, callback: OnEvent) -> None:
        """Calls back with (server id, power) whenever a guest starts, stops or goes; from a thread of
        the driver.

        Events hurry things up and may be lost: whoever needs to be sure asks ``guests`` now and then.
        """

    def alive(self) -> bool:
        """Whether the hypervisor answers; tries to reach it again if it was lost. Raises nothing."""
