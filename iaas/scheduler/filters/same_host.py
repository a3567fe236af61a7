"""Rejects hosts that have none of the servers that the request must be with."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest
from iaas.scheduler.pipeline import HostState


class SameHostFilter:
    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        if not request.same_host or host.neighbours.intersection(request.same_host):
            return None
        return f"none of the {len(request.same_host)} servers to be with is here"


PLUGIN = SameHostFilter
