"""Namespaces of metadata definitions. A private one of another project is there for nobody else but those that
see everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.image import order
from iaas.db.schema.metadef import associations, namespaces
from iaas.errors import Conflict, Invalid, NotFound
from iaas.model.image import Viewer, Visibility
from iaas.model.images.metadef import Namespace

_COLUMNS = [namespaces.c[item.name] for item in fields(Namespace)]
SORT_KEYS: order.Keys = {
    "namespace": namespaces.c.name,
    "created_at": namespaces.c.created_at,
    "updated_at": namespaces.c.updated_at,
    "id": namespaces.c.id,
}


@dataclass(frozen=True, kw_only=True)
class Filter:
    """``resource_types``: associated with at least one of them; empty: no matter."""

    visibility: Visibility | None = None
    resource_types: Sequence[str] = ()


def get(tx: Tx, name: str, viewer: Viewer) -> Namespace:
    """Raises NotFound for a namespace that does not exist or that the viewer can't see: no difference shows."""
    row = tx.first(sa.select(*_COLUMNS).where(namespaces.c.name == name, _visible(viewer)))
    if row is None:
        raise not_found(name)
    return _value(row)


def not_found(name: str) -> NotFound:
    return NotFound(f"Metadata definition namespace {name[:80]} could not be found.", resource="namespace")


def page(
    tx: Tx, viewer: Viewer, wanted: Filter, limit: int, marker: str | None, sort: Sequence[tuple[str, str]]
) -> list[Namespace]:
    """``marker``: a namespace's name, which the viewer must see. Raises Invalid."""
    query = sa.select(*_COLUMNS).where(_visible(viewer))
    if wanted.visibility is not None:
        query = query.where(namespaces.c.visibility == wanted.visibility.value)
    if wanted.resource_types:
        a = associations.c
        among = sa.select(a.namespace_id).where(a.resource_type.in_(list(wanted.resource_types)))
        query = query.where(namespaces.c.id.in_(among))
    if marker is not None:
        keys = [SORT_KEYS[key].label(f"key_{key}") for key, _ in sort]
        last = tx.first(sa.select(*keys).where(namespaces.c.name == marker, _visible(viewer)))
        if last is None:
            raise Invalid(f"Marker {marker[:80]!r} is not a namespace.", field="marker")
        query = query.where(order.behind(SORT_KEYS, sort, list(last)))
    return [_value(row) for row in tx.all(order.ordered(query, SORT_KEYS, sort).limit(limit))]


def any_exist(tx: Tx) -> bool:
    return tx.first(sa.select(namespaces.c.id).limit(1)) is not None


def insert(tx: Tx, namespace: Namespace) -> Namespace:
    """Raises Conflict when the name is taken, whoever has it: names are the cloud's."""
    row = {column.name: getattr(namespace, column.name) for column in _COLUMNS}
    tx.insert(namespaces, {**row, "visibility": namespace.visibility.value}, conflict=_taken(namespace.name))
    return namespace


def update(tx: Tx, namespace: Namespace) -> Namespace:
    """Everything but id and the time of birth. Raises NotFound, Conflict when the new name is taken."""
    same_name = sa.select(namespaces.c.id).where(namespaces.c.name == namespace.name, namespaces.c.id != namespace.id)
    if tx.first(same_name) is not None:
        raise _taken(namespace.name)
    changed = ("name", "display_name", "description", "protected", "project_id")
    row: dict[str, Any] = {name: getattr(namespace, name) for name in changed}
    row |= {"visibility": namespace.visibility.value, "updated_at": tx.now()}
    if not tx.update(namespaces, namespaces.c.id == namespace.id, row):
        raise not_found(namespace.name)
    return get(tx, namespace.name, Viewer(project_id=None, everything=True))


def delete(tx: Tx, namespace: Namespace) -> None:
    """With all that it holds. Raises NotFound."""
    if not tx.delete(namespaces, namespaces.c.id == namespace.id):
        raise not_found(namespace.name)


def _visible(viewer: Viewer) -> sa.ColumnElement[bool]:
    if viewer.everything:
        return sa.true()
    public = namespaces.c.visibility == Visibility.PUBLIC.value
    return sa.or_(public, namespaces.c.project_id == viewer.project_id) if viewer.project_id else public


def _taken(name: str) -> Conflict:
    return Conflict(f"A metadata definition namespace with the name {name} exists already.", resource="namespace")


def _value(row: sa.Row[Any]) -> Namespace:
    found = dict(row._mapping)
    return Namespace(**{**found, "visibility": Visibility(found["visibility"])})
