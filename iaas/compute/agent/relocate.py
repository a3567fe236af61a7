"""COPY_DISKS, RESTORE_DISKS, DROP_ORIGINALS: the disks of a server that is off come to this host, or get a copy here.

The destination pulls: one order, which asks the source for its disks as often as that has to be told again. A daemon
that dies on either side costs the copy so far, never the original.
"""

from __future__ import annotations

import logging

from iaas import errors, failpoints
from iaas.compute.agent import config_drive
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.transfer import Mover
from iaas.compute.agent.work import Work
from iaas.compute.virt.driver import Driver
from iaas.model.order import GuestSpec, Order, Peer, Power
from iaas.rpc.compute import ComputeRpc

_LOG = logging.getLogger(__name__)
TRIES = 10  # of one copy, as long as it is the source that goes away
_PAUSE = 2.0  # seconds between two tries
_ON = (Power.RUNNING, Power.PAUSED)


class _Disks:
    """What the verbs share. ``peers``: the agents of other hosts."""

    def __init__(self, *, host: str, driver: Driver, instances: Instances, mover: Mover, peers: ComputeRpc) -> None:
        self._host = host
        self._driver = driver
        self._instances = instances
        self._mover = mover
        self._peers = peers

    def undo(self, order: Order) -> None:
        """What was begun is undone by an order of its own."""

    def _forget_guest(self, server_id: str) -> None:
        """No definition either: the next start makes it anew, of what the server is then. Raises Conflict while the
        guest is on: nothing is done to disks in use."""
        found = self._driver.find(server_id)
        if found and found.power in _ON:
            raise errors.Conflict("The server runs on this host.")
        self._driver.undefine(server_id)


class CopyDisks(_Disks):
    def run(self, order: Order, work: Work) -> Power:
        """The disks are on this host, of the guest's size. Raises what the source says when it will not serve them."""
        if order.guest is None or order.peer is None:
            raise errors.Invalid("The order to copy does not say what, or from where.")
        self._forget_guest(order.server_id)
        config_drive.remove(self._instances, order.server_id)  # it told of the server as it was
        failpoints.hit("compute.copy.before_copy")
        if order.peer.host == self._host:
            self._mover.copy_here(order.guest, work)
        else:
            self._fetch(order.guest, order.peer, order.fence, work)
        failpoints.hit("compute.copy.after_copy")
        return Power.NONE

    def _fetch(self, guest: GuestSpec, peer: Peer, fence: int, work: Work) -> None:
        for left in reversed(range(TRIES)):
            work.progress()
            try:
                offer = self._peers.offer(peer.host, guest.server_id, fence)
                failpoints.hit("compute.copy.after_offer")
                self._mover.fetch(guest, offer, work)
                break
            except (errors.Unavailable, errors.Timeout) as error:
                if not left or error.details.get("resource") == "disk":
                    raise
                _LOG.info("the disks of server %s from %s: %s; again", guest.server_id, peer.host, error.message)
            work.pause(_PAUSE)
        try:
            self._peers.withdraw(peer.host, guest.server_id, fence)
        except errors.Error as error:  # the next order for the server there does it
            _LOG.info("%s still serves the disks of server %s: %s", peer.host, guest.server_id, error.message)


class RestoreDisks(_Disks):
    def run(self, order: Order, work: Work) -> Power:
        """The guest that was started on the copies is off and forgotten, and the disks are what they were before."""
        self._driver.power_off(order.server_id)
        failpoints.hit("compute.restore.after_stop")
        work.check()
        self._driver.undefine(order.server_id)
        config_drive.remove(self._instances, order.server_id)
        self._mover.restore(order.server_id)
        failpoints.hit("compute.restore.after_disks")
        return Power.NONE


class DropOriginals(_Disks):
    def run(self, order: Order, work: Work) -> Power:
        """The copies are all there is; the guest goes on as it is."""
        self._driver.mark(order.server_id, order.fence)
        self._mover.drop_originals(order.server_id)
        failpoints.hit("compute.restore.after_drop")
        found = self._driver.find(order.server_id)
        return found.power if found else Power.NONE
