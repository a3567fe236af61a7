"""The compute agent put together from its parts, and its three loops. Chooses no implementation: cmd/ does.

Start is recovery (C-25): there is nothing to load. What is on the host is told by the first heartbeat,
and the conductor asks again for what it has not heard of. What is no longer the host's own is destroyed before
anything else is done (tenure.py).
"""

from __future__ import annotations

from typing import Any

from iaas.clock import Clock
from iaas.compute.agent.build import Build
from iaas.compute.agent.console import Consoles
from iaas.compute.agent.destroy import Destroy
from iaas.compute.agent.disks import DiskStore
from iaas.compute.agent.doors import Doors, Listen
from iaas.compute.agent.heartbeat import INTERVAL, Heartbeats
from iaas.compute.agent.images.prefetch import Prefetch
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.loop import Loop
from iaas.compute.agent.manager import ComputeManager
from iaas.compute.agent.migrate import Arrive, Migrate, Receive
from iaas.compute.agent.offers import Offers
from iaas.compute.agent.orders import Handler, Orders
from iaas.compute.agent.power import HardReboot, SoftReboot, Start, Stop
from iaas.compute.agent.reconcile import Watcher
from iaas.compute.agent.relocate import CopyDisks, DropOriginals, RestoreDisks
from iaas.compute.agent.tenure import Tenure
from iaas.compute.agent.transfer import Mover
from iaas.compute.agent.verbs.pause import Pause, Resume, Suspend, Unpause
from iaas.compute.agent.verbs.rescue import Rescue, Unrescue
from iaas.compute.agent.verbs.snapshot import Snapshot
from iaas.compute.agent.volumes import AttachVolume, DetachVolume, Recover
from iaas.compute.virt.driver import Driver
from iaas.host.executor import Executor
from iaas.host.image_send import Send, send
from iaas.host.outbox import Outbox
from iaas.model.order import Action
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.conductor import ConductorRpc

_TIDY = 10.0  # seconds between two rounds of housekeeping


class ComputeAgent:
    """``endpoint`` is served to the bus. ``start`` runs the loops; tests call ``look``, ``beat`` and
    ``tidy``.
    """

    def __init__(
        self,
        *,
        host: str,
        driver: Driver,
        disks: DiskStore,
        instances: Instances,
        mover: Mover,
        conductor: ConductorRpc,
        peers: ComputeRpc,
        clock: Clock,
        heavy: Executor,
        light: Executor,
        spare: Executor | None = None,
        send: Send = send,
        doors: Listen | None = None,
        reserved_ram_mb: int = 0,
        reserved_disk_gb: int = 0,
        address: str = "",
    ) -> None:
        parts = (driver, disks, instances)
        destroy = Destroy(*parts)
        handlers: dict[Action, Handler] = {
            Action.BUILD: Build(*parts),
            Action.DESTROY: destroy,
            Action.START: Start(*parts),
            Action.STOP: Stop(*parts),
            Action.REBOOT_SOFT: SoftReboot(*parts),
            Action.REBOOT_HARD: HardReboot(*parts),
            Action.ATTACH_VOLUME: AttachVolume(*parts),
            Action.DETACH_VOLUME: DetachVolume(*parts),
            Action.RECOVER: Recover(*parts),
            Action.PAUSE: Pause(*parts),
            Action.UNPAUSE: Unpause(*parts),
            Action.SUSPEND: Suspend(*parts),
            Action.RESUME: Resume(*parts),
            Action.RESCUE: Rescue(*parts),
            Action.UNRESCUE: Unrescue(*parts),
            Action.SNAPSHOT: Snapshot(*parts, send),
            **_moves(host, driver, instances, mover, peers),
        }
        self._disks, self._instances = disks, instances
        self._consoles = Consoles(instances)
        self.outbox = Outbox(conductor.report)
        self._tenure = Tenure(
            host=host, driver=driver, instances=instances, destroy=destroy, conductor=conductor, clock=clock
        )
        orders = Orders(
            host=host, driver=driver, instances=instances, outbox=self.outbox, handlers=handlers, tenure=self._tenure,
            mover=mover, clock=clock, heavy=heavy, light=light,
        )  # fmt: skip
        self.endpoint = ComputeManager(
            orders=orders,
            offers=Offers(driver, instances, mover),
            consoles=self._consoles,
            doors=Doors(driver, clock, doors),
            driver=driver,
            instances=instances,
            disks=disks,
            prefetch=Prefetch(disks, spare or heavy, clock),
        )
        self._watcher = Watcher(driver, clock)
        self._heartbeats = Heartbeats(
            host=host, address=address, watcher=self._watcher, conductor=conductor,
            reserved_ram_mb=reserved_ram_mb, reserved_disk_gb=reserved_disk_gb,
        )  # fmt: skip
        self._loops = (
            Loop("watch", INTERVAL, self.look),
            Loop("heartbeat", INTERVAL, self.beat),
            Loop("tidy", _TIDY, self.tidy),
        )

    def start(self) -> None:
        """Starts the loops and listens to events; returns at once, also while there is no hypervisor."""
        watch = self._loops[0]
        self._watcher.listen(watch.wake)
        for loop in self._loops:
            loop.start()

    def stop(self, seconds: float = 3.0) -> None:
        for loop in self._loops:
            loop.stop(seconds)

    def look(self) -> None:
        """Looks at the guests, and has a heartbeat sent at once if something changed."""
        if self._watcher.look():
            self._loops[1].wake()

    def beat(self) -> None:
        """One heartbeat, and the reports that could not be sent before; at first, what is still this host's own."""
        if self._heartbeats.send():
            self.outbox.flush()
            self._tenure.begin()

    def tidy(self) -> None:
        """Housekeeping that nothing depends on: console sizes, the image cache, old fences."""
        self._consoles.tidy()
        self._disks.tidy()
        self._instances.tidy()


def _moves(host: str, driver: Driver, instances: Instances, mover: Mover, peers: ComputeRpc) -> dict[Action, Handler]:
    """The verbs of servers that come and go."""
    parts: dict[str, Any] = {
        "host": host, "driver": driver, "instances": instances, "mover": mover, "peers": peers
    }  # fmt: skip
    return {
        Action.COPY_DISKS: CopyDisks(**parts),
        Action.RESTORE_DISKS: RestoreDisks(**parts),
        Action.DROP_ORIGINALS: DropOriginals(**parts),
        Action.RECEIVE: Receive(**parts),
        Action.MIGRATE: Migrate(**parts),
        Action.ARRIVE: Arrive(**parts),
    }
