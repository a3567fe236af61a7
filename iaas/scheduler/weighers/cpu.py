"""Spreads: the host with the most vCPUs left to promise comes first."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest
from iaas.scheduler.pipeline import HostState


class CpuWeigher:
    def weigh(self, host: HostState, request: PlacementRequest) -> float:
        return float(host.free_vcpus)


PLUGIN = CpuWeigher
