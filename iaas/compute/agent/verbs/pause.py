"""PAUSE and UNPAUSE: the guest stands still in memory. SUSPEND and RESUME: its memory is kept on the host's disk."""

from __future__ import annotations

import logging

from iaas import failpoints
from iaas.compute.agent.power import Switch
from iaas.compute.agent.work import Work
from iaas.model.order import Order, Power

_LOG = logging.getLogger(__name__)


class Pause(Switch):
    def run(self, order: Order, work: Work) -> Power:
        """Frozen. Raises Conflict for a guest that is off."""
        self._present(order.server_id)
        self._mark(order, work)
        self._driver.pause(order.server_id)
        failpoints.hit("compute.pause.after_pause")
        return self._power(order.server_id)


class Unpause(Switch):
    def run(self, order: Order, work: Work) -> Power:
        """Running on. Raises Conflict for a guest that is off."""
        self._present(order.server_id)
        self._mark(order, work)
        self._driver.unpause(order.server_id)
        failpoints.hit("compute.unpause.after_unpause")
        return self._power(order.server_id)


class Suspend(Switch):
    def run(self, order: Order, work: Work) -> Power:
        """Off, memory saved. Raises Conflict for a guest that is off."""
        self._present(order.server_id)
        self._mark(order, work)
        self._driver.save(order.server_id)
        failpoints.hit("compute.suspend.after_save")
        return self._power(order.server_id)


class Resume(Switch):
    def run(self, order: Order, work: Work) -> Power:
        """Running; the report says whether with its memory (``restored``) or started anew."""
        if self._driver.find(order.server_id) is None:
            self._define(order, work)
            failpoints.hit("compute.resume.after_define")
        self._mark(order, work)
        restored = self._driver.restore(order.server_id)
        failpoints.hit("compute.resume.after_restore")
        self._driver.mark(order.server_id, order.fence)  # the memory came back with the marker that it was saved with
        if not restored:
            _LOG.warning("the saved memory of server %s could not be used: started anew", order.server_id)
        work.data["restored"] = restored
        return self._power(order.server_id)
