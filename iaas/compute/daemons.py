"""The daemons of the platform as the compute API lists them, and taking compute hosts out of service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from iaas.compute.service import Compute
from iaas.db import services
from iaas.db.compute import aggregates, nodes, servers
from iaas.db.engine import Tx
from iaas.errors import Conflict, NotFound
from iaas.model.node import Node
from iaas.model.service import Service

OURS, THEIRS = "iaas-", "nova-"
COMPUTE = "iaas-compute"
ELSEWHERE = ("iaas-identity", "iaas-image")  # no nova- daemon ever was one of these


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """``zone``: a compute host's availability zone, "internal" for the rest."""

    service: Service
    zone: str
    up: bool


@dataclass(frozen=True, kw_only=True)
class Hypervisor:
    """A compute host; ``service`` is None when its daemon's row was removed."""

    node: Node
    service: Service | None
    up: bool
    servers: tuple[tuple[str, str], ...] = ()  # (id, name)


def published(binary: str) -> str:
    """The name under which existing tools look for a daemon: nova-compute for iaas-compute."""
    return THEIRS + binary.removeprefix(OURS)


def ours(binary: str) -> str:
    return OURS + binary.removeprefix(THEIRS).removeprefix(OURS)


def all_of(compute: Compute, binary: str | None = None, host: str | None = None) -> list[Daemon]:
    with compute.database.read() as tx:
        found = [
            item for item in services.all_of(tx, ours(binary) if binary else None, host) if item.binary not in ELSEWHERE
        ]
        now = judged(tx)
        zones = aggregates.zones(tx)
    return [_daemon(compute, item, zones, now) for item in found]


def judged(tx: Tx) -> datetime:
    """The time that signs of life are measured against: while the control plane itself was away nobody
    is judged.
    """
    return services.judgement_time(tx)


def change(compute: Compute, service_id: str, values: Mapping[str, Any]) -> Daemon:
    """Sets disabled, disabled_reason, forced_down. Raises NotFound."""

    def write(tx: Tx) -> Daemon:
        item = services.change(tx, service_id, dict(values))
        zones = aggregates.zones(tx)
        return _daemon(compute, item, zones, judged(tx))

    return compute.database.run(write)


def find(compute: Compute, binary: str, host: str) -> Service:
    """Raises NotFound."""
    with compute.database.read() as tx:
        item = services.find(tx, ours(binary), host)
    if item is None:
        raise NotFound(f"Could not find binary {binary} on host {host}.")
    return item


def remove(compute: Compute, service_id: str) -> None:
    """Forgets a daemon, and with iaas-compute its host. Raises NotFound, Conflict while servers are there."""

    def write(tx: Tx) -> None:
        item = next((known for known in services.all_of(tx) if known.id == service_id), None)
        if item is None:
            raise NotFound(f"Service {service_id} could not be found.")
        if item.binary == COMPUTE:
            if servers.inhabited(tx, [item.host]):
                raise Conflict("Unable to delete compute service that is hosting instances.")
            nodes.forget(tx, item.host)
            aggregates.forget_host(tx, item.host)
        services.remove(tx, service_id)

    compute.database.run(write)


def hypervisors(compute: Compute, with_servers: bool = False) -> list[Hypervisor]:
    """By host name."""
    with compute.database.read() as tx:
        found, now = nodes.all_nodes(tx), judged(tx)
        known = {item.host: item for item in services.all_of(tx, COMPUTE)}
        guests = servers.names_by_host(tx) if with_servers else {}
    return [
        Hypervisor(
            node=node,
            service=known.get(node.host),
            up=node.host in known and known[node.host].is_up(now),
            servers=tuple(guests.get(node.host, ())),
        )
        for node in found
    ]


def _daemon(compute: Compute, item: Service, zones: Mapping[str, str], now: datetime) -> Daemon:
    zone = zones.get(item.host, compute.default_zone) if item.binary == COMPUTE else "internal"
    return Daemon(service=item, zone=zone, up=item.is_up(now))
