"""The interface of a back end: what keeps the bytes of volumes on one host.

A driver makes and removes; whose volume it is, and whether an order is out of date, it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from iaas.model.volume_order import VolumeInventory


@dataclass(frozen=True, kw_only=True)
class DriverSettings:
    """What every driver is made with: ``PLUGIN(settings)``. ``capacity_gb`` 0: what the back end itself has."""

    state_dir: Path
    capacity_gb: int = 0


class VolumeDriver(Protocol):
    """``create`` and ``delete`` look first and then act: either may be repeated, and repeated after a crash in the
    middle of it. Calls for different volumes may come from several threads at once, for one volume they don't.

    Every method raises Invalid for an id that is no UUID: it becomes part of a name (S-019).
    """

    def create(self, volume_id: str, size_gb: int) -> None:
        """A volume of that size that reads as zeros (S-093); one that is there already is left as it is.

        Raises Conflict when it is there in another size, NoValidHost when the back end is full, Internal.
        """

    def delete(self, volume_id: str) -> None:
        """No volume, no partial file of it; none there is fine. Raises Internal."""

    def volumes(self) -> Mapping[str, int]:
        """What is there: volume id -> GiB."""

    def capacity_gb(self) -> int:
        """GiB that may be promised in all."""

    def inventory(self) -> VolumeInventory:
        """For the audit. A partial file is listed when it is too old to be in the making."""

    def tidy(self) -> None:
        """Removes partial files that nobody works on any more."""
