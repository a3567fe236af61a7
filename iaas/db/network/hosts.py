"""Hosts: which serves a network's DHCP, and which must look again after a change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from iaas.db import services as services_db
from iaas.db.engine import Tx
from iaas.db.network.listing import claim
from iaas.db.schema.network import (
    network_hosts,
    networks,
    port_groups,
    ports,
    routers,
    security_group_rules,
    subnets,
)
from iaas.db.schema.operations import services
from iaas.model.network import VXLAN
from iaas.model.port import DHCP_OWNER
from iaas.model.service import DEAD, DHCP, L3, SUSPECT

AGENT = "iaas-network"
_PLACED = {DHCP: network_hosts, L3: routers}  # role -> the table whose rows are placed on hosts with it


def dhcp_host(tx: Tx, network_id: str, lock: bool = False) -> str | None:
    """Who serves the network; ``lock`` makes changes of it take turns until the end of the transaction."""
    same = network_hosts.c.network_id == network_id
    if lock:
        tx.update(network_hosts, same, {"host": network_hosts.c.host})
    found: str | None = tx.scalar(sa.select(network_hosts.c.host).where(same))
    return found


def dhcp_hosts(tx: Tx, network_ids: Iterable[str]) -> dict[str, str]:
    rows = tx.all(sa.select(network_hosts).where(network_hosts.c.network_id.in_(sorted(set(network_ids)))))
    return {row.network_id: row.host for row in rows}


def served_by(tx: Tx, host: str, limit: int = 1000) -> list[str]:
    """Networks whose DHCP server is the host's to run."""
    mine = network_hosts.c.host == host
    query = sa.select(network_hosts.c.network_id).where(mine).order_by(network_hosts.c.network_id).limit(limit)
    return [row.network_id for row in tx.all(query)]


def place(tx: Tx, network_id: str, host: str) -> bool:
    """False when the network has a host already."""
    return claim(tx, network_hosts, {"network_id": network_id, "host": host})


def move(tx: Tx, network_id: str, old: str, new: str) -> bool:
    """Compare-and-swap of the serving host."""
    where = (network_hosts.c.network_id == network_id) & (network_hosts.c.host == old)
    return bool(tx.update(network_hosts, where, {"host": new}))


def unplace(tx: Tx, network_id: str) -> None:
    tx.delete(network_hosts, network_hosts.c.network_id == network_id)


def least_loaded(tx: Tx, role: str = DHCP) -> str | None:
    """The host with the role whose agent is well and has the least to do in it; None when there is no such agent."""
    placed = _PLACED[role]
    query = (
        sa.select(services.c.host)
        .select_from(services.outerjoin(placed, placed.c.host == services.c.host))
        .where(services.c.binary == AGENT, _well(services_db.judgement_time(tx)), has_role(role))
        .group_by(services.c.host)
        .order_by(sa.func.count(placed.c.host), services.c.host)
        .limit(1)
    )
    found: str | None = tx.scalar(query)
    return found


def alive(tx: Tx, role: str) -> sa.Select[tuple[str]]:
    """Hosts with the role whose agent is not dead, forced down or unknown."""
    return sa.select(services.c.host).where(
        services.c.binary == AGENT,
        services.c.forced_down.is_(False),
        services.c.last_seen > services_db.judgement_time(tx) - DEAD,
        has_role(role),
    )


def deserted(tx: Tx, limit: int = 100) -> list[tuple[str, str]]:
    """(network, host) of networks whose serving agent is not alive."""
    rows = tx.all(sa.select(network_hosts).where(network_hosts.c.host.not_in(alive(tx, DHCP))).limit(limit))
    return [(row.network_id, row.host) for row in rows]


