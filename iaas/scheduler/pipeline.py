"""Filter, weigh, pick: pure functions over values. No database, no bus, no clock.

A filter says why it rejects a host, with numbers and without names of hosts: users read the reasons in "No valid
host", but not of which host they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from iaas.model.node import Capacity, Node
from iaas.model.placement import PlacementRequest

REASONS = 3  # different reasons of one filter that a user is shown
OPERATORS = 4000  # letters of the whole table that an operator is shown


@dataclass(frozen=True, kw_only=True)
class HostState:
    """A host as the filters see it. ``takes_work``: its service is up, enabled and heard of lately. ``aggregates``:
    the metadata of each that it is in. ``group_members`` and ``neighbours`` are about the request: how many servers of
    its group are here, and which of the servers that its hints name."""

    node: Node
    capacity: Capacity
    zone: str
    takes_work: bool
    why_not: str | None = None  # why it takes no work
    aggregates: tuple[Mapping[str, str], ...] = ()
    group_members: int = 0
    neighbours: frozenset[str] = frozenset()
    failed_builds: int = 0  # lately

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


Filters = Sequence[tuple[str, Filter]]
Weighers = Sequence[tuple[str, Weigher]]


@dataclass(frozen=True)
class Ranking:
    """``hosts``: those that can take it, the best first. ``rejected``: filter name -> host -> reason."""

    hosts: tuple[HostState, ...]
    rejected: dict[str, dict[str, str]]


def rank(hosts: Sequence[HostState], request: PlacementRequest, filters: Filters, weighers: Weighers) -> Ranking:
    """Every host goes through the filters in order and is counted where it falls out. The first weigher decides, the
    next ones between equals, host names at last."""
    rejected: dict[str, dict[str, str]] = {}
    left: list[HostState] = []
    for host in hosts:
        reason = next(((name, why) for name, item in filters if (why := item.rejects(host, request))), None)
        if reason is None:
            left.append(host)
        else:
            rejected.setdefault(reason[0], {})[host.node.host] = reason[1]
    left.sort(key=lambda host: (*(-weigher.weigh(host, request) for _, weigher in weighers), host.node.host))
    return Ranking(tuple(left), rejected)


def summary(rejected: Mapping[str, Mapping[str, str]], total: int) -> str:
    """What a user may know: how many hosts each filter removed, and with which numbers; not which hosts."""
    if not total:
        return "No valid host was found. There are no compute hosts."
    parts = [f"{name} removed {len(hosts)} ({_reasons(hosts)})" for name, hosts in rejected.items()]
    return f"No valid host was found. There are not enough hosts available: of {total}, {', '.join(parts)}."


def breakdown(rejected: Mapping[str, Mapping[str, str]]) -> str:
    """The same for operators, a line a filter: ``ram: host1: 512 MiB RAM wanted, 100 of 1024 free; host2: …``"""
    lines = (
        f"{name}: " + "; ".join(f"{host}: {why}" for host, why in hosts.items()) for name, hosts in rejected.items()
    )
    return "\n".join(lines)[:OPERATORS]


def _reasons(hosts: Mapping[str, str]) -> str:
    counted = Counter(hosts.values()).most_common()
    shown = "; ".join(why for why, _ in counted[:REASONS])
    return f"{shown}; and {len(counted) - REASONS} more" if len(counted) > REASONS else shown
