"""Reads the hosts as the pipeline wants them: two queries, whatever their number."""

from __future__ import annotations

from collections.abc import Sequence

from iaas.config.sections import Scheduler as Options
from iaas.db import services
from iaas.db.compute import aggregates, nodes
from iaas.db.engine import Tx
from iaas.model.node import Capacity, Node
from iaas.model.service import Service
from iaas.scheduler.pipeline import HostState


def capacity(node: Node, options: Options) -> Capacity:
    """What may be promised of the node: what it has, times the overcommit ratios."""
    return Capacity(
        vcpus=int(node.vcpus * options.cpu_ratio),
        ram_mb=int(node.ram_mb * options.ram_ratio),
        disk_gb=int(node.disk_gb * options.disk_ratio),
    )


def read(tx: Tx, options: Options) -> Sequence[HostState]:
    now = services.judgement_time(tx)
    daemons = {service.host: service for service in services.all_of(tx, "iaas-compute")}
    zones = aggregates.zones(tx)
    states = []
    for node in nodes.all_nodes(tx):
        service = daemons.get(node.host)
        takes = service is not None and service.takes_work(now)
        state = HostState(
            node=node,
            capacity=capacity(node, options),
            zone=zones.get(node.host, options.default_availability_zone),
            takes_work=takes,
            why_not=None if takes else _why_not(service),
        )
        states.append(state)
    return states


def _why_not(service: Service | None) -> str:
    if service is None:
        return "it has no compute service"
    if service.disabled:
        return f"its compute service is disabled ({service.disabled_reason or 'no reason given'})"
    if service.forced_down:
        return "its compute service is forced down"
    return f"its compute service was last heard of at {service.last_seen:%H:%M:%S}"
