"""Accepts orders: refuses old fences, recognises repetitions, runs one order a subject at a time.

A lane per subject (a volume, a snapshot, a server) holds the running order and at most one that waits, the newest.
Orders are convergent; a running one is only interrupted when a newer fence makes it useless. Finished orders are
answered again from a bounded memory; one that failed and is sent anew, with a higher attempt, is tried anew. The
conductor's view of this is in model/order.py.
"""

from __future__ import annotations

import errno
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from iaas import errors, failpoints
from iaas.host.executor import Executor
from iaas.host.outbox import Outbox
from iaas.model.volume_order import VolumeAction, VolumeOrder, VolumeReport
from iaas.volume.agent.exports import Exports
from iaas.volume.agent.fences import Fences
from iaas.volume.drivers.driver import VolumeDriver

_LOG = logging.getLogger(__name__)
_REMEMBERED = 1000  # finished orders
_TRANSIENT = (errors.Unavailable, errors.Timeout)
Key = tuple[str, str, int]


def key_of(order: VolumeOrder) -> Key:
    """What makes two orders the same order."""
    return order.operation_id, order.step, order.fence


@dataclass
class _Lane:
    running: VolumeOrder
    waiting: VolumeOrder | None = None

    def fence(self) -> int:
        return max(self.running.fence, self.waiting.fence if self.waiting else 0)

    def holds(self, key: Key) -> bool:
        return key_of(self.running) == key or (self.waiting is not None and key_of(self.waiting) == key)


class Orders:
    def __init__(
        self,
        *,
        host: str,
        driver: VolumeDriver,
        exports: Exports,
        fences: Fences,
        outbox: Outbox[VolumeReport],
        executor: Executor,
    ) -> None:
        self._host, self._driver, self._exports, self._fences = host, driver, exports, fences
        self._outbox, self._executor = outbox, executor
        self._lock = threading.Lock()
        self._room = threading.Lock()  # a create needs the sum of all others
        self._making: dict[str, int] = {}  # volume id -> GiB of those that are being made
        self._lanes: dict[str, _Lane] = {}
        self._finished: OrderedDict[Key, tuple[int, VolumeReport]] = OrderedDict()  # with the attempt

    def accept(self, order: VolumeOrder) -> None:
        """Returns at once; the answer is a report. Raises Unavailable when too many orders wait."""
        with self._lock:
            answer = self._judge(order)
        if answer:
            answer()

    def _judge(self, order: VolumeOrder) -> Callable[[], None] | None:
        """What to do about an order, to be done without the lock; None when it only waits."""
        lane = self._lanes.get(order.subject)
        try:
            highest = max(self._fences.of(order.subject), lane.fence() if lane else 0)
        except errors.Error as error:
            unreadable = self._report(order, error=error)
            return lambda: self._outbox.final(unreadable)
        if order.fence < highest:
            _LOG.info("order %s of operation %s is stale", order.action, order.operation_id)
            stale = self._report(order, stale=True)
            return lambda: self._outbox.final(stale)
        attempt, done = self._finished.get(key_of(order), (0, None))
        if done and (done.error is None or order.attempt <= attempt):
            return lambda: self._outbox.final(done)
        if lane is None:
            self._lanes[order.subject] = _Lane(order)
            return lambda: self._submit(order)
        if not lane.holds(key_of(order)):
            lane.waiting = order
        return None

    def _submit(self, order: VolumeOrder) -> None:
        try:
            self._executor.submit(lambda: self._carry_out(order))
        except errors.Unavailable:
            with self._lock:
                self._lanes.pop(order.subject, None)
            raise

    def _carry_out(self, order: VolumeOrder) -> None:
        report = self._perform(order)
        with self._lock:
            self._finished[key_of(order)] = order.attempt, report
            while len(self._finished) > _REMEMBERED:
                self._finished.popitem(last=False)
            following = self._lanes.pop(order.subject).waiting
            if following:
                self._lanes[order.subject] = _Lane(following)
        failpoints.hit("volume.order.before_report")
        self._outbox.final(report)
        failpoints.hit("volume.order.after_report")
        if following:
            self._submit(following)

    def _perform(self, order: VolumeOrder) -> VolumeReport:
        """Runs the order and words its end; whatever goes wrong becomes a report."""
        try:
            self._fences.record(order.subject, order.fence)
            failpoints.hit("volume.order.after_fence")
            self._act(order)
        except Exception as error:  # noqa: BLE001  (every failure is answered, see _worded)
            return self._report(order, error=_worded(error, order))
        return self._report(order)

    def _act(self, order: VolumeOrder) -> None:
        driver = self._driver
        if order.action is VolumeAction.CREATE:
            self._with_room(order, lambda: driver.create(
                order.volume_id, order.size_gb, order.source, lambda: self._check(order)))  # fmt: skip
        elif order.action is VolumeAction.DELETE:
            driver.delete(order.volume_id)
        elif order.action is VolumeAction.EXTEND:
            driver.extend(order.volume_id, order.size_gb)
        elif order.action is VolumeAction.SNAPSHOT:
            driver.snapshot(order.snapshot_id, order.volume_id)
        elif order.action is VolumeAction.DELETE_SNAPSHOT:
            driver.delete_snapshot(order.snapshot_id)
        elif order.action is VolumeAction.EXPORT:
            self._exports.put(order.subject, order.exports)
        else:
            raise errors.Unsupported(f"This volume host does not know the order {order.action!r}.")

    def _with_room(self, order: VolumeOrder, create: Callable[[], None]) -> None:
        """Counts the new volume in before it is there; long creations must not wait for each other."""
        with self._room:
            there = {**self._driver.volumes(), **self._driver.snapshots(), **self._making}
            there.pop(order.volume_id, None)
            if sum(there.values()) + order.size_gb > self._driver.capacity_gb():
                raise errors.NoValidHost("The volume host has no room for a volume of that size.")
            self._making[order.volume_id] = order.size_gb
        try:
            create()
        finally:
            with self._room:
                self._making.pop(order.volume_id, None)

    def _check(self, order: VolumeOrder) -> None:
        """Raises Conflict when a newer fence waits behind the order."""
        lane = self._lanes.get(order.subject)
        if lane and lane.waiting and lane.waiting.fence > order.fence:
            raise errors.Conflict("A newer order makes this one useless.")

    def _report(self, order: VolumeOrder, *, error: errors.Error | None = None, stale: bool = False) -> VolumeReport:
        return VolumeReport(
            operation_id=order.operation_id,
            step=order.step,
            fence=order.fence,
            subject=order.subject,
            host=self._host,
            done=True,
            error=error.message if error else None,
            error_kind=error.kind if error else None,
            stale=stale,
        )


def _worded(error: Exception, order: VolumeOrder) -> errors.Error:
    """The failure in words that a user may read: no path, no host's secret (S-071). The rest is in the log.

    A report is the end of its order: kinds that ask the reader to wait for the same thing become Internal.
    """
    if isinstance(error, errors.Error):
        _LOG.warning("%s of %s failed: %s", order.action, order.subject, error.message)
        return errors.Internal(error.message) if isinstance(error, _TRANSIENT) else error
    _LOG.error("%s of %s failed", order.action, order.subject, exc_info=error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return errors.NoValidHost("The volume host has no space left.")
    return errors.Internal("The volume host failed unexpectedly; the operator finds the cause in its log.")
