"""Aggregates and the hosts in them; availability zones follow from them and are kept nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.compute import aggregate_hosts, aggregates
from iaas.errors import Conflict, NotFound
from iaas.ids import new_uuid
from iaas.model.aggregate import ZONE, Aggregate

_COLUMNS = sa.select(aggregates)


def all_of(tx: Tx) -> list[Aggregate]:
    """Every aggregate with its hosts, by id: two queries."""
    hosts: dict[int, list[str]] = {}
    for row in tx.all(sa.select(aggregate_hosts).order_by(aggregate_hosts.c.host)):
        hosts.setdefault(row.aggregate_id, []).append(row.host)
    return [_value(row, hosts.get(row.id, ())) for row in tx.all(_COLUMNS.order_by(aggregates.c.id))]


def get(tx: Tx, aggregate_id: int) -> Aggregate:
    """Raises NotFound."""
    row = tx.first(_COLUMNS.where(aggregates.c.id == aggregate_id))
    if row is None:
        raise NotFound(f"Aggregate {aggregate_id} could not be found.", resource="aggregate", id=str(aggregate_id))
    query = sa.select(aggregate_hosts.c.host).where(aggregate_hosts.c.aggregate_id == aggregate_id)
    return _value(row, [item.host for item in tx.all(query.order_by(aggregate_hosts.c.host))])


def _value(row: sa.Row[Any], hosts: Any) -> Aggregate:
    return Aggregate(**{**row._mapping, "hosts": tuple(hosts)})


def zones(tx: Tx) -> dict[str, str]:
    """The zone of every host that an aggregate puts into one; the rest are in the default zone. One query."""
    joined = sa.select(aggregate_hosts.c.host, aggregates.c.metadata).join_from(aggregate_hosts, aggregates)
    return {row.host: row.metadata[ZONE] for row in tx.all(joined) if ZONE in row.metadata}


def metadata_of_hosts(tx: Tx) -> dict[str, tuple[Mapping[str, str], ...]]:
    """The metadata of the aggregates that each host is in. One query."""
    joined = sa.select(aggregate_hosts.c.host, aggregates.c.metadata).join_from(aggregate_hosts, aggregates)
    found: dict[str, tuple[Mapping[str, str], ...]] = {}
    for row in tx.all(joined.order_by(aggregates.c.id)):
        found[row.host] = (*found.get(row.host, ()), row.metadata)
    return found


def insert(tx: Tx, name: str, metadata: Mapping[str, str]) -> Aggregate:
    """Raises Conflict when the name is taken."""
    uuid = new_uuid()
    taken = Conflict(f"Aggregate {name} already exists.")
    tx.insert(aggregates, {"uuid": uuid, "name": name, "metadata": dict(metadata), "created_at": tx.now()}, taken)
    return get(tx, int(tx.scalar(sa.select(aggregates.c.id).where(aggregates.c.uuid == uuid))))


def change(tx: Tx, aggregate_id: int, values: Mapping[str, Any]) -> Aggregate:
    """Writes name and metadata. Raises NotFound, or Conflict when the name is taken."""
    name = values.get("name")
    others = sa.select(aggregates.c.id).where(aggregates.c.name == name, aggregates.c.id != aggregate_id)
    if name is not None and tx.first(others):
        raise Conflict(f"Aggregate {name} already exists.")
    tx.update(aggregates, aggregates.c.id == aggregate_id, {**values, "updated_at": tx.now()})
    return get(tx, aggregate_id)


def lock(tx: Tx, aggregate_id: int) -> None:
    """Changes of one aggregate wait here for one another: its hosts and its zone are judged together."""
    tx.update(aggregates, aggregates.c.id == aggregate_id, {"name": aggregates.c.name})


def remove(tx: Tx, aggregate_id: int) -> None:
    tx.delete(aggregates, aggregates.c.id == aggregate_id)


def add_host(tx: Tx, aggregate: Aggregate, host: str) -> None:
    """Raises Conflict when it is already there."""
    there = Conflict(f"Aggregate {aggregate.id} already has host {host}.")
    tx.insert(aggregate_hosts, {"aggregate_id": aggregate.id, "host": host}, there)
    tx.update(aggregates, aggregates.c.id == aggregate.id, {"updated_at": tx.now()})


def remove_host(tx: Tx, aggregate: Aggregate, host: str) -> None:
    """Raises NotFound when it is not there."""
    mine = (aggregate_hosts.c.aggregate_id == aggregate.id) & (aggregate_hosts.c.host == host)
    if not tx.delete(aggregate_hosts, mine):
        raise NotFound(f"Aggregate {aggregate.id} has no host {host}.")
    tx.update(aggregates, aggregates.c.id == aggregate.id, {"updated_at": tx.now()})


def forget_host(tx: Tx, host: str) -> None:
    """A host that is removed from the platform leaves its aggregates."""
    tx.delete(aggregate_hosts, aggregate_hosts.c.host == host)
