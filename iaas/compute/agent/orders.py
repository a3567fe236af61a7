"""Accepts orders: refuses old fences, recognises repetitions, runs one order a server at a time.

What a verb does is its handler's matter. The conductor's view of this is in model/order.py; here is how it is
kept: a lane per server holds the running order and at most one that waits, the newest. A newer fence
makes the running one stop at its next checkpoint. Finished orders are answered again from a bounded
memory.
"""

from __future__ import annotations

import errno
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from iaas import errors, failpoints
from iaas.clock import Clock
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.tenure import Tenure
from iaas.compute.agent.transfer import Mover
from iaas.compute.agent.work import Key, Superseded, Work
from iaas.compute.virt.driver import Driver
from iaas.host.executor import Executor
from iaas.host.outbox import Outbox
from iaas.model.order import Action, Order, Power, Report

K = TypeVar("K")
V = TypeVar("V")
_LOG = logging.getLogger(__name__)
_HEAVY = (
    Action.BUILD, Action.SUSPEND, Action.RESUME, Action.RESCUE, Action.SNAPSHOT, Action.COPY_DISKS, Action.RECEIVE,
)  # fmt: skip
_COMING = (Action.BUILD, Action.COPY_DISKS, Action.RECEIVE)  # the server need not have been here before
_REMEMBERED = 1000  # finished orders, and servers whose fence is in memory


class Handler(Protocol):
    def run(self, order: Order, work: Work) -> Power:
        """Does it (looks first, then acts) and answers the power afterwards. Raises Error with words for
        users.
        """

    def undo(self, order: Order) -> None:
        """After a failure: takes back what ``run`` may have made. Raises nothing."""


@dataclass
class _Lane:
    running: Work
    waiting: Work | None = None


