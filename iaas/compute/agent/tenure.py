"""Whether what is on this host is still this host's own, asked before work is taken after a silence (C-10).

While a host was cut off its servers may have been given to others. Their guests here must be gone before anything
else is done: the first order after a start, or after a silence in which the host may have been taken for dead, waits
until the conductor has said which guests are strangers and they are destroyed.
"""

from __future__ import annotations

import logging
import threading

from iaas import errors, failpoints
from iaas.clock import Clock
from iaas.compute.agent.destroy import Destroy
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.work import Work
from iaas.compute.virt.driver import Driver
from iaas.ids import new_uuid
from iaas.model.order import Action, Order, Report, Stranger
from iaas.rpc.conductor import ConductorRpc

_LOG = logging.getLogger(__name__)
SILENCE = 8.0  # seconds; a host is declared dead after ten, and what it hears sooner was meant for a living one
BACKLOG = 3.0  # seconds after it, in which orders come that have waited for the host and may be of the past
PATIENCE = 60.0  # seconds that an order waits for the conductor's answer


class Tenure:
    """``destroy`` is the handler of DESTROY: strangers are removed as if by order, fences and all."""

    def __init__(
        self,
        *,
        host: str,
        driver: Driver,
        instances: Instances,
        destroy: Destroy,
        conductor: ConductorRpc,
        clock: Clock,
    ) -> None:
        self._host = host
        self._driver = driver
        self._instances = instances
        self._destroy = destroy
        self._conductor = conductor
        self._clock = clock
        self._lock = threading.Lock()
        self._heard: float | None = None  # when the control plane was last heard; None: not since the start
        self._since = 0.0  # when it was first heard again after the last silence

    def heard(self) -> bool:
        """Something came from the control plane now; whether the host was certain of its tenure until then."""
        now = self._clock.monotonic()
        if self._heard is None or now - self._heard > SILENCE:
            return False
        self._heard = now
        return now - self._since > BACKLOG

    def begin(self) -> None:
        """At the start, and until it has succeeded once: asks without an order. Raises nothing."""
        if self._heard is None:
            try:
                self._ask(())
            except errors.Error as error:
                _LOG.info("which guests are still this host's own can't be asked yet: %s", error.message)

    def settle(self, work: Work) -> bool:
        """Before an order that came after a silence: False when its server is a stranger here itself, so that the order
        is one of the past. Raises Unavailable when nobody answers."""
        deadline = work.now() + PATIENCE
        while True:
            work.check()
            try:
                return work.order.server_id not in self._ask((work.order.server_id,))
            except (errors.Unavailable, errors.Timeout) as error:
                if work.now() >= deadline and error.details.get("resource") == "hypervisor":
                    raise
                if work.now() >= deadline:
                    raise errors.Unavailable("The host can't find out which servers are its own.") from error
            work.pause(1.0)

    def _ask(self, more: tuple[str, ...]) -> set[str]:
        """Asks, and destroys the strangers; one thread at a time. Gives the strangers, of ``more`` also."""
        with self._lock:
            present = {guest.server_id for guest in self._driver.guests()} | set(self._instances.ids())
            asked = tuple(sorted(present | set(more)))
            found = self._conductor.strangers(self._host, asked) if asked else ()
            for stranger in found:
                if stranger.server_id in present:
                    self._remove(stranger)
            now = self._clock.monotonic()
            if self._heard is None or now - self._heard > SILENCE:
                self._since = now
            self._heard = now
            return {stranger.server_id for stranger in found}

    def _remove(self, stranger: Stranger) -> None:
        _LOG.warning("server %s is no longer this host's own: destroyed", stranger.server_id)
        order = Order(operation_id=new_uuid(), step="tenure", fence=stranger.fence, attempt=1,
                      server_id=stranger.server_id, action=Action.DESTROY)  # fmt: skip
        failpoints.hit("compute.tenure.before_destroy")
        self._instances.claim(order.server_id, order.fence)
        self._destroy.run(order, Work(order, self._host, self._clock, _tell_nobody))


def _tell_nobody(report: Report) -> None:
    """A removal that nobody ordered is reported to nobody."""
