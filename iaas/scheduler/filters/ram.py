"""Rejects hosts without enough RAM left to promise."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest
from iaas.scheduler.pipeline import HostState


class RamFilter:
    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        if request.ram_mb <= host.free_ram_mb:
            return None
        return f"{request.ram_mb} MiB RAM wanted, {host.free_ram_mb} of {host.capacity.ram_mb} free"


PLUGIN = RamFilter
