"""Floating IP rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.network import tags
from iaas.db.network.listing import Query, Where, mine, page
from iaas.db.schema.network import floating_ips
from iaas.errors import NotFound
from iaas.ids import new_uuid
from iaas.model.port import DOWN
from iaas.model.routing.floating_ip import FloatingIp

FIELDS: dict[str, sa.Column[Any]] = {
    "id": floating_ips.c.id,
    "project_id": floating_ips.c.project_id,
    "tenant_id": floating_ips.c.project_id,
    "description": floating_ips.c.description,
    "floating_network_id": floating_ips.c.network_id,
    "floating_ip_address": floating_ips.c.ip,
    "fixed_ip_address": floating_ips.c.fixed_ip,
    "port_id": floating_ips.c.port_id,
    "router_id": floating_ips.c.router_id,
    "status": floating_ips.c.status,
    "revision_number": floating_ips.c.revision,
    "created_at": floating_ips.c.created_at,
    "updated_at": floating_ips.c.updated_at,
}
_PLAIN = [item.name for item in fields(FloatingIp) if item.name in floating_ips.c]


def missing(id: str) -> NotFound:
    return NotFound(
        f"Floating IP {id[:64]} could not be found", resource="floatingip", id=id[:64], code="FloatingIPNotFound"
    )


def insert(tx: Tx, values: Mapping[str, Any]) -> str:
    """``values`` may hold the id."""
    now = tx.now()
    row = {"id": new_uuid(), **values}
    tx.insert(floating_ips, {**row, "status": DOWN, "revision": 1, "created_at": now, "updated_at": now})
    return str(row["id"])


def get(tx: Tx, id: str, context: Context | None = None) -> FloatingIp:
    """The floating IP, if it is the caller's (None: anybody's). Raises NotFound."""
    condition = mine(floating_ips, context) if context else sa.true()
    row = tx.first(sa.select(floating_ips).where(floating_ips.c.id == id, condition))
    if row is None:
        raise missing(id)
    return values_of(tx, [row])[0]


def listed(tx: Tx, context: Context, query: Query) -> tuple[list[FloatingIp], bool]:
    rows, more = page(tx, floating_ips, FIELDS, query, mine(floating_ips, context))
    return values_of(tx, rows), more


def of_ports(tx: Tx, port_ids: Sequence[str]) -> list[FloatingIp]:
    """Those that lead to one of the ports."""
    if not port_ids:
        return []
    return _where(tx, floating_ips.c.port_id.in_(port_ids))


def of_router(tx: Tx, router_id: str) -> list[FloatingIp]:
    return _where(tx, floating_ips.c.router_id == router_id)


def made_for(tx: Tx, server_id: str) -> list[FloatingIp]:
    """Those that the server got by itself, wherever they lead now."""
    return _where(tx, floating_ips.c.made_for == server_id)


def to_address(tx: Tx, port_id: str, fixed_ip: str) -> FloatingIp | None:
    """The one that leads to this address."""
    found = _where(tx, (floating_ips.c.port_id == port_id) & (floating_ips.c.fixed_ip == fixed_ip))
    return found[0] if found else None


def update(tx: Tx, id: str, values: Mapping[str, Any]) -> None:
    """Changes columns and counts the revision up. Raises NotFound."""
    changed = {**values, "revision": floating_ips.c.revision + 1, "updated_at": tx.now()}
    if not tx.update(floating_ips, floating_ips.c.id == id, changed):
        raise missing(id)


def delete(tx: Tx, id: str) -> bool:
    tags.remove_all(tx, [id])
    return bool(tx.delete(floating_ips, floating_ips.c.id == id))


def _where(tx: Tx, where: Where) -> list[FloatingIp]:
    return values_of(tx, tx.all(sa.select(floating_ips).where(where).order_by(floating_ips.c.id)))


def values_of(tx: Tx, rows: Sequence[sa.Row[Any]]) -> list[FloatingIp]:
    tagged = tags.of(tx, [row.id for row in rows])
    return [FloatingIp(**{name: row._mapping[name] for name in _PLAIN}, tags=tagged.get(row.id, ())) for row in rows]
