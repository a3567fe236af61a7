"""The scheduler's interface: topic ``scheduler``, any worker."""

from __future__ import annotations

from iaas.model.placement import Placed, PlacementRequest
from iaas.rpc.contract import Contract, call


class SchedulerRpc(Contract):
    TOPIC = "scheduler"
    VERSIONS = (("1.0", "select"),)

    @call(seconds=15)
    def select(self, request: PlacementRequest) -> Placed:
        """Chooses a host and claims its resources for the operation; raises NoValidHost with every reason.

        Idempotent on the operation: a claim that it already holds is answered again. Raises Conflict when the
        operation is no longer live (superseded, or taken over under a newer fence).
        """
        raise NotImplementedError
