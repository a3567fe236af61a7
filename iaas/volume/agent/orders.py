"""Accepts orders: refuses old fences, recognises repetitions, runs one order a volume at a time.

A lane per volume holds the running order and at most one that waits, the newest. Orders are short and convergent, so
a running one is never interrupted. Finished orders are answered again from a bounded memory; one that failed and is
sent anew, with a higher attempt, is tried anew. The conductor's view of this is in model/order.py.
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
        self, *, host: str, driver: VolumeDriver, fences: Fences, outbox: Outbox[VolumeReport], executor: Executor
    ) -> None:
        self._host, self._driver, self._fences = host, driver, fences
        self._outbox, self._executor = outbox, executor
        self._lock = threading.Lock()
        self._room = threading.Lock()  # a create needs the sum of all others: one at a time
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
        lane = self._lanes.get(order.volume_id)
        try:
            highest = max(self._fences.of(order.volume_id), lane.fence() if lane else 0)
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
            self._lanes[order.volume_id] = _Lane(order)
            return lambda: self._submit(order)
        if not lane.holds(key_of(order)):
            lane.waiting = order
        return None

    def _submit(self, order: VolumeOrder) -> None:
        try:
            self._executor.submit(lambda: self._carry_out(order))
        except errors.Unavailable:
            with self._lock:
                self._lanes.pop(order.volume_id, None)
            raise

    def _carry_out(self, order: VolumeOrder) -> None:
        report = self._perform(order)
        with self._lock:
            self._finished[key_of(order)] = order.attempt, report
            while len(self._finished) > _REMEMBERED:
                self._finished.popitem(last=False)
            following = self._lanes.pop(order.volume_id).waiting
            if following:
                self._lanes[order.volume_id] = _Lane(following)
        failpoints.hit("volume.order.before_report")
        self._outbox.final(report)
        failpoints.hit("volume.order.after_report")
        if following:
            self._submit(following)

    def _perform(self, order: VolumeOrder) -> VolumeReport:
        """Runs the order and words its end; whatever goes wrong becomes a report."""
        try:
            self._fences.record(order.volume_id, order.fence)
            failpoints.hit("volume.order.after_fence")
            if order.action is VolumeAction.CREATE:
                self._create(order)
            else:
                self._driver.delete(order.volume_id)
        except Exception as error:  # noqa: BLE001  (every failure is answered, see _worded)
            return self._report(order, error=_worded(error, order))
        return self._report(order)

    def _create(self, order: VolumeOrder) -> None:
        with self._room:
            promised = sum(gb for id, gb in self._driver.volumes().items() if id != order.volume_id)
            if promised + order.size_gb > self._driver.capacity_gb():
                raise errors.NoValidHost("The volume host has no room for a volume of that size.")
            self._driver.create(order.volume_id, order.size_gb)

    def _report(self, order: VolumeOrder, *, error: errors.Error | None = None, stale: bool = False) -> VolumeReport:
        return VolumeReport(
            operation_id=order.operation_id,
            step=order.step,
            fence=order.fence,
            volume_id=order.volume_id,
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
        _LOG.warning("%s of volume %s failed: %s", order.action, order.volume_id, error.message)
        return errors.Internal(error.message) if isinstance(error, _TRANSIENT) else error
    _LOG.error("%s of volume %s failed", order.action, order.volume_id, exc_info=error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return errors.NoValidHost("The volume host has no space left.")
    return errors.Internal("The volume host failed unexpectedly; the operator finds the cause in its log.")
