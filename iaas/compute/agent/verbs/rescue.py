"""RESCUE and UNRESCUE: the server runs from another image for a while, its own root disk beside it."""

from __future__ import annotations

from iaas import errors, failpoints
from iaas.compute.agent import config_drive
from iaas.compute.agent.power import Switch
from iaas.compute.agent.work import Work
from iaas.model.order import GuestSpec, Order, Power


class Rescue(Switch):
    def run(self, order: Order, work: Work) -> Power:
        """Running from the rescue image. Everything that may fail without a restart comes before the stop."""
        guest = _guest(order)
        if self._runs_by(order):
            return Power.RUNNING
        disks = config_drive.beside(self._instances, guest, self._disks.rescue(guest, work))
        failpoints.hit("compute.rescue.after_disk")
        self._stop(order, work)
        failpoints.hit("compute.rescue.after_stop")
        work.insist(lambda: self._driver.power_off(order.server_id))  # memory that was saved is of the other system
        work.check()
        self._driver.define(guest, disks, self._instances.console(order.server_id), order.fence)
        failpoints.hit("compute.rescue.after_define")
        work.check()
        power = self._on(order, work)
        failpoints.hit("compute.rescue.after_start")
        return power


class Unrescue(Switch):
    def run(self, order: Order, work: Work) -> Power:
        """As before the rescue; running if it is to start. The rescue disk goes last."""
        _guest(order)
        if not self._runs_by(order):
            work.insist(lambda: self._driver.power_off(order.server_id))
            failpoints.hit("compute.unrescue.after_stop")
            self._define(order, work)
            failpoints.hit("compute.unrescue.after_define")
            work.check()
            if order.start:
                self._on(order, work)
            failpoints.hit("compute.unrescue.after_start")
        self._disks.remove_rescue(order.server_id)
        failpoints.hit("compute.unrescue.after_disk")
        return self._power(order.server_id)


def _guest(order: Order) -> GuestSpec:
    if order.guest is None:
        raise errors.Invalid("The order has no server in it.")
    return order.guest
