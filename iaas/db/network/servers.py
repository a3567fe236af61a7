"""What the compute service asks about its servers: addresses, group names, whether all is wired. One query each.

Servers are found by ``ports.server_id``, which only the facade writes, never by the device_id of the API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.network import floating_ips, ip_allocations, networks, port_groups, ports, security_groups, subnets
from iaas.model.network import Address
from iaas.model.port import ACTIVE

# Made once: SQLAlchemy takes longer over finding out how tables join than the database over joining them.
_ADDRESSES = (
    sa.select(
        ports.c.server_id,
        ports.c.mac,
        networks.c.name,
        ip_allocations.c.ip,
        subnets.c.ip_version,
        floating_ips.c.ip.label("floating"),
    )
    .select_from(
        ports.join(networks)
        .join(ip_allocations)
        .join(subnets, subnets.c.id == ip_allocations.c.subnet_id)
        .outerjoin(
            floating_ips,
            (floating_ips.c.port_id == ports.c.id) & (floating_ips.c.fixed_ip == ip_allocations.c.ip),
        )
    )
    .order_by(ports.c.server_id, ports.c.position, subnets.c.ip_version, ip_allocations.c.ip)
)
_GROUPS = (
    sa.select(ports.c.server_id, security_groups.c.name)
    .select_from(ports.join(port_groups).join(security_groups))
    .distinct()
    .order_by(ports.c.server_id, security_groups.c.name)
)


def addresses(tx: Tx, server_ids: Sequence[str]) -> dict[str, tuple[Address, ...]]:
    """Server -> its addresses in the order of its interfaces, each with the floating one that leads to it; servers
    without one are absent."""
    query = _ADDRESSES.where(ports.c.server_id.in_(server_ids))
    found: dict[str, list[Address]] = {}
    for row in tx.all(query) if server_ids else ():
        address = Address(network_name=row.name, ip=row.ip, version=row.ip_version, mac=row.mac)
        found.setdefault(row.server_id, []).append(address)
        if row.floating:
            found[row.server_id].append(replace(address, ip=row.floating, version=4, kind="floating"))
    return {server: tuple(items) for server, items in found.items()}


def group_names(tx: Tx, server_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Server -> names of the security groups of its ports, sorted, each once."""
    query = _GROUPS.where(ports.c.server_id.in_(server_ids))
    found: dict[str, list[str]] = {}
    for row in tx.all(query) if server_ids else ():
        found.setdefault(row.server_id, []).append(row.name)
    return {server: tuple(names) for server, names in found.items()}


def group_ids(tx: Tx, server_id: str) -> list[str]:
    """The security groups of a server's ports, by name, each once."""
    query = sa.select(security_groups.c.name, security_groups.c.id).distinct()
    query = query.select_from(ports.join(port_groups).join(security_groups)).where(ports.c.server_id == server_id)
    return [row.id for row in tx.all(query.order_by(security_groups.c.name, security_groups.c.id))]


def with_address(tx: Tx, project_id: str | None, start: str, limit: int = 1000) -> tuple[str, ...]:
    """Servers with an address that begins so, at most ``limit``."""
    query = sa.select(ports.c.server_id).join_from(ip_allocations, ports).distinct().limit(limit)
    query = query.where(ip_allocations.c.ip.startswith(start, autoescape=True), ports.c.server_id.is_not(None))
    if project_id is not None:
        query = query.where(ports.c.project_id == project_id)
    return tuple(row.server_id for row in tx.all(query))


def by_address(tx: Tx, network_id: str, ip: str) -> str | None:
    """The server that has the address on that network."""
    query = sa.select(ports.c.server_id).join_from(ip_allocations, ports)
    found: str | None = tx.scalar(query.where(ip_allocations.c.ip == ip, ports.c.network_id == network_id))
    return found


def wired(tx: Tx, server_id: str) -> bool:
    """Whether every port of the server that is up is ACTIVE; a server without ports needs no wiring."""
    waiting = (ports.c.server_id == server_id) & (ports.c.status != ACTIVE) & ports.c.admin_state_up
    return tx.scalar(sa.select(ports.c.id).where(waiting).limit(1)) is None


def wired_also(tx: Tx, server_id: str, host: str) -> bool:
    """The same for the host that the server moves to; a port that is there already counts."""
    c = ports.c
    there = ((c.next_host == host) & (c.next_wired_revision == c.revision)) | ((c.host == host) & (c.status == ACTIVE))
    waiting = (c.server_id == server_id) & c.admin_state_up & (sa.case((there, 1), else_=0) == 0)
    return tx.scalar(sa.select(c.id).where(waiting).limit(1)) is None


def count_addresses(tx: Tx, project_id: str) -> int:
    """Fixed addresses of the project's servers."""
    query = sa.select(sa.func.count()).select_from(ip_allocations.join(ports))
    return int(tx.scalar(query.where(ports.c.project_id == project_id, ports.c.server_id.is_not(None))))
