"""The networks of a project, or of all, with what is plugged into them: a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.compute import servers
from iaas.db.schema.identity import projects
from iaas.db.schema.network import floating_ips, ip_allocations, networks, ports, routers, subnets
from iaas.model.routing.topology import Box, Link, Topology

Where = sa.ColumnElement[bool]


def project_id(tx: Tx, name: str) -> str | None:
    """Of the project with this id or, if there is just one, name."""
    rows = tx.all(sa.select(projects.c.id).where((projects.c.id == name) | (projects.c.name == name)).limit(2))
    return str(rows[0].id) if len(rows) == 1 else None


def read(tx: Tx, project: str | None, limit: int) -> Topology:
    """At most ``limit`` networks and as many ports, oldest first. With a project: its own networks, and those that its
    routers and servers are on."""
    drawn: Where = sa.or_(ports.c.router_id.is_not(None), ports.c.server_id.is_not(None))
    if project is not None:
        own_routers = sa.select(routers.c.id).where(routers.c.project_id == project)
        drawn = drawn & ((ports.c.project_id == project) | ports.c.router_id.in_(own_routers))
    nets = _networks(tx, project, sa.select(ports.c.network_id).where(drawn), limit)
    total: int = tx.scalar(sa.select(sa.func.count()).select_from(ports).where(drawn))
    shown = ports.c.network_id.in_([box.id for box in nets])
    rows = tx.all(sa.select(ports).where(drawn, shown).order_by(ports.c.created_at, ports.c.id).limit(limit))
    boxes = [*nets, *_routers(tx, project, rows, limit), *_servers(tx, rows)]
    known = {box.id for box in boxes}
    links = [link for link in _links(tx, rows) if link.box in known]
    return Topology(boxes=tuple(boxes), links=tuple(links), left_out=total - len(links))


def _networks(tx: Tx, project: str | None, used: sa.Select[tuple[str]], limit: int) -> list[Box]:
    c = networks.c
    wanted = sa.true() if project is None else (c.project_id == project) | c.id.in_(used)
    rows = tx.all(sa.select(networks).where(wanted).order_by(c.external.desc(), c.created_at, c.id).limit(limit))
    cidrs: dict[str, list[str]] = defaultdict(list)
    within = subnets.c.network_id.in_([row.id for row in rows])
    for row in tx.all(sa.select(subnets.c.network_id, subnets.c.cidr).where(within).order_by(subnets.c.cidr)):
        cidrs[row.network_id].append(row.cidr)
    return [
        Box(
            id=row.id,
            kind="external" if row.external else "network",
            lines=(row.name or row.id[:8], *cidrs[row.id], _segment(row)),
        )
        for row in rows
    ]


def _segment(row: Any) -> str:
    parts = (row.kind, row.physical_network, row.segmentation_id)
    return " ".join(str(part) for part in parts if part is not None)


def _routers(tx: Tx, project: str | None, rows: Iterable[Any], limit: int) -> list[Box]:
    used = sorted({row.router_id for row in rows if row.router_id})
    wanted = routers.c.id.in_(used) if project is None else (routers.c.project_id == project) | routers.c.id.in_(used)
    found = tx.all(sa.select(routers).where(wanted).order_by(routers.c.created_at, routers.c.id).limit(limit))
    return [
        Box(id=row.id, kind="router", lines=(row.name or row.id[:8], _place(row.status, row.host))) for row in found
    ]


def _servers(tx: Tx, rows: Iterable[Any]) -> list[Box]:
    c, used = servers.c, sorted({row.server_id for row in rows if row.server_id})
    query = sa.select(c.id, c.name, c.state, c.host).where(c.id.in_(used)).order_by(c.created_at, c.id)
    return [
        Box(id=row.id, kind="server", lines=(row.name, _place(row.state.upper(), row.host))) for row in tx.all(query)
    ]


def _place(status: str, host: str | None) -> str:
    return f"{status} on {host}" if host else status


def _links(tx: Tx, rows: Iterable[Any]) -> list[Link]:
    rows = list(rows)
    ids = [row.id for row in rows]
    addresses: dict[str, list[str]] = defaultdict(list)
    same = ip_allocations.c.port_id.in_(ids)
    for row in tx.all(sa.select(ip_allocations.c.port_id, ip_allocations.c.ip).where(same)):
        addresses[row.port_id].append(row.ip)
    floating: dict[str, list[str]] = defaultdict(list)
    for row in tx.all(sa.select(floating_ips.c.port_id, floating_ips.c.ip).where(floating_ips.c.port_id.in_(ids))):
        floating[row.port_id].append(row.ip)
    return [
        Link(
            box=row.router_id or row.server_id,
            network=row.network_id,
            addresses=tuple(sorted(addresses[row.id])),
            floating=tuple(sorted(floating[row.id])),
        )
        for row in rows
    ]
