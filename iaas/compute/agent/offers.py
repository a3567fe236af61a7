"""What other hosts ask of this one while a server moves: its disks. Refuses whatever may be of the past."""

from __future__ import annotations

from iaas import errors, failpoints
from iaas.compute.agent import config_drive
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.transfer import Mover
from iaas.compute.virt.driver import Driver
from iaas.model.order import Offer, OfferedDisk, Power


class Offers:
    def __init__(self, driver: Driver, instances: Instances, mover: Mover) -> None:
        self._driver = driver
        self._instances = instances
        self._mover = mover

    def offer(self, server_id: str, fence: int) -> Offer:
        """Serves the disks of a guest that is off. Raises NotFound, and Conflict under an old fence or while the guest
        is on."""
        self._check(server_id, fence)
        found = self._driver.find(server_id)
        if found and found.power in (Power.RUNNING, Power.PAUSED):
            raise errors.Conflict("The server runs: its disks can't be copied.")
        failpoints.hit("compute.offer.before_serve")
        return self._mover.offer(server_id)

    def describe(self, server_id: str, fence: int) -> tuple[OfferedDisk, ...]:
        """What the disks are, for a live migration to make their like. Raises as ``offer``."""
        self._check(server_id, fence)
        return self._mover.describe(server_id)

    def config_drive(self, server_id: str, fence: int, offset: int) -> bytes:
        """For a live migration. Raises NotFound without a drive, Conflict under an old fence."""
        self._check(server_id, fence)
        return config_drive.piece(self._instances, server_id, offset)

    def withdraw(self, server_id: str, fence: int) -> None:
        self._check(server_id, fence)
        self._mover.withdraw(server_id)

    def _check(self, server_id: str, fence: int) -> None:
        if fence < self._instances.claim_of(server_id).fence:
            raise errors.Conflict("A newer order for the server has been seen.")
