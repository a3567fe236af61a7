"""Rejects hosts without enough disk left to promise."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest
from iaas.scheduler.pipeline import HostState


class DiskFilter:
    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        if request.disk_gb <= host.free_disk_gb:
            return None
        return f"{request.disk_gb} GiB disk wanted, {host.free_disk_gb} of {host.capacity.disk_gb} free"


PLUGIN = DiskFilter
