"""The endpoint of rpc.compute.ComputeRpc: delegations only."""

from __future__ import annotations

from iaas.compute.agent.console import Consoles
from iaas.compute.agent.disks import DiskStore
from iaas.compute.agent.doors import Doors
from iaas.compute.agent.images.prefetch import Prefetch
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.offers import Offers
from iaas.compute.agent.orders import Orders
from iaas.compute.virt.driver import Driver
from iaas.model.order import ComputeInventory, Door, ImageSource, Offer, OfferedDisk, Order


class ComputeManager:
    def __init__(
        self,
        *,
        orders: Orders,
        offers: Offers,
        consoles: Consoles,
        doors: Doors,
        driver: Driver,
        instances: Instances,
        disks: DiskStore,
        prefetch: Prefetch,
    ) -> None:
        self._orders = orders
        self._offers = offers
        self._consoles = consoles
        self._doors = doors
        self._driver = driver
        self._instances = instances
        self._disks = disks
        self._prefetch = prefetch

    def execute(self, order: Order) -> None:
        self._orders.accept(order)

    def cache_image(self, image: ImageSource) -> None:
        self._prefetch.accept(image)

    def console_output(self, server_id: str, lines: int | None) -> str:
        return self._consoles.output(server_id, lines)

    def open_console(self, server_id: str) -> Door:
        return self._doors.open(server_id)

    def inventory(self) -> ComputeInventory:
        """Raises Unavailable while the hypervisor cannot be asked: half an inventory would be a lie."""
        return ComputeInventory(
            guests=self._driver.guests(),
            instance_dirs=self._instances.ids(),
            cached_images=self._disks.cached_images(),
            partial_files=self._disks.partial_files(),
            taps=self._driver.taps(),
            volumes=self._driver.plugged(),
        )

    def offer(self, server_id: str, fence: int) -> Offer:
        return self._offers.offer(server_id, fence)

    def disks(self, server_id: str, fence: int) -> tuple[OfferedDisk, ...]:
        return self._offers.describe(server_id, fence)

    def config_drive(self, server_id: str, fence: int, offset: int) -> bytes:
        return self._offers.config_drive(server_id, fence, offset)

    def withdraw(self, server_id: str, fence: int) -> None:
        self._offers.withdraw(server_id, fence)

    def abort_migration(self, server_id: str) -> None:
        self._driver.abort_migration(server_id)

    def hasten_migration(self, server_id: str) -> None:
        self._driver.hasten_migration(server_id)
