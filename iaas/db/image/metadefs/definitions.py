"""Objects, properties and tags of namespaces: one table, because all three are a name with a document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.image import order
from iaas.db.schema.metadef import definitions
from iaas.errors import Conflict, Invalid, NotFound, TooLarge
from iaas.model.images.metadef import Definition, Kind

MOST = 500  # of a kind in one namespace
_c = definitions.c
SORT_KEYS: order.Keys = {"name": _c.name, "created_at": _c.created_at, "updated_at": _c.updated_at, "id": _c.name}


def all_of(tx: Tx, namespace_id: str) -> list[Definition]:
    """Everything in the namespace by name; bounded by MOST a kind."""
    query = sa.select(definitions).where(_c.namespace_id == namespace_id).order_by(_c.kind, _c.name)
    return [_value(row) for row in tx.all(query)]


def page(
    tx: Tx,
    namespace_id: str,
    kind: Kind,
    limit: int = MOST,
    marker: str | None = None,
    sort: Sequence[tuple[str, str]] = (("id", "asc"),),
) -> list[Definition]:
    """``marker``: a name. Raises Invalid."""
    query = sa.select(definitions).where(_of(namespace_id, kind))
    if marker is not None:
        keys = [SORT_KEYS[key].label(f"key_{key}") for key, _ in sort]
        last = tx.first(sa.select(*keys).where(_of(namespace_id, kind), _c.name == marker))
        if last is None:
            raise Invalid(f"Marker {marker[:80]!r} is not in the list.", field="marker")
        query = query.where(order.behind(SORT_KEYS, sort, list(last)))
    return [_value(row) for row in tx.all(order.ordered(query, SORT_KEYS, sort).limit(limit))]


def get(tx: Tx, namespace_id: str, kind: Kind, name: str) -> Definition:
    """Raises NotFound."""
    row = tx.first(sa.select(definitions).where(_one(namespace_id, kind, name)))
    if row is None:
        raise not_found(kind, name)
    return _value(row)


def not_found(kind: Kind, name: str) -> NotFound:
    return NotFound(f"Metadata definition {kind} {name[:80]} could not be found.", resource=kind.value)


def insert(tx: Tx, namespace_id: str, kind: Kind, items: Mapping[str, Mapping[str, Any]]) -> list[Definition]:
    """``items``: name -> body. Raises Conflict for a name that is there, TooLarge over MOST."""
    there = {row.name for row in tx.all(sa.select(_c.name).where(_of(namespace_id, kind)))}
    if again := sorted(there & set(items)):
        raise Conflict(f"A metadata definition {kind} with the name {again[0]} exists already.", resource=kind.value)
    if len(there) + len(items) > MOST:
        raise TooLarge(f"A namespace has at most {MOST} definitions of a kind, this one would have {len(items)} more.")
    now = tx.now()
    times = {"created_at": now, "updated_at": now}
    for name, body in items.items():
        row = {"namespace_id": namespace_id, "kind": kind.value, "name": name, "body": dict(body), **times}
        tx.insert(definitions, row)
    return [Definition(namespace_id=namespace_id, kind=kind, name=n, body=b, **times) for n, b in items.items()]


def update(tx: Tx, was: Definition, name: str, body: Mapping[str, Any]) -> Definition:
    """Raises NotFound, or Conflict when the new name is taken."""
    if name != was.name and tx.first(sa.select(_c.name).where(_one(was.namespace_id, was.kind, name))) is not None:
        raise Conflict(f"A metadata definition {was.kind} with the name {name} exists already.")
    values = {"name": name, "body": dict(body), "updated_at": tx.now()}
    if not tx.update(definitions, _one(was.namespace_id, was.kind, was.name), values):
        raise not_found(was.kind, was.name)
    return get(tx, was.namespace_id, was.kind, name)


def delete(tx: Tx, namespace_id: str, kind: Kind, names: Iterable[str] | None = None) -> int:
    """These, or all of the kind; answers how many."""
    where = _of(namespace_id, kind)
    return tx.delete(definitions, where if names is None else sa.and_(where, _c.name.in_(list(names))))


def _of(namespace_id: str, kind: Kind) -> sa.ColumnElement[bool]:
    return sa.and_(_c.namespace_id == namespace_id, _c.kind == kind.value)


def _one(namespace_id: str, kind: Kind, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(_of(namespace_id, kind), _c.name == name)


def _value(row: sa.Row[Any]) -> Definition:
    found = dict(row._mapping)
    return Definition(**{**found, "kind": Kind(found["kind"])})
