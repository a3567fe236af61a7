"""SNAPSHOT: the root disk as it is at one moment becomes the data of a queued image; the guest runs on."""

from __future__ import annotations

from pathlib import Path

from iaas import errors, failpoints
from iaas.compute.agent.disks import DiskStore
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.work import Work
from iaas.compute.virt.driver import Driver
from iaas.host.image_send import Send
from iaas.model.order import Order, Power, Upload

_LOOK = 0.2  # seconds between two looks at a copy
_PATIENCE = 150.0  # seconds: longer than a dead upload's lease and the image service's next sweep
_AGAIN = 5.0


class Snapshot:
    def __init__(self, driver: Driver, disks: DiskStore, instances: Instances, send: Send) -> None:
        self._driver, self._disks, self._instances = driver, disks, instances
        self._send = send

    def run(self, order: Order, work: Work) -> Power:
        """The image has the bytes. Done again from the beginning after a death; an image that is complete is refused by
        the image service and found out to be so. The copy goes in any case.
        """
        if order.upload is None:
            raise errors.Invalid("The order has no image in it.")
        work.insist(lambda: self._driver.mark(order.server_id, order.fence))
        target = self._disks.snapshot(order.server_id)
        try:
            self._copy(order, target, work)
            failpoints.hit("compute.snapshot.after_copy")
            work.check()
            self._upload(order.upload, target, work)
            failpoints.hit("compute.snapshot.after_upload")
        finally:
            target.unlink(missing_ok=True)
        return self._power(order.server_id)

    def undo(self, order: Order) -> None:
        """Nothing is left here; what became of the image is the conductor's affair."""

    def _copy(self, order: Order, target: Path, work: Work) -> None:
        """By the hypervisor while the guest is on, else from the file. A guest that goes off meanwhile is copied from
        its file: its state is the later one then, but still that of one moment."""
        root = self._disks.root(order.server_id)
        if self._power(order.server_id) in (Power.RUNNING, Power.PAUSED):
            try:
                self._driver.copy_disk(order.server_id, root, target, lambda: work.pause(_LOOK))
                return
            except errors.Conflict:
                target.unlink(missing_ok=True)
        self._disks.copy_root(order.server_id, target, work)

    def _upload(self, upload: Upload, source: Path, work: Work) -> None:
        """Again when the image service was away, or while the upload of our dead predecessor is not over for it."""
        deadline = work.now() + _PATIENCE
        while True:
            try:
                return self._send(upload, source, work.progress)
            except (errors.Unavailable, errors.Conflict):
                if work.now() >= deadline:
                    raise
            work.pause(_AGAIN)

    def _power(self, server_id: str) -> Power:
        found = self._driver.find(server_id)
        return found.power if found else Power.NONE
