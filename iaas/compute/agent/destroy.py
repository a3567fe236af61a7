"""DESTROY: stop, undefine, remove the files; the record of the fence stays. Each step may be repeated."""

from __future__ import annotations

from iaas import failpoints
from iaas.compute.agent.disks import DiskStore
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.work import Work
from iaas.compute.virt.driver import Driver
from iaas.model.order import Order, Power


class Destroy:
    def __init__(self, driver: Driver, disks: DiskStore, instances: Instances) -> None:
        self._driver = driver
        self._disks = disks
        self._instances = instances

    def run(self, order: Order, work: Work) -> Power:
        """No guest, no file. Files go last: they are what leads back to the guest after a crash (C-14)."""
        server_id = order.server_id
        self._driver.power_off(server_id)
        failpoints.hit("compute.destroy.after_stop")
        work.check()
        self._driver.undefine(server_id)
        failpoints.hit("compute.destroy.after_undefine")
        work.check()
        self._disks.remove(server_id)
        failpoints.hit("compute.destroy.after_disk")
        self._instances.forget(server_id, order.fence)
        failpoints.hit("compute.destroy.after_directory")
        return Power.NONE

    def undo(self, order: Order) -> None:
        """A deletion is never taken back; what is left is asked for again."""
