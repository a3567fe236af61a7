"""A server group: a policy on which hosts the servers that are created in it may share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

AFFINITY, ANTI_AFFINITY = "affinity", "anti-affinity"
SOFT_AFFINITY, SOFT_ANTI_AFFINITY = "soft-affinity", "soft-anti-affinity"
POLICIES = (AFFINITY, ANTI_AFFINITY, SOFT_AFFINITY, SOFT_ANTI_AFFINITY)


@dataclass(frozen=True, kw_only=True)
class ServerGroup:
    """``rules``: max_server_per_host, of anti-affinity only. ``members``: ids of the live servers in it."""

    id: str
    project_id: str
    user_id: str
    name: str
    policy: str
    rules: dict[str, int]
    created_at: datetime
    members: tuple[str, ...] = field(default=())

    @property
    def max_per_host(self) -> int:
        return int(self.rules.get("max_server_per_host", 1))
