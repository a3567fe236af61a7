"""Types of resources, and which namespaces are meant for which. A type begins to exist with its first association."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import TryAgain, Tx
from iaas.db.schema.metadef import associations, resource_types
from iaas.errors import Conflict, NotFound, TooLarge
from iaas.model.images.metadef import Association, ResourceType

MOST = 1000  # types in the cloud, and associations of one namespace
_c = associations.c


def all_types(tx: Tx) -> list[ResourceType]:
    """By name."""
    query = sa.select(resource_types).order_by(resource_types.c.name).limit(MOST)
    return [ResourceType(**row._mapping) for row in tx.all(query)]


def of_namespaces(tx: Tx, ids: Sequence[str]) -> dict[str, list[Association]]:
    """Namespace id -> its associations by name; one query for any number of namespaces."""
    found: dict[str, list[Association]] = {id: [] for id in ids}
    query = sa.select(associations).where(_c.namespace_id.in_(list(ids))).order_by(_c.resource_type)
    for row in tx.all(query) if ids else ():
        found[row.namespace_id].append(Association(**row._mapping))
    return found


def associate(tx: Tx, namespace_id: str, name: str, prefix: str | None, target: str | None) -> Association:
    """Raises Conflict when it is there already."""
    if tx.first(_select(namespace_id, name)) is not None:
        raise Conflict(f"The namespace is associated with the resource type {name} already.", resource="association")
    now = tx.now()
    times: dict[str, Any] = {"created_at": now, "updated_at": now}
    if tx.first(sa.select(resource_types.c.name).where(resource_types.c.name == name)) is None:
        if (tx.scalar(sa.select(sa.func.count()).select_from(resource_types)) or 0) >= MOST:
            raise TooLarge(f"There are {MOST} resource types already.")
        tx.insert(resource_types, {"name": name, **times}, conflict=TryAgain("Another request made the type."))
    row = {"resource_type": name, "prefix": prefix, "properties_target": target, **times}
    tx.insert(associations, {"namespace_id": namespace_id, **row})
    return Association(namespace_id=namespace_id, **row)


def dissociate(tx: Tx, namespace_id: str, name: str) -> None:
    """Raises NotFound."""
    if not tx.delete(associations, (_c.namespace_id == namespace_id) & (_c.resource_type == name)):
        raise NotFound(f"The namespace has no association with the resource type {name[:80]}.", resource="association")


def _select(namespace_id: str, name: str) -> sa.Select[Any]:
    return sa.select(associations).where(_c.namespace_id == namespace_id, _c.resource_type == name)
