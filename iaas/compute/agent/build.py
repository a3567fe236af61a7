"""BUILD: disks, definition, start. Every step looks first, so that a second run goes on where the first
ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from iaas import errors, failpoints
from iaas.compute.agent import config_drive
from iaas.compute.agent.disks import DiskStore
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.work import Work
from iaas.compute.virt.driver import Driver
from iaas.model.order import GuestSpec, Order, Power

_LOG = logging.getLogger(__name__)


class Build:
    def __init__(self, driver: Driver, disks: DiskStore, instances: Instances) -> None:
        self._driver = driver
        self._disks = disks
        self._instances = instances

    def run(self, order: Order, work: Work) -> Power:
        """A guest, running if it is to start. Raises Invalid for a specification that cannot be built on any host."""
        guest = order.guest
        if guest is None or guest.server_id != order.server_id:
            raise errors.Invalid("The order to build has no server in it.")
        check_size(guest)
        found = self._driver.find(guest.server_id)
        if found and found.power is Power.RUNNING:  # started before: only the fence may be new
            self._driver.mark(guest.server_id, order.fence)
            return Power.RUNNING
        disks = self._disks.create(guest, work)
        failpoints.hit("compute.build.after_disk")
        work.check()
        disks = config_drive.beside(self._instances, guest, disks)
        self._driver.define(guest, disks, self._instances.console(guest.server_id), order.fence)
        failpoints.hit("compute.build.after_define")
        work.check()
        if not order.start:
            return Power.SHUTDOWN
        self._driver.power_on(guest.server_id)
        failpoints.hit("compute.build.after_start")
        return Power.RUNNING

    def undo(self, order: Order) -> None:
        """Leaves nothing of a failed build; what the hypervisor keeps now falls to the conductor's
        DESTROY.
        """
        server_id = order.server_id
        steps: tuple[tuple[str, Callable[[], None]], ...] = (
            ("stop", lambda: self._driver.power_off(server_id)),
            ("undefine", lambda: self._driver.undefine(server_id)),
            ("disks", lambda: self._disks.remove(server_id)),
            ("directory", lambda: self._instances.forget(server_id, order.fence)),
        )
        for name, step in steps:
            try:
                step()
            except (errors.Error, OSError) as error:
                _LOG.error("undo of the build of server %s, %s: %s", server_id, name, error)
                return  # never the files of a guest that may be running
        failpoints.hit("compute.build.after_undo")


def check_size(guest: GuestSpec) -> None:
    """S-011: an image larger than the flavor's disk is refused before anything is fetched."""
    if guest.image and guest.disk_gb and guest.image.virtual_size > guest.disk_gb << 30:
        raise errors.Invalid(
            f"The image needs a disk of {-(-guest.image.virtual_size >> 30)} GB, "
            f"the flavor has one of {guest.disk_gb} GB."
        )
