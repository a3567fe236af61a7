"""Port rows with their addresses, security groups and tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.network import tags
from iaas.db.network.listing import Query, Where, claim, page
from iaas.db.schema.network import ip_allocations, networks, port_groups, ports, subnets
from iaas.errors import Conflict, Invalid, NotFound
from iaas.ids import new_mac, new_uuid
from iaas.model.port import DHCP_OWNER, DOWN, Port
from iaas.model.wiring import FixedIp

FIELDS: dict[str, sa.Column[Any]] = {
    "id": ports.c.id,
    "name": ports.c.name,
    "project_id": ports.c.project_id,
    "tenant_id": ports.c.project_id,
    "description": ports.c.description,
    "network_id": ports.c.network_id,
    "mac_address": ports.c.mac,
    "admin_state_up": ports.c.admin_state_up,
    "status": ports.c.status,
    "device_id": ports.c.device_id,
    "device_owner": ports.c.device_owner,
    "binding:host_id": ports.c.host,
    "binding:vnic_type": ports.c.vnic_type,
    "port_security_enabled": ports.c.port_security,
    "revision_number": ports.c.revision,
    "created_at": ports.c.created_at,
    "updated_at": ports.c.updated_at,
}
_PLAIN = [item.name for item in fields(Port) if item.name in ports.c]
_MAC_TRIES = 8


def visible(context: Context) -> Where:
    """The caller's own, and all those on the caller's networks."""
    if context.is_admin:
        return sa.true()
    if not context.owner:
        return sa.false()
    own_networks = sa.select(networks.c.id).where(networks.c.project_id == context.owner)
    return sa.or_(ports.c.project_id == context.owner, ports.c.network_id.in_(own_networks))


def insert(tx: Tx, values: Mapping[str, Any], mac: str | None, mac_prefix: str) -> str:
    """Inserts a port with this MAC, or a new one; gives its id. Raises Conflict for a MAC that is in use."""
    now, id = tx.now(), new_uuid()
    row = {"profile": {}, "allowed_pairs": [], "vnic_type": "normal", **values}
    row |= {"id": id, "revision": 1, "created_at": now, "updated_at": now}
    for _ in range(1 if mac else _MAC_TRIES):
        if claim(tx, ports, {**row, "mac": mac or new_mac(mac_prefix)}):
            return id
    words = f"The mac address {mac} is in use." if mac else "No MAC address could be generated."
    raise Conflict(
        f"Unable to complete operation for network {values['network_id']}. {words}",
        code="MacAddressInUse" if mac else "MacAddressGenerationFailure",
    )


def missing(id: str) -> NotFound:
    return NotFound(f"Port {id} could not be found.", resource="port", id=id, code="PortNotFound")


def get(tx: Tx, id: str, context: Context | None = None) -> Port:
    """The port, if the caller may see it (None: anybody's). Raises NotFound."""
    condition = visible(context) if context else sa.true()
    row = tx.first(sa.select(ports).where(ports.c.id == id, condition))
    if row is None:
        raise missing(id)
    return values_of(tx, [row])[0]


def listed(tx: Tx, context: Context, query: Query) -> tuple[list[Port], bool]:
    special = {"fixed_ips": _with_fixed_ips, "security_groups": _in_groups}
    rows, more = page(tx, ports, FIELDS, query, visible(context), special)
    return values_of(tx, rows), more


def of_server(tx: Tx, server_id: str) -> list[Port]:
    """In the order of the server's interfaces."""
    query = sa.select(ports).where(ports.c.server_id == server_id).order_by(ports.c.position, ports.c.id)
    return values_of(tx, tx.all(query))


def by_ids(tx: Tx, ids: Iterable[str], context: Context | None = None) -> dict[str, Port]:
    """Those that exist and, with a context, that the caller may see."""
    condition = visible(context) if context else sa.true()
    rows = tx.all(sa.select(ports).where(ports.c.id.in_(sorted(set(ids))), condition))
    return {port.id: port for port in values_of(tx, rows)}


def dhcp_port(tx: Tx, network_id: str) -> Port | None:
    where = (ports.c.network_id == network_id) & (ports.c.device_owner == DHCP_OWNER)
    found = values_of(tx, tx.all(sa.select(ports).where(where).order_by(ports.c.created_at).limit(1)))
    return found[0] if found else None


def busy(tx: Tx, network_id: str) -> bool:
    """Whether the network has a port other than its DHCP server's."""
    where = (ports.c.network_id == network_id) & (ports.c.device_owner != DHCP_OWNER)
    return tx.scalar(sa.select(ports.c.id).where(where).limit(1)) is not None


def foreign(tx: Tx, network_id: str, project_id: str) -> bool:
    """Whether another project has a port on the network."""
    where = (ports.c.network_id == network_id) & (ports.c.project_id != project_id)
    return tx.scalar(sa.select(ports.c.id).where(where).limit(1)) is not None


def update(tx: Tx, id: str, values: Mapping[str, Any], where: Where | None = None) -> bool:
    """Changes columns and counts the revision up; False when the row is gone or ``where`` does not hold.
    Raises Conflict when another port of the network has the MAC."""
    changed = {**values, "revision": ports.c.revision + 1, "updated_at": tx.now()}
    condition = ports.c.id == id if where is None else (ports.c.id == id) & where
    return bool(tx.update(ports, condition, changed))


def move(tx: Tx, id: str, host: str) -> None:
    """The port is on that host from now on. It keeps its status if the host has wired it already (next_host)."""
    c = ports.c
    ready = (c.next_host == host) & (c.next_wired_revision == c.revision)
    values: dict[str, Any] = {"host": host, "next_host": None, "next_wired_revision": -1}
    values |= {"status": sa.case((ready, c.status), else_=DOWN)}
    values |= {"wired_revision": sa.case((ready, c.revision + 1), else_=-1)}
    values |= {"served_revision": sa.case((c.served_revision == c.revision, c.revision + 1), else_=c.served_revision)}
    update(tx, id, values)


def free(id: str) -> Where:
    """Nobody uses the port: the condition under which a server takes it."""
    return (ports.c.id == id) & ports.c.server_id.is_(None) & (ports.c.device_id == "")


def set_groups(tx: Tx, port_id: str, group_ids: Iterable[str]) -> None:
    """Replaces the port's security groups. A group that goes meanwhile makes the database refuse (Conflict)."""
    tx.delete(port_groups, port_groups.c.port_id == port_id)
    rows = [{"port_id": port_id, "group_id": group_id} for group_id in sorted(set(group_ids))]
    if rows:
        tx.execute(port_groups.insert(), rows)


def hold(tx: Tx, ids: Sequence[str]) -> None:
    """Before a delete: keeps others from putting something on the ports."""
    tx.all(sa.select(ports.c.id).where(ports.c.id.in_(ids)).order_by(ports.c.id).with_for_update())


def delete(tx: Tx, ids: Sequence[str]) -> int:
    """Deletes the ports, and with them their addresses and memberships."""
    if not ids:
        return 0
    tags.remove_all(tx, ids)
    return tx.delete(ports, ports.c.id.in_(ids))


def _with_fixed_ips(values: Sequence[str]) -> Where:
    """``ip_address=…``, ``ip_address_substr=…`` and ``subnet_id=…``; all that are given must hold."""
    names = {"ip_address": [], "subnet_id": [], "ip_address_substr": []}  # type: dict[str, list[str]]
    for value in values:
        for part in value.split(","):
            name, _, wanted = part.partition("=")
            if name not in names or not wanted:
                raise Invalid(f"{part[:64]!r} is not a fixed_ips filter.", field="fixed_ips")
            names[name].append(wanted)
    conditions: list[Where] = [ip_allocations.c.port_id == ports.c.id]
    if names["ip_address"]:
        conditions.append(ip_allocations.c.ip.in_(names["ip_address"]))
    if names["subnet_id"]:
        conditions.append(ip_allocations.c.subnet_id.in_(names["subnet_id"]))
    conditions += [ip_allocations.c.ip.contains(part, autoescape=True) for part in names["ip_address_substr"]]
    return sa.exists().where(*conditions)


def _in_groups(ids: Sequence[str]) -> Where:
    return sa.exists().where(port_groups.c.port_id == ports.c.id, port_groups.c.group_id.in_(list(ids)))


def values_of(tx: Tx, rows: Sequence[sa.Row[Any]]) -> list[Port]:
    """The values of rows: three more queries, however many rows."""
    ids = [row.id for row in rows]
    if not ids:
        return []
    addresses: dict[str, list[FixedIp]] = {}
    query = (
        sa.select(ip_allocations.c.port_id, ip_allocations.c.subnet_id, ip_allocations.c.ip)
        .join_from(ip_allocations, subnets)
        .where(ip_allocations.c.port_id.in_(ids))
        .order_by(subnets.c.ip_version, subnets.c.created_at, ip_allocations.c.ip)
    )
    for row in tx.all(query):
        addresses.setdefault(row.port_id, []).append(FixedIp(subnet_id=row.subnet_id, ip=row.ip))
    groups: dict[str, list[str]] = {}
    joined = sa.select(port_groups).where(port_groups.c.port_id.in_(ids)).order_by(port_groups.c.group_id)
    for row in tx.all(joined):
        groups.setdefault(row.port_id, []).append(row.group_id)
    tagged = tags.of(tx, ids)
    return [value(row, addresses.get(row.id, ()), groups.get(row.id, ()), tagged.get(row.id, ())) for row in rows]


def value(
    row: sa.Row[Any],
    addresses: Iterable[FixedIp] = (),
    groups: Iterable[str] = (),
    tagged: tuple[str, ...] = (),
) -> Port:
    columns = {name: row._mapping[name] for name in _PLAIN}
    columns["allowed_pairs"] = tuple((mac, address) for mac, address in columns["allowed_pairs"])
    return Port(**columns, fixed_ips=tuple(addresses), groups=tuple(groups), tags=tagged)
