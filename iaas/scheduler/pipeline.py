"""Filter, weigh, pick: pure functions over values. No database, no bus, no clock.

A filter says why it rejects a host, with numbers; the reasons travel to the user in "No valid host".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from iaas.model.node import Capacity, Node
from iaas.model.placement import PlacementRequest


@dataclass(frozen=True, kw_only=True)
class HostState:
    """A host as the filters see it. ``takes_work``: its service is up, enabled and heard of lately."""

    node: Node
    capacity: Capacity
    zone: str
    takes_work: bool
    why_not: str | None = None  # why it takes no work

    @property
    def free_ram_mb(self) -> int:
        return self.capacity.ram_mb - self.node.ram_mb_used

    @property
    def free_vcpus(self) -> int:
        return self.capacity.vcpus - self.node.vcpus_used

    @property
    def free_disk_gb(self) -> int:
        return self.capacity.disk_gb - self.node.disk_gb_used


class Filter(Protocol):
    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        """Why the host can't take the server, in words and numbers; None when it can. No I/O."""


class Weigher(Protocol):
    def weigh(self, host: HostState, request: PlacementRequest) -> float:
        """More is better. No I/O."""


@dataclass(frozen=True)
class Ranking:
    """``hosts``: those that can take it, the best first. ``rejected``: filter name -> host -> reason."""

    hosts: tuple[HostState, ...]
    rejected: dict[str, dict[str, str]]


def rank(
    hosts: Sequence[HostState],
    request: PlacementRequest,
    filters: Sequence[tuple[str, Filter]],
    weighers: Sequence[Weigher],
) -> Ranking:
    """Every host goes through the filters in order and is counted where it falls out; ties go by host name."""
    rejected: dict[str, dict[str, str]] = {}
    left: list[HostState] = []
    for host in hosts:
        reason = next(((name, why) for name, item in filters if (why := item.rejects(host, request))), None)
        if reason is None:
            left.append(host)
        else:
            rejected.setdefault(reason[0], {})[host.node.host] = reason[1]
    left.sort(key=lambda host: (*(-weigher.weigh(host, request) for weigher in weighers), host.node.host))
    return Ranking(tuple(left), rejected)


def summary(rejected: dict[str, dict[str, str]], total: int) -> str:
    """What a user may know: how many hosts each filter removed; names and numbers are for administrators."""
    if not total:
        return "No valid host was found. There are no compute hosts."
    parts = [f"{name} removed {len(hosts)}" for name, hosts in rejected.items()]
    return f"No valid host was found. There are not enough hosts available: of {total}, {', '.join(parts)}."
