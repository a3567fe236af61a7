"""Rejects hosts without a server of the group while another host has some."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest
from iaas.scheduler import groups
from iaas.scheduler.pipeline import HostState


class AffinityFilter:
    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        return groups.apart(request.group, host.group_members)


PLUGIN = AffinityFilter
