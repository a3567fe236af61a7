"""RECEIVE, MIGRATE, ARRIVE: a live migration, seen from its two ends. Where the guest runs the hypervisors decide and
tell; a daemon that died in between asks them and goes on from there.
"""

from __future__ import annotations

from iaas import errors, failpoints
from iaas.compute.agent import config_drive
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.transfer import Mover
from iaas.compute.agent.work import Work
from iaas.compute.virt.driver import Driver
from iaas.model.order import Order, Peer, Power
from iaas.rpc.compute import ComputeRpc

_LOOK = 0.5  # seconds between two looks at a migration
_ON = (Power.RUNNING, Power.PAUSED)


class _Moving:
    """What the verbs share."""

    def __init__(self, *, host: str, driver: Driver, instances: Instances, mover: Mover, peers: ComputeRpc) -> None:
        self._driver = driver
        self._instances = instances
        self._mover = mover
        self._peers = peers

    def undo(self, order: Order) -> None:
        """What was begun is undone by an order of its own."""

    def _peer(self, order: Order) -> Peer:
        if order.peer is None:
            raise errors.Invalid("The order does not say where the other host is.")
        return order.peer

    def _power(self, server_id: str) -> Power:
        found = self._driver.find(server_id)
        return found.power if found else Power.NONE

    def _follow(self, order: Order, work: Work) -> None:
        """Until no migration of the guest is under way, with signs of life that say how far it is."""
        while (progress := work.insist(lambda: self._driver.migration(order.server_id))) is not None:
            work.data["progress"] = dict(progress)
            failpoints.hit("compute.migrate.under_way")
            work.pause(_LOOK)
        work.data.pop("progress", None)


class Receive(_Moving):
    def run(self, order: Order, work: Work) -> Power:
        """Disks like the source's are here, to be filled, and its config drive. Reports their ``directory``."""
        if order.guest is None:
            raise errors.Invalid("The order to receive has no server in it.")
        if (power := self._power(order.server_id)) in _ON:
            raise errors.Conflict("The server runs on this host.")
        disks = self._peers.disks(self._peer(order).host, order.server_id, order.fence)
        work.check()
        failpoints.hit("compute.receive.before_disks")
        directory = self._mover.receive(order.guest, disks, work)
        if order.guest.config_drive is not None:
            self._config_drive(order)
        failpoints.hit("compute.receive.after_disks")
        work.data["directory"] = directory
        return power

    def _config_drive(self, order: Order) -> None:
        """Byte for byte: the guest may have it open, and the hypervisors copy no CD-ROM."""
        host, server_id = self._peer(order).host, order.server_id
        config_drive.receive(
            self._instances, server_id, lambda offset: self._peers.config_drive(host, server_id, order.fence, offset)
        )


class Migrate(_Moving):
    def run(self, order: Order, work: Work) -> Power:
        """The guest has left: it runs over there, or it has died here; ARRIVE finds out. Raises Internal when it is on
        here and no migration is under way any more: it was aborted, or has failed.

        Begun at most once (C-18); after a death of this daemon the migration is looked for, and followed.
        """
        server_id, once = order.server_id, f"{order.operation_id}/{order.step}"
        peer = self._peer(order)
        begun = self._instances.claim_of(server_id).once == once
        if self._power(server_id) in _ON and not begun and self._driver.migration(server_id) is None:
            self._driver.mark(server_id, order.fence)
            self._instances.claim(server_id, order.fence, once=once)
            failpoints.hit("compute.migrate.before_start")
            directory = self._instances.directory(server_id)
            self._driver.start_migration(server_id, peer, directory)
            failpoints.hit("compute.migrate.after_start")
        self._follow(order, work)
        power = self._power(server_id)
        if power in _ON:
            raise errors.Internal("The live migration did not succeed; the server runs on where it was.")
        return power


class Arrive(_Moving):
    def run(self, order: Order, work: Work) -> Power:
        """The guest is on here, under this fence. Raises NotFound when it is not: it never arrived."""
        self._follow(order, work)
        power = self._power(order.server_id)
        if power not in _ON:
            raise errors.NotFound("The server did not arrive.", resource="guest", id=order.server_id)
        self._driver.mark(order.server_id, order.fence)
        failpoints.hit("compute.arrive.after_mark")
        return power
