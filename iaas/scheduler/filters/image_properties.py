"""Rejects hosts that can't run the image: another architecture, hypervisor, version of it, or machine mode."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest, misfit
from iaas.scheduler.pipeline import HostState


class ImagePropertiesFilter:
    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        return misfit(request.image_properties, host.node)


PLUGIN = ImagePropertiesFilter