def routers_without_host(tx: Tx, limit: int = 100, router_id: str | None = None) -> list[str]:
    """Routers (or whether the one) with a port that run on no host that is alive."""
    c = routers.c
    homeless = (
        (c.id == router_id if router_id else sa.true())
        & c.admin_state_up
        & (c.host.is_(None) | c.host.not_in(alive(tx, L3)))
    )
    needed = sa.exists().where(ports.c.router_id == c.id)
    return [row.id for row in tx.all(sa.select(c.id).where(homeless, needed).order_by(c.id).limit(limit))]


def without_dhcp(tx: Tx, limit: int = 100) -> list[str]:
    """Networks with an address that wait for a DHCP server: there was no agent when they were made."""
    placed = sa.select(network_hosts.c.network_id)
    waiting = sa.exists().where(subnets.c.network_id == networks.c.id, subnets.c.enable_dhcp)
    rows = tx.all(sa.select(networks.c.id).where(waiting, networks.c.id.not_in(placed)).limit(limit))
    return [row.id for row in rows]


def guests_on(tx: Tx, network_id: str, host: str) -> bool:
    """Whether a port of the network other than the DHCP server's is bound to the host."""
    where = (ports.c.network_id == network_id) & (ports.c.host == host) & (ports.c.device_owner != DHCP_OWNER)
    return tx.scalar(sa.select(ports.c.id).where(where).limit(1)) is not None


def of_network(tx: Tx, network_id: str) -> set[str]:
    """Hosts with a port of the network, its DHCP server's and its routers' included."""
    hosts = _bound(tx, ports.c.network_id == network_id)
    served = dhcp_host(tx, network_id)
    return hosts | {served} if served else hosts


def over_tunnels(tx: Tx, network_ids: Iterable[str]) -> set[str]:
    """Hosts with a port of those of the networks that are tunnelled: they know each other's ports."""
    tunnelled = sa.select(networks.c.id).where(networks.c.id.in_(sorted(set(network_ids))), networks.c.kind == VXLAN)
    return _bound(tx, ports.c.network_id.in_(tunnelled))


def reached(tx: Tx, host: str, network_ids: Iterable[str]) -> set[str]:
    """Which of the networks have a port on the host."""
    there = ports.c.network_id.in_(sorted(set(network_ids))) & ((ports.c.host == host) | (ports.c.next_host == host))
    return {row.network_id for row in tx.all(sa.select(ports.c.network_id).where(there).distinct())}


def _bound(tx: Tx, where: sa.ColumnElement[bool]) -> set[str]:
    """Hosts of the ports, those included where a port is about to move."""
    rows = tx.all(sa.select(ports.c.host, ports.c.next_host).where(where).distinct())
    return {host for row in rows for host in row if host}


def of_groups(tx: Tx, group_ids: Iterable[str]) -> set[str]:
    """Hosts with a port in one of the groups."""
    return _with_ports_in(tx, sorted(set(group_ids)))


def watching(tx: Tx, group_ids: Iterable[str]) -> set[str]:
    """Hosts with a port whose rules speak of the members of one of the groups."""
    wanted = sorted(set(group_ids))
    rules = security_group_rules
    return _with_ports_in(tx, sa.select(rules.c.group_id).where(rules.c.remote_group_id.in_(wanted)))


def _with_ports_in(tx: Tx, groups: list[str] | sa.Select[tuple[str]]) -> set[str]:
    return _bound(tx, ports.c.id.in_(sa.select(port_groups.c.port_id).where(port_groups.c.group_id.in_(groups))))


def has_role(role: str) -> sa.ColumnElement[bool]:
    """Service.has_role in SQL: of a JSON list of words without quotes in them."""
    text = sa.cast(services.c.roles, sa.Text)
    return sa.or_(services.c.roles.is_(None), text.in_(("[]", "null")), text.like(f'%"{role}"%'))


def _well(now: datetime) -> sa.ColumnElement[bool]:
    """A daemon that may get new work, as Service.takes_work says it."""
    return services.c.disabled.is_(False) & services.c.forced_down.is_(False) & (services.c.last_seen > now - SUSPECT)
