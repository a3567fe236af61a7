"""Guests that move while they run: the part of a hypervisor driver (virt/driver.py) that does it, by the same rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from iaas.model.order import Peer


class Migrations(Protocol):
    """A guest runs on one of the two hypervisors at any moment, whoever dies; that is for the hypervisors to see to."""

    def start_migration(self, server_id: str, peer: Peer, directory: Path) -> None:
        """Begins to move a guest that is on to the hypervisor at ``peer.address``, and returns.

        Disks whose files are below ``directory`` go along, into files that are there already, empty and of the same
        size, below ``peer.directory``; CD-ROMs do not, whose files are there with the same bytes; other disks both
        sides reach. When it has succeeded the guest is on over there,
        defined as here and with its marker, and unknown here. When it has failed the guest is on here. Raises NotFound
        without a guest that is on.
        """

    def migration(self, server_id: str) -> Mapping[str, int] | None:
        """How far a migration is that is under way, from here or to here, whoever began it: bytes by memory_total,
        memory_processed, memory_remaining and the same of disk, if they are known. None: none is under way.
        """

    def abort_migration(self, server_id: str) -> None:
        """Ends a migration from here; the guest goes on here. Raises Conflict when none is under way."""

    def hasten_migration(self, server_id: str) -> None:
        """Freezes the guest until it has arrived. Raises Conflict when no migration is under way."""
