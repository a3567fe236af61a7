"""Reads the hosts as the pipeline wants them: a few queries, whatever their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from iaas.config.sections import Scheduler as Options
from iaas.db import services
from iaas.db.compute import aggregates, nodes, server_groups
from iaas.db.engine import Tx
from iaas.errors import NotFound
from iaas.model.aggregate import ZONE, ratio
from iaas.model.node import LATELY, Capacity, Node
from iaas.model.placement import Group, PlacementRequest
from iaas.model.service import Service
from iaas.scheduler.pipeline import HostState


def capacity(node: Node, metadata: Sequence[Mapping[str, str]], options: Options) -> Capacity:
    """What may be promised of the node: what it has, times the overcommit ratios of its aggregates or our own."""
    return Capacity(
        vcpus=int(node.vcpus * ratio("cpu", metadata, options.cpu_ratio)),
        ram_mb=int(node.ram_mb * ratio("ram", metadata, options.ram_ratio)),
        disk_gb=int(node.disk_gb * ratio("disk", metadata, options.disk_ratio)),
    )


def read(
    tx: Tx, options: Options, request: PlacementRequest, only: Sequence[str] | None = None
) -> tuple[list[HostState], PlacementRequest]:
    """The hosts (all, or ``only`` these) with what they are to this request, and the request with its group."""
    judged, now = services.judgement_time(tx), tx.now()
    daemons = {service.host: service for service in services.all_of(tx, "iaas-compute")}
    metadata = aggregates.metadata_of_hosts(tx)
    request, members = with_group(tx, request)
    neighbours = _neighbours(tx, request)
    states = []
    for node in nodes.all_nodes(tx, only):
        service, mine = daemons.get(node.host), metadata.get(node.host, ())
        takes = service is not None and service.takes_work(judged)
        state = HostState(
            node=node,
            capacity=capacity(node, mine, options),
            zone=next((item[ZONE] for item in mine if ZONE in item), options.default_availability_zone),
            takes_work=takes,
            why_not=None if takes else _why_not(service),
            aggregates=mine,
            group_members=members.get(node.host, 0),
            neighbours=neighbours.get(node.host, frozenset()),
            failed_builds=_failed(node, now),
        )
        states.append(state)
    return states, request


def with_group(tx: Tx, request: PlacementRequest) -> tuple[PlacementRequest, dict[str, int]]:
    """The request with its group as it is now, and how many other servers of it each host has."""
    if request.group_id is None:
        return request, {}
    try:
        group = server_groups.get(tx, request.group_id)
    except NotFound:  # deleted meanwhile: its rule ended with it
        return replace(request, group=None), {}
    members = server_groups.hosts(tx, request.group_id, request.server_id)
    found = Group(policy=group.policy, max_per_host=group.max_per_host, members=sum(members.values()))
    return replace(request, group=found), members


def _neighbours(tx: Tx, request: PlacementRequest) -> dict[str, frozenset[str]]:
    """Host -> which of the project's servers that the hints name are there."""
    named = (*request.different_host, *request.same_host)
    return nodes.residents(tx, request.project_id, named) if named else {}


def _failed(node: Node, now: datetime) -> int:
    return node.failed_builds if node.failed_at and now - node.failed_at < LATELY else 0


def _why_not(service: Service | None) -> str:
    """Without the operator's words on why it is disabled: users read this."""
    if service is None:
        return "it has no compute service"
    if service.disabled:
        return "its compute service is disabled"
    if service.forced_down:
        return "its compute service is forced down"
    return f"its compute service was last heard of at {service.last_seen:%H:%M:%S}"
