"""Router rows with their gateways, and the ports and subnets behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.network import ports as ports_db
from iaas.db.network import subnets as subnets_db
from iaas.db.network import tags
from iaas.db.network.listing import Query, mine, page
from iaas.db.schema.network import ip_allocations, ports, routers, subnets
from iaas.errors import NotFound
from iaas.ids import new_uuid
from iaas.model.port import INTERFACE_OWNER, Port
from iaas.model.routing.router import Gateway, Router
from iaas.model.subnet import Subnet

FIELDS: dict[str, sa.Column[Any]] = {
    "id": routers.c.id,
    "name": routers.c.name,
    "project_id": routers.c.project_id,
    "tenant_id": routers.c.project_id,
    "description": routers.c.description,
    "admin_state_up": routers.c.admin_state_up,
    "status": routers.c.status,
    "enable_snat": routers.c.enable_snat,
    "revision_number": routers.c.revision,
    "created_at": routers.c.created_at,
    "updated_at": routers.c.updated_at,
}
_PLAIN = [item.name for item in fields(Router) if item.name in routers.c]


def missing(id: str) -> NotFound:
    return NotFound(f"Router {id[:64]} could not be found", resource="router", id=id[:64], code="RouterNotFound")


def insert(tx: Tx, values: Mapping[str, Any]) -> str:
    now, id = tx.now(), new_uuid()
    tx.insert(routers, {"routes": [], **values, "id": id, "revision": 1, "created_at": now, "updated_at": now})
    return id


def get(tx: Tx, id: str, context: Context | None = None) -> Router:
    """The router, if it is the caller's (None: anybody's). Raises NotFound."""
    condition = mine(routers, context) if context else sa.true()
    row = tx.first(sa.select(routers).where(routers.c.id == id, condition))
    if row is None:
        raise missing(id)
    return values_of(tx, [row])[0]


def listed(tx: Tx, context: Context, query: Query) -> tuple[list[Router], bool]:
    rows, more = page(tx, routers, FIELDS, query, mine(routers, context))
    return values_of(tx, rows), more


def on_host(tx: Tx, host: str, limit: int = 1000) -> list[Router]:
    rows = tx.all(sa.select(routers).where(routers.c.host == host).order_by(routers.c.id).limit(limit))
    return values_of(tx, rows)


def hold(tx: Tx, id: str) -> None:
    """Makes changes of one router take turns until the end of the transaction. Raises NotFound."""
    if tx.scalar(sa.select(routers.c.id).where(routers.c.id == id).with_for_update()) is None:
        raise missing(id)


def update(tx: Tx, id: str, values: Mapping[str, Any]) -> None:
    """Changes columns and counts the revision up. Raises NotFound."""
    changed = {**values, "revision": routers.c.revision + 1, "updated_at": tx.now()}
    if not tx.update(routers, routers.c.id == id, changed):
        raise missing(id)


def delete(tx: Tx, id: str) -> bool:
    """Deletes the row; a floating IP that goes through it makes the database refuse (Conflict)."""
    tags.remove_all(tx, [id])
    return bool(tx.delete(routers, routers.c.id == id))


def ports_of(tx: Tx, router_id: str) -> list[Port]:
    """Its interfaces and its gateway, oldest first."""
    query = sa.select(ports).where(ports.c.router_id == router_id).order_by(ports.c.created_at, ports.c.id)
    return ports_db.values_of(tx, tx.all(query))


def subnets_of(tx: Tx, router_id: str) -> list[tuple[str, Subnet]]:
    """(port, subnet) of every address that the router has, its gateway's included."""
    query = (
        sa.select(ip_allocations.c.port_id, subnets)
        .select_from(ports.join(ip_allocations).join(subnets, subnets.c.id == ip_allocations.c.subnet_id))
        .where(ports.c.router_id == router_id)
        .order_by(ports.c.created_at, ip_allocations.c.ip)
    )
    return [(row.port_id, subnets_db.value(row)) for row in tx.all(query)]


def reaching(tx: Tx, network_id: str, subnet_id: str) -> list[str]:
    """Routers with a gateway on the (external) network and an interface on the subnet; the one that has the subnet's
    gateway address first."""
    gateway, inside = ports.alias("gateway"), ports.alias("inside")
    preferred = sa.case((ip_allocations.c.ip == subnets.c.gateway_ip, 0), else_=1)
    query = (
        sa.select(routers.c.id)
        .select_from(
            routers.join(gateway, gateway.c.id == routers.c.gateway_port_id)
            .join(inside, (inside.c.router_id == routers.c.id) & (inside.c.device_owner == INTERFACE_OWNER))
            .join(ip_allocations, ip_allocations.c.port_id == inside.c.id)
            .join(subnets, subnets.c.id == ip_allocations.c.subnet_id)
        )
        .where(gateway.c.network_id == network_id, subnets.c.id == subnet_id)
        .order_by(preferred, routers.c.id)
        .limit(10)
    )
    return [row.id for row in tx.all(query)]


def external_of(tx: Tx, subnet_id: str) -> str | None:
    """The external network to which a router leads from the subnet; of several the first."""
    gateway, inside = ports.alias("gateway"), ports.alias("inside")
    query = (
        sa.select(gateway.c.network_id)
        .select_from(
            routers.join(gateway, gateway.c.id == routers.c.gateway_port_id)
            .join(inside, (inside.c.router_id == routers.c.id) & (inside.c.device_owner == INTERFACE_OWNER))
            .join(ip_allocations, ip_allocations.c.port_id == inside.c.id)
        )
        .where(ip_allocations.c.subnet_id == subnet_id)
        .order_by(gateway.c.network_id)
        .limit(1)
    )
    found: str | None = tx.scalar(query)
    return found


def gateway_on(tx: Tx, network_id: str) -> bool:
    """Whether a router has its gateway on the network."""
    query = sa.select(routers.c.id).join_from(routers, ports, ports.c.id == routers.c.gateway_port_id)
    return tx.scalar(query.where(ports.c.network_id == network_id).limit(1)) is not None


def holder(tx: Tx, subnet_id: str, ip: str | None) -> str | None:
    """The router's port that has this address of the subnet."""
    query = sa.select(ports.c.id).join_from(ip_allocations, ports).where(ports.c.router_id.is_not(None))
    found: str | None = tx.scalar(query.where(ip_allocations.c.subnet_id == subnet_id, ip_allocations.c.ip == ip))
    return found


def values_of(tx: Tx, rows: Sequence[sa.Row[Any]]) -> list[Router]:
    """The values of rows, with gateways and tags: three more queries, however many rows."""
    gateways = _gateways(tx, [row.gateway_port_id for row in rows if row.gateway_port_id])
    tagged = tags.of(tx, [row.id for row in rows])
    return [
        Router(
            **{name: row._mapping[name] for name in _PLAIN if name != "routes"},
            routes=tuple((destination, hop) for destination, hop in row.routes),
            gateway=gateways.get(row.gateway_port_id),
            tags=tagged.get(row.id, ()),
        )
        for row in rows
    ]


def _gateways(tx: Tx, port_ids: Iterable[str]) -> dict[str, Gateway]:
    found = ports_db.by_ids(tx, port_ids)
    return {id: Gateway(port_id=id, network_id=port.network_id, fixed_ips=port.fixed_ips) for id, port in found.items()}