class Orders:
    """``heavy`` carries out what moves many bytes, ``light`` the rest, so that a slow image never delays a stop or a
    delete.
    """

    def __init__(
        self,
        *,
        host: str,
        driver: Driver,
        instances: Instances,
        outbox: Outbox[Report],
        handlers: Mapping[Action, Handler],
        tenure: Tenure,
        mover: Mover,
        clock: Clock,
        heavy: Executor,
        light: Executor,
    ) -> None:
        self._host = host
        self._driver = driver
        self._instances = instances
        self._outbox = outbox
        self._handlers = handlers
        self._tenure = tenure
        self._mover = mover
        self._clock = clock
        self._heavy, self._light = heavy, light
        self._lock = threading.Lock()
        self._lanes: dict[str, _Lane] = {}
        self._fences: OrderedDict[str, int] = OrderedDict()
        self._finished: OrderedDict[Key, tuple[int, Report]] = OrderedDict()  # with the attempt that it ended

    def accept(self, order: Order) -> None:
        """Returns at once; the answer is a report. Raises Unavailable when too many orders wait."""
        work = Work(order, self._host, self._clock, self._outbox.hint, certain=self._tenure.heard())
        with self._lock:
            answer = self._judge(work)
        if answer:
            answer()

    def _judge(self, work: Work) -> Callable[[], None] | None:
        """What to do about an order, to be done without the lock; None when it only waits."""
        order = work.order
        try:
            highest = self._highest(order.server_id)
        except errors.Error as error:
            unreadable = work.report(done=True, error=error)
            return lambda: self._outbox.final(unreadable)
        if order.fence < highest:
            _LOG.info("order %s of operation %s is stale", order.action, order.operation_id)
            stale = work.report(done=True, stale=True)
            return lambda: self._outbox.final(stale)
        if done := self._answered(order, work.key):
            return lambda: self._outbox.final(done)
        lane = self._lanes.get(order.server_id)
        if lane and work.key in (lane.running.key, lane.waiting.key if lane.waiting else None):
            return lane.running.sign_of_life if lane.running.key == work.key else None
        _remember(self._fences, order.server_id, order.fence)
        if lane is None:
            self._lanes[order.server_id] = _Lane(work)
            return lambda: self._submit(work)
        if order.fence > lane.running.order.fence:
            lane.running.supersede()
        lane.waiting = work
        return None

    def _answered(self, order: Order, key: Key) -> Report | None:
        """The answer from memory. A failure answers its repetitions only: sent anew, it is tried anew."""
        attempt, report = self._finished.get(key, (0, None))
        if report is not None and report.error and order.action.convergent and order.attempt > attempt:
            return None
        return report

    def _highest(self, server_id: str) -> int:
        return max(self._fences.get(server_id, 0), self._instances.claim_of(server_id).fence)

    def _submit(self, work: Work) -> None:
        executor = self._heavy if work.order.action in _HEAVY else self._light
        try:
            executor.submit(lambda: self._carry_out(work))
        except errors.Unavailable:
            with self._lock:
                self._lanes.pop(work.order.server_id, None)
            raise

    def _carry_out(self, work: Work) -> None:
        try:
            report = self._perform(work)
        except Superseded:
            _LOG.info("%s of operation %s superseded", work.order.action, work.order.operation_id)
            report = None
        with self._lock:
            if report:
                _remember(self._finished, work.key, (work.order.attempt, report))
            following = self._lanes[work.order.server_id].waiting
            if following:
                self._lanes[work.order.server_id] = _Lane(following)
            else:
                del self._lanes[work.order.server_id]
        if report:
            _LOG.info("%s of server %s: %s", work.order.action, work.order.server_id, report.error or "done")
            failpoints.hit("compute.order.before_report")
            self._outbox.final(report)
            failpoints.hit("compute.order.after_report")
        if following:
            self._submit(following)

    def _perform(self, work: Work) -> Report:
        """Runs the order and words its end; whatever goes wrong becomes a report."""
        order = work.order
        try:
            work.check()
            if not self._is_ours(work):
                return work.report(done=True, stale=True)
            self._mover.withdraw(order.server_id)  # whoever copied the disks: the server has gone on
            power = self._converge(work) if order.action.convergent else self._run_once(work)
        except Superseded:
            raise
        except Exception as error:  # noqa: BLE001  (every failure is answered, see _worded)
            worded = _worded(error, order)
            return replace(work.report(done=True, error=worded), power=self._power(order.server_id))
        return replace(work.report(done=True), power=power)

    def _is_ours(self, work: Work) -> bool:
        """After a silence this host first finds out what is still its own (C-10); to destroy is always right."""
        return work.certain or work.order.action is Action.DESTROY or self._tenure.settle(work)

    def _converge(self, work: Work) -> Power:
        order = work.order
        handler = self._handlers[order.action]
        self._instances.claim(order.server_id, order.fence, create=order.action in _COMING)
        try:
            return work.insist(lambda: handler.run(order, work))
        except Superseded:
            raise
        except Exception:
            handler.undo(order)
            raise

    def _run_once(self, work: Work) -> Power:
        """C-18: at most once, whoever asks again; the conductor judges by the power that is seen."""
        order = work.order
        once = f"{order.operation_id}/{order.step}"
        repeated = order.attempt > 1 or self._instances.claim_of(order.server_id).once == once
        self._instances.claim(order.server_id, order.fence, once=once)
        if repeated:
            return self._power(order.server_id)
        failpoints.hit("compute.order.after_once")
        return self._handlers[order.action].run(order, work)

    def _power(self, server_id: str) -> Power:
        try:
            found = self._driver.find(server_id)
        except errors.Error:
            return Power.NONE
        return found.power if found else Power.NONE


def _worded(error: Exception, order: Order) -> errors.Error:
    """The failure in words that a user may read: no path, no host's secret (S-071). The rest is in the
    log.
    """
    if isinstance(error, errors.Error):
        _LOG.warning("%s of server %s failed: %s", order.action, order.server_id, error.message)
        return error
    _LOG.error("%s of server %s failed", order.action, order.server_id, exc_info=error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return errors.Unavailable("The host's disk is full.", resource="disk")
    return errors.Internal("The host failed unexpectedly; the operator finds the cause in its log.")


def _remember(memory: OrderedDict[K, V], key: K, value: V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)
