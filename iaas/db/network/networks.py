"""Network rows: who sees them, and their numbers that exist once (segment, conntrack zone)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from ipaddress import ip_address
from typing import Any

import sqlalchemy as sa

from iaas.context import Context
from iaas.db.engine import TryAgain, Tx
from iaas.db.network import segments, tags
from iaas.db.network.listing import Query, Where, claim, page
from iaas.db.schema.network import ip_allocations, networks, subnets
from iaas.errors import Conflict, NotFound
from iaas.ids import new_uuid
from iaas.model.network import Network, NetworkAvailability, Segment

FIELDS: dict[str, sa.Column[Any]] = {
    "id": networks.c.id,
    "name": networks.c.name,
    "project_id": networks.c.project_id,
    "tenant_id": networks.c.project_id,
    "description": networks.c.description,
    "admin_state_up": networks.c.admin_state_up,
    "shared": networks.c.shared,
    "router:external": networks.c.external,
    "is_default": networks.c.is_default,
    "port_security_enabled": networks.c.port_security,
    "provider:network_type": networks.c.kind,
    "provider:physical_network": networks.c.physical_network,
    "provider:segmentation_id": networks.c.segmentation_id,
    "mtu": networks.c.mtu,
    "revision_number": networks.c.revision,
    "created_at": networks.c.created_at,
    "updated_at": networks.c.updated_at,
}
_PLAIN = [item.name for item in fields(Network) if item.name in networks.c]
ZONES = 65535
_TRIES = 16


def visible(context: Context) -> Where:
    """The caller's own, the shared and the external networks; all of them for an administrator."""
    if context.is_admin:
        return sa.true()
    own = networks.c.project_id == context.owner if context.owner else sa.false()
    return sa.or_(own, networks.c.shared, networks.c.external)


def usable(context: Context) -> Where:
    """The caller's own and the shared ones: where a server may be plugged in without naming the network."""
    own = networks.c.project_id == context.owner if context.owner else sa.false()
    return sa.or_(own, networks.c.shared) & networks.c.admin_state_up


def insert(tx: Tx, values: Mapping[str, Any], segment: Segment) -> str | None:
    """Inserts a network under a conntrack zone and a segment that are free, and gives its id; None when the segment's
    range is exhausted. Raises Conflict when another network has the segment that was named."""
    now, id = tx.now(), new_uuid()
    row = {**values, "id": id, "revision": 1, "created_at": now, "updated_at": now}
    for _ in range(_TRIES):
        number = segments.free(tx, segment) if segment.ranged else segment.number
        if number is None and segment.ranged:
            return None
        name = segment.name(number)
        if number == segment.number and segments.used(tx, name):
            raise segments.taken(segment, number)
        row |= {"segmentation_id": number, "segment": name}
        if claim(tx, networks, {**row, "zone": 1 + secrets.randbelow(ZONES)}):
            return id
    return _insert_in_gap(tx, row)


def _insert_in_gap(tx: Tx, row: Mapping[str, Any]) -> str:
    """When nearly every zone is taken: the first free one."""
    other = networks.alias()
    gap = sa.select(sa.func.min(networks.c.zone) + 1).where(
        networks.c.zone < ZONES, ~sa.exists().where(other.c.zone == networks.c.zone + 1)
    )
    zone = 1 if not tx.scalar(sa.select(networks.c.id).where(networks.c.zone == 1)) else tx.scalar(gap)
    if zone is None:
        raise Conflict("Unable to create the network. No conntrack zone is left.", code="NoNetworkAvailable")
    if not claim(tx, networks, {**row, "zone": zone}):
        raise TryAgain("Another request took the zone or the segment.")
    return str(row["id"])


def missing(id: str) -> NotFound:
    return NotFound(f"Network {id[:64]} could not be found.", resource="network", id=id[:64], code="NetworkNotFound")


def get(tx: Tx, id: str, context: Context | None = None) -> Network:
    """The network, if the caller may see it (None: anybody's). Raises NotFound."""
    condition = visible(context) if context else sa.true()
    row = tx.first(sa.select(networks).where(networks.c.id == id, condition))
    if row is None:
        raise missing(id)
    return values_of(tx, [row])[0]


def listed(tx: Tx, context: Context, query: Query) -> tuple[list[Network], bool]:
    rows, more = page(tx, networks, FIELDS, query, visible(context), {"subnets": _with_subnet})
    return values_of(tx, rows), more


