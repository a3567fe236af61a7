"""Prefers hosts on which no build has failed in the last minutes."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest
from iaas.scheduler.pipeline import HostState


class FailedBuildsWeigher:
    def weigh(self, host: HostState, request: PlacementRequest) -> float:
        return -float(host.failed_builds)


PLUGIN = FailedBuildsWeigher
