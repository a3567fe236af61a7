"""Endpoint of SchedulerRpc: ranks the hosts and claims the best that still fits."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from iaas import failpoints
from iaas.config.sections import Scheduler as Options
from iaas.db import operations
from iaas.db.compute import nodes
from iaas.db.engine import Database, Tx
from iaas.errors import NoValidHost
from iaas.model.node import Allocation
from iaas.model.placement import Placed, PlacementRequest
from iaas.plugins import load
from iaas.scheduler import hosts, pipeline
from iaas.scheduler.pipeline import Filter, HostState, Weigher

log = logging.getLogger(__name__)

RACES = 5  # looks at the hosts before a request gives up against faster claims


class Manager:
    def __init__(self, database: Database, options: Options) -> None:
        self.database, self.options = database, options
        self.filters: Sequence[tuple[str, Filter]] = [
            (name, load("iaas.scheduler.filters", name)()) for name in options.filters
        ]
        self.weighers: Sequence[Weigher] = [load("iaas.scheduler.weighers", name)() for name in options.weighers]

    def select(self, request: PlacementRequest) -> Placed:
        """See SchedulerRpc.select."""
        for _ in range(RACES):
            with self.database.read() as tx:
                held = _held(tx, request)
                states = hosts.read(tx, self.options)
            if held is not None:
                return held
            ranking = pipeline.rank(states, request, self._filters(request), self.weighers)
            if not ranking.hosts:
                log.info("no valid host for %s: %s", request.server_id, ranking.rejected)
                words = pipeline.summary(ranking.rejected, len(states))
                raise NoValidHost(words, rejections=ranking.rejected)
            for state in ranking.hosts:
                placed = self._claim(request, state)
                if placed is not None:
                    failpoints.hit("scheduler.after_claim")
                    log.info("server %s goes to %s", request.server_id, placed.host)
                    return replace(placed, rejected=ranking.rejected)
        raise NoValidHost("No valid host was found. Other requests were faster on every host that could take it.")

    def _filters(self, request: PlacementRequest) -> Sequence[tuple[str, Filter]]:
        return [("tried", _Tried()), ("forced", _Forced()), *self.filters]

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
            if held is None and nodes.claim(tx, wanted, state.capacity):
                return Placed(host=state.node.host, node=state.node.hypervisor_hostname)
            return held

        failpoints.hit("scheduler.before_claim")
        return self.database.run(write)


class _Tried:
    """A host that failed this very operation is not asked again."""

    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        return "it was tried and failed" if host.node.host in request.exclude else None


class _Forced:
    """An administrator named the host."""

    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        forced = request.forced_host
        return f"another host, {forced}, is forced" if forced and host.node.host != forced else None


def _held(tx: Tx, request: PlacementRequest) -> Placed | None:
    """The claim that this operation already holds: the answer to its first call was lost."""
    for claim in nodes.claims_of(tx, request.server_id):
        if claim.operation_id == request.operation_id:
            node = nodes.of_host(tx, claim.host)
            return Placed(host=claim.host, node=node.hypervisor_hostname if node else claim.host)
    return None
