"""Soft server groups: with soft-affinity the host with the most servers of the group, with soft-anti-affinity the
one with the fewest. Of anti-affinity with several servers a host, the one with the fewest, too."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest
from iaas.model.server_group import ANTI_AFFINITY, SOFT_AFFINITY, SOFT_ANTI_AFFINITY
from iaas.scheduler.pipeline import HostState

_SIGN = {SOFT_AFFINITY: 1.0, SOFT_ANTI_AFFINITY: -1.0, ANTI_AFFINITY: -1.0}


class SoftAffinityWeigher:
    def weigh(self, host: HostState, request: PlacementRequest) -> float:
        return _SIGN.get(request.group.policy, 0.0) * host.group_members if request.group else 0.0


PLUGIN = SoftAffinityWeigher
