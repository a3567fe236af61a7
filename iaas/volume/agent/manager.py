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
        """Whose attachment a served volume is, is in the record only."""
        found, recorded = self._driver.inventory(), self._exports.all()
        known = {(item.volume_id, item.name, item.writable): item for item in recorded}
        served = tuple(
            item if item.attachment_id else known.get((item.volume_id, item.name, item.writable), item)
            for item in found.served
        )
        return replace(found, exports=recorded, served=served)
