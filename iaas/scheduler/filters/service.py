"""Rejects hosts whose compute service is down, disabled or silent."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest
from iaas.scheduler.pipeline import HostState


class ServiceFilter:
    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        return None if host.takes_work else host.why_not or "it takes no work"


PLUGIN = ServiceFilter
