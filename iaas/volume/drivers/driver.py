"""The interface of a back end: what keeps the bytes of volumes on one host and serves them to servers.

A driver makes, serves and removes; whose volume it is, and whether an order is out of date, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from iaas.errors import Error
from iaas.model.volume_order import ZEROS, Export, Source, VolumeInventory

Check = Callable[[], None]  # called now and then during long work; raises when the work is no longer wanted


def unhurried() -> None:
    """A Check that lets the work go on."""


@dataclass(frozen=True, kw_only=True)
class DriverSettings:
    """What every driver is made with: ``PLUGIN(settings)``. ``capacity_gb`` 0: what the back end itself has.
    ``reserved_gb``: of the disk, that no image may take.

    ``address`` and ``port``: where the exports listen. ``pki``: the directory of host/pki.py with this host's
    certificates; None: the driver serves without.
    """

    state_dir: Path
    capacity_gb: int = 0
    reserved_gb: int = 0
    address: str = "127.0.0.1"
    port: int = 10809
    pki: Path | None = None


class VolumeDriver(Protocol):
    """Every verb looks first and then acts: it may be repeated, and repeated after a crash in the middle of it. Calls
    may come from several threads at once, also about one volume.

    Every method raises Invalid for an id that is no UUID: it becomes part of a name (S-019).
    """

    def create(self, volume_id: str, size_gb: int, source: Source = ZEROS, check: Check = unhurried) -> None:
        """A volume of that size that reads as its source, and as zeros beyond it (S-093); one that is there already is
        left as it is.

        Raises Conflict when it is there in another size, NotFound without its source, NoValidHost when the back end is
        full, Invalid or Unavailable for the image, Internal, and what ``check`` raises.
        """

    def delete(self, volume_id: str) -> None:
        """No volume, no partial file of it; none there is fine. What was made of it stays. Raises Internal; Conflict
        while it is served."""

    def extend(self, volume_id: str, size_gb: int) -> None:
        """At least that size; what is new reads as zeros. Raises NotFound, Conflict while it is served, Internal."""

    def snapshot(self, snapshot_id: str, volume_id: str) -> None:
        """The volume as it is at one moment between the call and its return, also while it is served; one that is there
        already is left as it is. Raises NotFound, NoValidHost, Internal."""

    def delete_snapshot(self, snapshot_id: str) -> None:
        """No such snapshot; the volume, and what was made of the snapshot, read as before. Raises Internal."""

    def serve(self, exports: Collection[Export]) -> Mapping[str, Error]:
        """Exactly these are served: what is missing is added, what else there is ends, with whoever is connected.
        Gives what could not be served, by attachment id. Raises Internal when nothing can be."""

    def serving(self) -> bool:
        """Whether ``serve`` is still in force; False after the death of whatever serves, and at the start."""

    def port(self) -> int:
        """Where the exports listen."""

    def volumes(self) -> Mapping[str, int]:
        """What is there: volume id -> GiB."""

    def snapshots(self) -> Mapping[str, int]:
        """What is there: snapshot id -> GiB."""

    def capacity_gb(self) -> int:
        """GiB that may be promised in all."""

    def inventory(self) -> VolumeInventory:
        """For the audit, less ``exports``. A partial file is listed when it is too old to be in the making."""

    def tidy(self) -> None:
        """Removes partial files that nobody works on any more, and what nothing needs."""
