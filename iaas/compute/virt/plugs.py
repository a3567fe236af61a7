"""Volumes plugged into guests: the part of a hypervisor driver (virt/driver.py) that does it, with the same rules."""

from __future__ import annotations

from typing import Protocol

from iaas.model.order import PluggedVolume, VolumeConnection


class Plugs(Protocol):
    """A volume is known by its id, which the guest sees as the disk's serial number, never by its place."""

    def plugged(self, server_id: str | None = None) -> tuple[PluggedVolume, ...]:
        """The volumes of one guest, or of all guests with our marker; in order."""

    def plug(self, server_id: str, volume: VolumeConnection) -> None:
        """Plugs the volume into the running guest and into its definition, wherever it is not there yet.

        Raises Conflict when it is there under another export: that one leads nowhere any more and has to go first.
        """

    def unplug(self, server_id: str, volume_id: str) -> bool:
        """Asks a running guest to let go of the volume, and takes it out of the definition once it has.

        True when the guest has it in neither. A guest may take its time or refuse: False, and nothing is changed.
        """

    def recover(self, server_id: str) -> None:
        """Lets a guest go on that the hypervisor has paused for an I/O error, and no other: what a user paused stays
        paused. The first try may only start the reconnection and leave it paused."""
