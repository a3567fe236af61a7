"""Rejects hosts outside the asked availability zone."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest
from iaas.scheduler.pipeline import HostState


class ZoneFilter:
    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        wanted, zone = request.availability_zone, host.zone
        return f"it is in zone {zone}, not {wanted}" if wanted and wanted != zone else None


PLUGIN = ZoneFilter
