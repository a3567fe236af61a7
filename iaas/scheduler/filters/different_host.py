"""Rejects hosts that have one of the servers that the request must not be with."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest
from iaas.scheduler.pipeline import HostState


class DifferentHostFilter:
    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        here = len(host.neighbours.intersection(request.different_host))
        return f"{here} of the {len(request.different_host)} servers to be apart from are here" if here else None


PLUGIN = DifferentHostFilter
