"""A daemon as the platform sees it: who it is and when it last gave a sign of life."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

SUSPECT = timedelta(seconds=6)  # no new work
DEAD = timedelta(seconds=10)  # shown as down (C-11)
# What an iaas-network agent may do on its host, as its heartbeat tells.
L2, DHCP, L3, METADATA = AGENT_ROLES = ("l2", "dhcp", "l3", "metadata")


@dataclass(frozen=True, kw_only=True)
class Service:
    id: str
    binary: str
    host: str
    boot_id: str
    pid: int
    rss_kb: int
    disabled: bool
    disabled_reason: str | None
    forced_down: bool
    address: str
    roles: tuple[str, ...]
    started_at: datetime
    last_seen: datetime

    def is_up(self, now: datetime) -> bool:
        """``now`` is database time, as ``last_seen`` is."""
        return not self.forced_down and now - self.last_seen < DEAD

    def has_role(self, role: str) -> bool:
        """One that tells no roles is of the release before there were any, and had them all."""
        return not self.roles or role in self.roles

    def takes_work(self, now: datetime) -> bool:
        return not self.disabled and not self.forced_down and now - self.last_seen < SUSPECT
