"""START, STOP and the two reboots of a server that was built here."""

from __future__ import annotations

from iaas import errors, failpoints
from iaas.compute.agent import config_drive
from iaas.compute.agent.disks import DiskStore
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.work import Work
from iaas.compute.virt.driver import Driver
from iaas.model.order import Order, Power

_OFF = (Power.NONE, Power.SHUTDOWN, Power.CRASHED)
_LOOK = 0.5  # seconds between two looks at a guest that shuts down
_PRESS_AGAIN = 10.0  # seconds; a guest that was booting may not have seen the first press


class Switch:
    """What the verbs share: the hypervisor, and how to define a guest anew from its specification."""

    def __init__(self, driver: Driver, disks: DiskStore, instances: Instances) -> None:
        self._driver = driver
        self._disks = disks
        self._instances = instances

    def undo(self, order: Order) -> None:
        """Switching has nothing to take back."""

    def _mark(self, order: Order, work: Work) -> None:
        self._driver.mark(order.server_id, order.fence)
        work.check()

    def _present(self, server_id: str) -> None:
        if self._driver.find(server_id) is None:
            raise errors.NotFound("The server is not on this host.", resource="guest", id=server_id)

    def _power(self, server_id: str) -> Power:
        found = self._driver.find(server_id)
        return found.power if found else Power.NONE

    def _runs_by(self, order: Order) -> bool:
        """Whether the guest runs as this order has defined it."""
        found = self._driver.find(order.server_id)
        return found is not None and found.power is Power.RUNNING and found.fence == order.fence

    def _define(self, order: Order, work: Work) -> None:
        """Raises NotFound when the disks are not here, or the order does not say what the guest looks
        like.
        """
        if order.guest is None:
            raise errors.NotFound("The server is not on this host.", resource="guest", id=order.server_id)
        disks = config_drive.beside(self._instances, order.guest, self._disks.existing(order.guest))
        work.check()
        self._driver.define(order.guest, disks, self._instances.console(order.server_id), order.fence)

    def _stop(self, order: Order, work: Work) -> None:
        """Presses the power button until the guest is off; at ``timeout_s`` seconds pulls the plug."""
        server_id = order.server_id
        deadline, press_at = work.now() + order.timeout_s, work.now()
        while (power := work.insist(lambda: self._power(server_id))) not in _OFF:
            if work.now() >= deadline or power is Power.PAUSED:  # a paused guest hears no button
                work.insist(lambda: self._driver.power_off(server_id))
                return
            if work.now() >= press_at:
                work.insist(lambda: self._driver.press_power_button(server_id))
                failpoints.hit("compute.stop.after_button")
                press_at = work.now() + _PRESS_AGAIN
            else:
                work.pause(_LOOK)

    def _on(self, order: Order, work: Work) -> Power:
        work.insist(lambda: self._driver.power_on(order.server_id))
        return work.insist(lambda: self._power(order.server_id))


class Start(Switch):
    def run(self, order: Order, work: Work) -> Power:
        """Running, defined anew if it is off: its volumes are those that it has now, and the definition may have got
        lost (F-54). Raises NotFound without disks.
        """
        found = self._driver.find(order.server_id)
        if found is None or (order.guest is not None and found.power in _OFF):
            self._define(order, work)
            failpoints.hit("compute.start.after_define")
        self._driver.mark(order.server_id, order.fence)
        work.check()
        power = self._on(order, work)
        failpoints.hit("compute.start.after_start")
        return power


class Stop(Switch):
    def run(self, order: Order, work: Work) -> Power:
        """Off: asked first, forced after ``timeout_s``. A server without a guest is off."""
        self._driver.mark(order.server_id, order.fence)
        self._stop(order, work)
        failpoints.hit("compute.stop.after_stop")
        return self._power(order.server_id)


class SoftReboot(Switch):
    def run(self, order: Order, work: Work) -> Power:
        """Shut down as by STOP, then started. Not convergent: the caller runs it once."""
        work.insist(lambda: self._driver.mark(order.server_id, order.fence))
        self._stop(order, work)
        failpoints.hit("compute.reboot.after_stop")
        work.check()
        return self._on(order, work)


class HardReboot(Switch):
    def run(self, order: Order, work: Work) -> Power:
        """Plug pulled, defined anew when the order says how, started. Not convergent, as the soft one."""
        work.insist(lambda: self._driver.power_off(order.server_id))
        failpoints.hit("compute.reboot.after_power_off")
        work.check()
        if order.guest is not None:
            work.insist(lambda: self._define(order, work))
        work.insist(lambda: self._driver.mark(order.server_id, order.fence))
        return self._on(order, work)
