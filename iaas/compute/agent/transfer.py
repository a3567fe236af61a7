"""A server's disks on their way to another host, or to a copy of their own on the same one. Knows no guest.

The source serves its disks, read-only, to whoever has a certificate of this cloud and the name of the export, which
nobody can guess. The destination fetches each of them into a flat file of its own (docs/decisions/0016). A copy on the
same host keeps the originals beside it, as ``disk.old``, until the resize is confirmed or reverted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from iaas.compute.agent.disks import FakeDisks
from iaas.compute.agent.work import Work
from iaas.ids import new_uuid
from iaas.model.order import GuestSpec, Offer, OfferedDisk


class Mover(Protocol):
    """Every method may be repeated; what a killed one left is no hindrance. Messages of errors are fit for users."""

    def describe(self, server_id: str) -> tuple[OfferedDisk, ...]:
        """The disks that are here, without an export; none of a server whose every disk is a volume."""

    def offer(self, server_id: str) -> Offer:
        """Serves the disks until ``withdraw``."""

    def withdraw(self, server_id: str) -> None:
        """Ends the service of the server's disks, whoever began it; nothing served is fine."""

    def fetch(self, guest: GuestSpec, offer: Offer, work: Work) -> None:
        """The disks are here, whole, of the guest's size; or it raises Unavailable when the source went away."""

    def receive(self, guest: GuestSpec, disks: Sequence[OfferedDisk], work: Work) -> str:
        """Empty disks of exactly these sizes, for a live migration to fill; gives their directory."""

    def copy_here(self, guest: GuestSpec, work: Work) -> None:
        """The disks are copies of what they were, as large as the guest's; the originals are kept."""

    def restore(self, server_id: str) -> None:
        """The originals are the disks again; nothing kept is fine."""

    def drop_originals(self, server_id: str) -> None:
        """The originals are gone; nothing kept is fine."""


class FakeMover:
    """Moves what FakeDisks has. A disk's content is a name: what a server was built with follows it everywhere."""

    def __init__(self, disks: FakeDisks, address: str = "192.0.2.1") -> None:
        self._disks = disks
        self._address = address
        self.served: dict[str, Offer] = {}
        self._failures: list[Exception] = []

    def fail(self, error: Exception, times: int = 1) -> None:
        """The next ``times`` fetches raise the error half-way."""
        self._failures.extend([error] * times)

    def describe(self, server_id: str) -> tuple[OfferedDisk, ...]:
        if not self._disks.made.get(server_id):
            return ()
        content = self._disks.contents.get(server_id, "")
        return (OfferedDisk(name="disk", format="qcow2", size=1 << 30, export=content),)

    def offer(self, server_id: str) -> Offer:
        self.served[server_id] = Offer(address=self._address, port=1, disks=self.describe(server_id))
        return self.served[server_id]

    def withdraw(self, server_id: str) -> None:
        self.served.pop(server_id, None)

    def fetch(self, guest: GuestSpec, offer: Offer, work: Work) -> None:
        if self._failures:
            raise self._failures.pop(0)
        self._disks.made[guest.server_id] = ()
        for disk in offer.disks:
            self._disks.put(guest.server_id, disk.export)

    def receive(self, guest: GuestSpec, disks: Sequence[OfferedDisk], work: Work) -> str:
        self._disks.made[guest.server_id] = ()
        for _ in disks:
            self._disks.put(guest.server_id, "")
        return f"/nonexistent/{guest.server_id}"

    def copy_here(self, guest: GuestSpec, work: Work) -> None:
        self._disks.originals.setdefault(guest.server_id, self._disks.contents.get(guest.server_id, new_uuid()))

    def restore(self, server_id: str) -> None:
        if server_id in self._disks.originals:
            self._disks.put(server_id, self._disks.originals.pop(server_id))

    def drop_originals(self, server_id: str) -> None:
        self._disks.originals.pop(server_id, None)
