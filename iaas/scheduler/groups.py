"""The rules of server groups, for the filters and, once more, for the claim's transaction: there nobody can race."""

from __future__ import annotations

from iaas.model.placement import Group
from iaas.model.server_group import AFFINITY, ANTI_AFFINITY


def apart(group: Group | None, here: int) -> str | None:
    """Why a host with ``here`` servers of the group would break its affinity."""
    if group is None or group.policy != AFFINITY or not group.members or here:
        return None
    return f"servers of the group here: 0, on other hosts: {group.members}"


def crowded(group: Group | None, here: int) -> str | None:
    """Why a host with ``here`` servers of the group would break its anti-affinity."""
    if group is None or group.policy != ANTI_AFFINITY or here < group.max_per_host:
        return None
    return f"servers of the group here: {here}, allowed: {group.max_per_host}"
