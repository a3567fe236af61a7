"""Endpoint of SchedulerRpc: ranks the hosts and claims the best that still fits."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from iaas import failpoints
from iaas.config.sections import Scheduler as Options
from iaas.db import operations
from iaas.db.compute import nodes, server_groups
from iaas.db.engine import Database, Tx
from iaas.errors import NoValidHost
from iaas.model.node import Allocation
from iaas.model.placement import Placed, PlacementRequest
from iaas.scheduler import groups, hosts, pipeline, plugins
from iaas.scheduler.pipeline import HostState, Ranking

log = logging.getLogger(__name__)

RACES = 5  # looks at the hosts before a request gives up against faster claims
ALTERNATES = 3


class Manager:
    def __init__(self, database: Database, options: Options) -> None:
        self.database, self.options = database, options
        self.filters, self.weighers = plugins.filters(options), plugins.weighers(options)

    def select(self, request: PlacementRequest) -> Placed:
        """See SchedulerRpc.select."""
        if request.alternates:
            held, ranking, _ = self._look(request, request.alternates)
            if placed := held or self._take(request, ranking):
                return placed
        for _ in range(RACES):
            held, ranking, total = self._look(request)
            if placed := held or self._take(request, ranking):
                return placed
            if not ranking.hosts:
                log.info("no valid host for %s: %s", request.server_id, ranking.rejected)
                words = pipeline.summary(ranking.rejected, total)
                raise NoValidHost(words, for_operators=pipeline.breakdown(ranking.rejected))
        raise NoValidHost("No valid host was found. Other requests were faster on every host that could take it.")

    def _look(self, request: PlacementRequest, only: Sequence[str] | None = None) -> tuple[Placed | None, Ranking, int]:
        """The claim that a repetition already has, or the ranking, and of how many hosts."""
        with self.database.read() as tx:
            held = _held(tx, request)
            states, asked = hosts.read(tx, self.options, request, only)
        return held, pipeline.rank(states, asked, self.filters, self.weighers), len(states)

    def _take(self, request: PlacementRequest, ranking: Ranking) -> Placed | None:
        """A claim on the best host that still has room."""
        for number, state in enumerate(ranking.hosts, 1):
            placed = self._claim(request, state)
            if placed is not None:
                failpoints.hit("scheduler.after_claim")
                log.info("server %s goes to %s", request.server_id, placed.host)
                others = tuple(other.node.host for other in ranking.hosts[number : number + ALTERNATES])
                return replace(placed, alternates=others)
        return None

    def _claim(self, request: PlacementRequest, state: HostState) -> Placed | None:
        """The claim on this host; or the one that a repetition of the request made since we looked."""
        wanted = Allocation(
            server_id=request.server_id,
            host=state.node.host,
            operation_id=request.operation_id,
            vcpus=request.vcpus,
            ram_mb=request.ram_mb,
            disk_gb=request.disk_gb,
        )

        def write(tx: Tx) -> Placed | None:
            operations.guard(tx, request.operation_id, request.fence)  # repetitions wait here for one another
            held = _held(tx, request)
            if held is None and _group_agrees(tx, request, wanted.host) and nodes.claim(tx, wanted, state.capacity):
                return Placed(host=state.node.host, node=state.node.hypervisor_hostname)
            return held

        failpoints.hit("scheduler.before_claim")
        return self.database.run(write)


def _group_agrees(tx: Tx, request: PlacementRequest, host: str) -> bool:
    """Looks at the group again while nobody else can place a server of it: two schedulers never break its rule."""
    if request.group_id is None:
        return True
    server_groups.lock(tx, request.group_id)
    asked, members = hosts.with_group(tx, request)
    here = members.get(host, 0)
    return groups.apart(asked.group, here) is None and groups.crowded(asked.group, here) is None


def _held(tx: Tx, request: PlacementRequest) -> Placed | None:
    """The claim that this operation already holds: the answer to its first call was lost."""
    for claim in nodes.claims_of(tx, request.server_id):
        if claim.operation_id == request.operation_id:
            node = nodes.of_host(tx, claim.host)
            return Placed(host=claim.host, node=node.hypervisor_hostname if node else claim.host)
    return None
