"""The compute hosts' interface: topic ``compute``, served by iaas-compute on every host."""

from __future__ import annotations

from iaas.model.order import ComputeInventory, Door, ImageSource, Offer, OfferedDisk, Order
from iaas.rpc.contract import Contract, call, cast


class ComputeRpc(Contract):
    TOPIC = "compute"
    VERSIONS = (
        ("1.0", "execute, console_output, inventory"),
        ("1.1", "offer, disks, withdraw, abort_migration, hasten_migration"),
        ("1.2", "open_console"),
        ("1.3", "cache_image"),
        ("1.4", "config_drive"),
    )

    @cast
    def execute(self, host: str, order: Order) -> None:
        """Hands an order over; the host answers with ConductorRpc.report."""

    @cast
    def cache_image(self, host: str, image: ImageSource) -> None:
        """Has the image on the host before a server needs it; best effort."""

    @call(seconds=10)
    def console_output(self, host: str, server_id: str, lines: int | None) -> str:
        """The last lines (all when None) of the serial console, at most 100 KiB; NotFound without a guest."""
        raise NotImplementedError

    @call(seconds=10)
    def open_console(self, host: str, server_id: str) -> Door:
        """A door to the screen of a guest that is on. Raises Conflict for one that is off, Unsupported on a host that
        can't show screens to others."""
        raise NotImplementedError

    @call(seconds=20)
    def inventory(self, host: str) -> ComputeInventory:
        """What is on the host, for the audit."""
        raise NotImplementedError

    @call(seconds=30)
    def offer(self, host: str, server_id: str, fence: int) -> Offer:
        """Asked by the destination of a move: serves the disks of a server that is off. NotFound, Conflict."""
        raise NotImplementedError

    @call(seconds=10)
    def disks(self, host: str, server_id: str, fence: int) -> tuple[OfferedDisk, ...]:
        """Asked by the destination of a live migration: what disks the server has. NotFound, Conflict."""
        raise NotImplementedError

    @call(seconds=10)
    def config_drive(self, host: str, server_id: str, fence: int, offset: int) -> bytes:
        """Asked by the destination of a live migration: the server's config drive from there on, a piece of it.
        NotFound, Conflict."""
        raise NotImplementedError

    @call(seconds=10)
    def withdraw(self, host: str, server_id: str, fence: int) -> None:
        """Asked by the destination: the copy is done."""

    @call(seconds=10)
    def abort_migration(self, host: str, server_id: str) -> None:
        """Ends the live migration of the guest; it runs on where it is. Conflict when none is under way."""

    @call(seconds=10)
    def hasten_migration(self, host: str, server_id: str) -> None:
        """Freezes the guest so that its live migration comes to an end; it goes on at the destination. Conflict."""
