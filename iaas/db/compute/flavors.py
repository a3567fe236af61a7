"""Flavors, their extra specs, and which projects see the private ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.compute import flavor_access, flavors
from iaas.errors import Conflict, Invalid, NotFound
from iaas.model.flavor import Flavor

_COLUMNS = [flavors.c[item.name] for item in fields(Flavor)]

# the compute API's name of a sort key -> column
SORT_KEYS: Mapping[str, str] = {
    "flavorid": "id", "id": "id", "name": "name", "memory_mb": "ram_mb", "root_gb": "disk_gb", "vcpus": "vcpus",
    "ephemeral_gb": "ephemeral_gb", "swap": "swap_mb", "rxtx_factor": "rxtx_factor", "is_public": "is_public",
    "disabled": "disabled", "created_at": "created_at",
}  # fmt: skip


def insert(tx: Tx, flavor: Flavor) -> None:
    """Raises Conflict when the id or the name is taken."""
    if tx.first(sa.select(flavors.c.id).where(flavors.c.name == flavor.name)):
        raise Conflict(f"Flavor with name {flavor.name} already exists.", resource="flavor")
    taken = Conflict(f"Flavor with ID {flavor.id} already exists.", resource="flavor")
    tx.insert(flavors, {**asdict(flavor), "created_at": tx.now()}, conflict=taken)


def any_exist(tx: Tx) -> bool:
    """Whether there is a flavor at all: an installation seeds only an empty table."""
    return tx.first(sa.select(flavors.c.id).limit(1)) is not None


def get(tx: Tx, flavor_id: str, project_id: str | None = None) -> Flavor:
    """The flavor if the project may see it (None: whoever). Raises NotFound."""
    query = sa.select(*_COLUMNS).where(flavors.c.id == flavor_id)
    if project_id is not None:
        query = query.where(_visible_to(project_id))
    row = tx.first(query)
    if row is None:
        raise NotFound(f"Flavor {flavor_id} could not be found.", resource="flavor", id=flavor_id)
    return Flavor(**row._mapping)


def by_name(tx: Tx, name: str) -> Flavor | None:
    row = tx.first(sa.select(*_COLUMNS).where(flavors.c.name == name))
    return Flavor(**row._mapping) if row else None


def page(
    tx: Tx,
    limit: int,
    *,
    project_id: str | None,
    is_public: bool | None,
    disabled: bool | None = None,
    min_ram_mb: int = 0,
    min_disk_gb: int = 0,
    marker: str | None = None,
    sort: tuple[str, str] = ("id", "asc"),
) -> list[Flavor]:
    """``project_id`` adds the private flavors that the project has access to; None leaves privacy to ``is_public``
    (None: both kinds). ``sort``: a SORT_KEYS name and a direction. Raises Invalid for the marker."""
    key = flavors.c[SORT_KEYS[sort[0]]]
    conditions: list[sa.ColumnElement[bool]] = [flavors.c.ram_mb >= min_ram_mb, flavors.c.disk_gb >= min_disk_gb]
    if is_public is not None:
        visible = _visible_to(project_id) if project_id is not None and is_public else flavors.c.is_public == is_public
        conditions.append(visible)
    if disabled is not None:
        conditions.append(flavors.c.disabled == disabled)
    if marker is not None:
        conditions.append(_after(tx, marker, key, sort[1] == "desc"))
    order = (key.desc(), flavors.c.id.desc()) if sort[1] == "desc" else (key, flavors.c.id)
    return [Flavor(**row._mapping) for row in
            tx.all(sa.select(*_COLUMNS).where(*conditions).order_by(*order).limit(limit))]  # fmt: skip


def change(tx: Tx, flavor_id: str, values: Mapping[str, Any]) -> None:
    """Raises NotFound."""
    if not tx.update(flavors, flavors.c.id == flavor_id, values):
        raise NotFound(f"Flavor {flavor_id} could not be found.", resource="flavor", id=flavor_id)


def remove(tx: Tx, flavor_id: str) -> None:
    """Servers keep the copy they were made with. Raises NotFound."""
    tx.delete(flavor_access, flavor_access.c.flavor_id == flavor_id)
    if not tx.delete(flavors, flavors.c.id == flavor_id):
        raise NotFound(f"Flavor {flavor_id} could not be found.", resource="flavor", id=flavor_id)


def accesses(tx: Tx, flavor_id: str) -> Sequence[str]:
    """The projects with access, sorted."""
    query = sa.select(flavor_access.c.project_id).where(flavor_access.c.flavor_id == flavor_id)
    return [row.project_id for row in tx.all(query.order_by(flavor_access.c.project_id).limit(1000))]


def allow(tx: Tx, flavor_id: str, project_id: str) -> None:
    """Raises Conflict when it is allowed already."""
    words = f"Flavor access already exists for flavor {flavor_id} and project {project_id} combination."
    tx.insert(flavor_access, {"flavor_id": flavor_id, "project_id": project_id}, conflict=Conflict(words))


def disallow(tx: Tx, flavor_id: str, project_id: str) -> None:
    """Raises NotFound when it was not allowed."""
    one = (flavor_access.c.flavor_id == flavor_id) & (flavor_access.c.project_id == project_id)
    if not tx.delete(flavor_access, one):
        raise NotFound(f"Flavor access not found for {flavor_id} / {project_id} combination.")


def _visible_to(project_id: str) -> sa.ColumnElement[bool]:
    mine = sa.select(flavor_access.c.flavor_id).where(flavor_access.c.project_id == project_id)
    return flavors.c.is_public | flavors.c.id.in_(mine)


def _after(tx: Tx, marker: str, key: sa.Column[Any], descending: bool) -> sa.ColumnElement[bool]:
    row = tx.first(sa.select(key).where(flavors.c.id == marker))
    if row is None:
        raise Invalid(f"marker [{marker[:64]}] not found", field="marker")
    if descending:
        return sa.or_(key < row[0], sa.and_(key == row[0], flavors.c.id < marker))
    return sa.or_(key > row[0], sa.and_(key == row[0], flavors.c.id > marker))
