"""The endpoint of rpc.volume.VolumeRpc: delegations only."""

from __future__ import annotations

from iaas.model.volume_order import VolumeInventory, VolumeOrder
from iaas.volume.agent.orders import Orders
from iaas.volume.drivers.driver import VolumeDriver


class VolumeManager:
    def __init__(self, orders: Orders, driver: VolumeDriver) -> None:
        self._orders, self._driver = orders, driver

    def execute(self, order: VolumeOrder) -> None:
        self._orders.accept(order)

    def inventory(self) -> VolumeInventory:
        return self._driver.inventory()