def usable_by(tx: Tx, context: Context, limit: int = 100) -> tuple[Network, ...]:
    """Own and shared networks that have a subnet, oldest first."""
    with_subnet = sa.exists().where(subnets.c.network_id == networks.c.id)
    query = sa.select(networks).where(usable(context), with_subnet).order_by(networks.c.created_at, networks.c.id)
    return tuple(values_of(tx, tx.all(query.limit(limit))))


def default_external(tx: Tx) -> str | None:
    """The one external network to which automatic networks lead."""
    found: str | None = tx.scalar(sa.select(networks.c.id).where(networks.c.is_default))
    return found


def by_ids(tx: Tx, ids: Iterable[str], context: Context | None = None) -> dict[str, Network]:
    """Those that exist and, with a context, that the caller may see."""
    condition = visible(context) if context else sa.true()
    rows = tx.all(sa.select(networks).where(networks.c.id.in_(sorted(set(ids))), condition))
    return {network.id: network for network in values_of(tx, rows)}


def update(tx: Tx, id: str, values: Mapping[str, Any]) -> None:
    """Changes columns and counts the revision up. Raises NotFound, or Conflict for a segment in use."""
    changed = {**values, "revision": networks.c.revision + 1, "updated_at": tx.now()}
    if not tx.update(networks, networks.c.id == id, changed):
        raise missing(id)


def lock(tx: Tx, id: str) -> None:
    """Makes changes of one network's subnets take turns until the end of the transaction. Raises NotFound."""
    update(tx, id, {})


def hold(tx: Tx, id: str) -> None:
    """Before a delete: waits for those who are just putting something on the network, and keeps others from it,
    so that nobody waits for each other. Raises NotFound."""
    if tx.scalar(sa.select(networks.c.id).where(networks.c.id == id).with_for_update()) is None:
        raise missing(id)


def delete(tx: Tx, id: str) -> bool:
    """Deletes the row; what refers to it makes the database refuse (Conflict). False when it was gone."""
    tags.remove_all(tx, [id])
    return bool(tx.delete(networks, networks.c.id == id))


def availabilities(tx: Tx, context: Context, network_id: str | None = None) -> list[NetworkAvailability]:
    """How many addresses are taken, per subnet. Raises nothing; unknown networks are absent."""
    used = sa.func.count(ip_allocations.c.ip)
    query = (
        sa.select(networks.c.id, networks.c.name, networks.c.project_id, subnets, used.label("used"))
        .select_from(networks.join(subnets).outerjoin(ip_allocations))
        .where(visible(context), networks.c.id == network_id if network_id else sa.true())
        .group_by(networks.c.id, subnets.c.id)
        .order_by(networks.c.id, subnets.c.id)
        .limit(1000)
    )
    found: dict[str, NetworkAvailability] = {}
    for row in tx.all(query):
        total = _pool_size(row._mapping[subnets.c.pools])
        line = (row._mapping[subnets.c.id], row._mapping[subnets.c.name], row.cidr, row.ip_version, total, row.used)
        key = row._mapping[networks.c.id]
        before = found[key].subnets if key in found else ()
        found[key] = NetworkAvailability(
            network_id=key,
            network_name=row._mapping[networks.c.name],
            project_id=row._mapping[networks.c.project_id],
            subnets=(*before, line),
        )
    return list(found.values())


def _pool_size(pools: Sequence[Sequence[str]]) -> int:
    return sum(int(ip_address(last)) - int(ip_address(first)) + 1 for first, last in pools)


def _with_subnet(ids: Sequence[str]) -> Where:
    return sa.exists().where(subnets.c.network_id == networks.c.id, subnets.c.id.in_(list(ids)))


def values_of(tx: Tx, rows: Sequence[sa.Row[Any]]) -> list[Network]:
    """The values of rows, with their subnets and tags: two more queries, however many rows."""
    ids = [row.id for row in rows]
    if not ids:
        return []
    members: dict[str, list[str]] = {}
    query = sa.select(subnets.c.network_id, subnets.c.id).where(subnets.c.network_id.in_(ids))
    for row in tx.all(query.order_by(subnets.c.created_at, subnets.c.id)):
        members.setdefault(row.network_id, []).append(row.id)
    tagged = tags.of(tx, ids)
    return [
        Network(
            **{name: row._mapping[name] for name in _PLAIN},
            subnet_ids=tuple(members.get(row.id, ())),
            tags=tagged.get(row.id, ()),
        )
        for row in rows
    ]
