"""Spreads: the host with the most free RAM comes first."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest
from iaas.scheduler.pipeline import HostState


class RamWeigher:
    def weigh(self, host: HostState, request: PlacementRequest) -> float:
        return float(host.free_ram_mb)


PLUGIN = RamWeigher
