"""Subnet rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.network import networks as networks_db
from iaas.db.network import tags
from iaas.db.network.listing import Query, Where, page
from iaas.db.schema.network import ip_allocations, networks, ports, subnets
from iaas.errors import NotFound
from iaas.ids import new_uuid
from iaas.model.port import DHCP_OWNER
from iaas.model.subnet import Subnet

FIELDS: dict[str, sa.Column[Any]] = {
    "id": subnets.c.id,
    "name": subnets.c.name,
    "project_id": subnets.c.project_id,
    "tenant_id": subnets.c.project_id,
    "description": subnets.c.description,
    "network_id": subnets.c.network_id,
    "ip_version": subnets.c.ip_version,
    "cidr": subnets.c.cidr,
    "gateway_ip": subnets.c.gateway_ip,
    "enable_dhcp": subnets.c.enable_dhcp,
    "ipv6_ra_mode": subnets.c.ipv6_ra_mode,
    "ipv6_address_mode": subnets.c.ipv6_address_mode,
    "revision_number": subnets.c.revision,
    "created_at": subnets.c.created_at,
    "updated_at": subnets.c.updated_at,
}
_PLAIN = [item.name for item in fields(Subnet) if item.name in subnets.c]
_PAIRS = ("pools", "host_routes")


def visible(context: Context) -> Where:
    """The caller's own, and those of the networks that the caller may see."""
    if context.is_admin:
        return sa.true()
    own = subnets.c.project_id == context.owner if context.owner else sa.false()
    seen = sa.select(networks.c.id).where(networks_db.visible(context))
    return sa.or_(own, subnets.c.network_id.in_(seen))


def insert(tx: Tx, values: Mapping[str, Any]) -> str:
    now, id = tx.now(), new_uuid()
    tx.insert(subnets, {**values, "id": id, "revision": 1, "created_at": now, "updated_at": now})
    return id


def get(tx: Tx, id: str, context: Context | None = None) -> Subnet:
    """The subnet, if the caller may see it (None: anybody's). Raises NotFound."""
    condition = visible(context) if context else sa.true()
    row = tx.first(sa.select(subnets).where(subnets.c.id == id, condition))
    if row is None:
        raise NotFound(f"Subnet {id} could not be found.", resource="subnet", id=id, code="SubnetNotFound")
    return values_of(tx, [row])[0]


def listed(tx: Tx, context: Context, query: Query) -> tuple[list[Subnet], bool]:
    rows, more = page(tx, subnets, FIELDS, query, visible(context))
    return values_of(tx, rows), more


def of_network(tx: Tx, network_id: str) -> list[Subnet]:
    """Oldest first."""
    return of_networks(tx, [network_id])


def of_networks(tx: Tx, network_ids: Iterable[str]) -> list[Subnet]:
    wanted = subnets.c.network_id.in_(sorted(set(network_ids)))
    rows = tx.all(sa.select(subnets).where(wanted).order_by(subnets.c.created_at, subnets.c.id))
    return [value(row) for row in rows]


def update(tx: Tx, id: str, values: Mapping[str, Any]) -> None:
    changed = {**values, "revision": subnets.c.revision + 1, "updated_at": tx.now()}
    if not tx.update(subnets, subnets.c.id == id, changed):
        raise NotFound(f"Subnet {id} could not be found.", resource="subnet", id=id, code="SubnetNotFound")


def in_use(tx: Tx, id: str) -> bool:
    """Whether a port other than the DHCP server's has an address of it."""
    query = sa.select(ports.c.id).join_from(ip_allocations, ports).where(ip_allocations.c.subnet_id == id)
    return tx.scalar(query.where(ports.c.device_owner != DHCP_OWNER).limit(1)) is not None


def delete(tx: Tx, ids: Sequence[str]) -> int:
    """Deletes the rows; an address that is still taken makes the database refuse (Conflict)."""
    if not ids:
        return 0
    tags.remove_all(tx, ids)
    return tx.delete(subnets, subnets.c.id.in_(ids))


def values_of(tx: Tx, rows: Sequence[sa.Row[Any]]) -> list[Subnet]:
    tagged = tags.of(tx, [row.id for row in rows])
    return [value(row, tagged.get(row.id, ())) for row in rows]


def value(row: sa.Row[Any], tagged: tuple[str, ...] = ()) -> Subnet:
    columns = {name: row._mapping[name] for name in _PLAIN}
    for name in _PAIRS:
        columns[name] = tuple((first, second) for first, second in columns[name])
    columns["dns_nameservers"] = tuple(columns["dns_nameservers"])
    return Subnet(**columns, tags=tagged)
