"""ATTACH_VOLUME and DETACH_VOLUME: a disk more or less of a guest, running or off. RECOVER: after an I/O error.

Who may have the volume, and whether it is exported to this host, the conductor has seen to.
"""

from __future__ import annotations

from iaas import errors, failpoints
from iaas.compute.agent.disks import DiskStore
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.work import Work
from iaas.compute.virt.driver import Driver
from iaas.model.order import Order, Power, VolumeConnection

_LOOK = 0.5  # seconds between two requests to a guest that has not let go yet
_TRY = 1.0  # seconds between two tries to let a guest go on
_TRIES = 10  # then the conductor has seen in a heartbeat how it is, and asks again


class _Plugging:
    """What the verbs share."""

    def __init__(self, driver: Driver, disks: DiskStore, instances: Instances) -> None:
        self._driver = driver

    def undo(self, order: Order) -> None:
        """What was begun is undone by an order of its own."""

    def _volume(self, order: Order) -> VolumeConnection:
        if order.volume is None:
            raise errors.Invalid("The order has no volume in it.")
        return order.volume

    def _power(self, server_id: str) -> Power:
        found = self._driver.find(server_id)
        return found.power if found else Power.NONE

    def _let_go(self, order: Order, volume_id: str, work: Work) -> None:
        """Asks again and again, for ``timeout_s``. Raises Conflict when the guest keeps the volume."""
        deadline = work.now() + order.timeout_s
        while not work.insist(lambda: self._driver.unplug(order.server_id, volume_id)):
            failpoints.hit("compute.detach.after_request")
            if work.now() >= deadline:
                raise errors.Conflict("The guest does not let go of the volume.")
            work.pause(_LOOK)


class AttachVolume(_Plugging):
    def run(self, order: Order, work: Work) -> Power:
        """The guest has the volume, now and at every later start. A server without a guest gets it when it is
        defined: the conductor says with which volumes.
        """
        volume = self._volume(order)
        self._driver.mark(order.server_id, order.fence)
        there = {plug.volume_id: plug.export for plug in self._driver.plugged(order.server_id)}
        if there.get(volume.volume_id, volume.export) != volume.export:
            self._let_go(order, volume.volume_id, work)  # left by an attachment that has ended
        work.check()
        failpoints.hit("compute.attach.before_plug")
        self._driver.plug(order.server_id, volume)
        failpoints.hit("compute.attach.after_plug")
        return self._power(order.server_id)


class DetachVolume(_Plugging):
    def run(self, order: Order, work: Work) -> Power:
        """The guest has the volume no more, running or at a later start."""
        volume = self._volume(order)
        self._driver.mark(order.server_id, order.fence)
        work.check()
        failpoints.hit("compute.detach.before_unplug")
        self._let_go(order, volume.volume_id, work)
        failpoints.hit("compute.detach.after_unplug")
        return self._power(order.server_id)


class Recover(_Plugging):
    def run(self, order: Order, work: Work) -> Power:
        """Lets a guest that an I/O error paused go on, until it stays so or the tries are used up (F-66): the first
        ones may only make QEMU connect to the volume host again.
        """
        for _ in range(_TRIES):
            self._driver.recover(order.server_id)
            failpoints.hit("compute.recover.after_resume")
            work.pause(_TRY)
            found = self._driver.find(order.server_id)
            if found is None or not found.io_error:
                break
        return self._power(order.server_id)
