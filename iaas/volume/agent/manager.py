"""The endpoint of rpc.volume.VolumeRpc: delegations only."""

from __future__ import annotations

from dataclasses import replace

from iaas.model.volume_order import VolumeInventory, VolumeOrder
from iaas.volume.agent.exports import Exports
from iaas.volume.agent.orders import Orders
from iaas.volume.drivers.driver import VolumeDriver


class VolumeManager:
    def __init__(self, orders: Orders, driver: VolumeDriver, exports: Exports) -> None:
        self._orders, self._driver, self._exports = orders, driver, exports

    def execute(self, order: VolumeOrder) -> None:
        self._orders.accept(order)

    def inventory(self) -> VolumeInventory:
        return replace(self._driver.inventory(), exports=self._exports.all())
