"""Rejects hosts that have as many servers of the group as one host may have."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest
from iaas.scheduler import groups
from iaas.scheduler.pipeline import HostState


class AntiAffinityFilter:
    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        return groups.crowded(request.group, host.group_members)


PLUGIN = AntiAffinityFilter
