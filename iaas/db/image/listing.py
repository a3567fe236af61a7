"""Lists of images: who may see which, filters, and pages by the sort keys of the last item, not by offset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.image import images as rows
from iaas.db.image import order
from iaas.db.schema.image import image_properties, image_tags, images
from iaas.errors import Invalid
from iaas.model.image import Image, State, Task, Viewer, Visibility

STATUS = sa.case(
    (images.c.task.in_([Task.SAVING.value, Task.IMPORTING.value]), images.c.task),
    (images.c.task == Task.STAGING.value, State.UPLOADING.value),
    else_=images.c.state,
)
# Every sort key is made not-null, so that "after the marker" is a plain comparison on every database.
SORT_KEYS: Mapping[str, sa.ColumnElement[Any]] = {
    "name": sa.func.coalesce(images.c.name, ""),
    "status": STATUS,
    "container_format": sa.func.coalesce(images.c.container_format, ""),
    "disk_format": sa.func.coalesce(images.c.disk_format, ""),
    "size": sa.func.coalesce(images.c.size, -1),
    "id": images.c.id,
    "created_at": images.c.created_at,
    "updated_at": images.c.updated_at,
}
_OPERATORS = {
    "eq": lambda column, value: column == value,
    "neq": lambda column, value: column != value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
}


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What a list is narrowed to; everything given must hold. ``among``: column -> accepted values."""

    among: Mapping[str, Sequence[str]] = field(default_factory=dict)
    visibility: str | None = None  # a Visibility, "all", or None: what the caller would call "my images"
    member_status: str | None = "accepted"  # of shared images; None: any
    status: Sequence[str] = ()
    hidden: bool = False
    protected: bool | None = None
    tags: Sequence[str] = ()
    numbers: Sequence[tuple[str, str, int]] = ()  # (column, operator, value)
    times: Sequence[tuple[str, str, datetime]] = ()
    properties: Mapping[str, str] = field(default_factory=dict)


def listed(
    tx: Tx, viewer: Viewer, wanted: Filter, limit: int, marker: str | None, sort: Sequence[tuple[str, str]]
) -> list[Image]:
    """At most ``limit`` images after ``marker`` (an image id, which the viewer must see, else Invalid)."""
    query = sa.select(*rows.COLUMNS).where(rows.LIVE, _scope(viewer, wanted), *_narrowed(wanted))
    if marker is not None:
        query = query.where(_after(tx, viewer, marker, sort))
    return rows.values(tx, tx.all(order.ordered(query, SORT_KEYS, sort).limit(limit)))


def _scope(viewer: Viewer, wanted: Filter) -> sa.ColumnElement[bool]:
    """Whose images the list is made of. Strangers get community images only when they ask for them."""
    own = images.c.project_id == viewer.project_id if viewer.project_id else sa.false()
    if viewer.everything:
        if wanted.visibility == "all":
            return sa.true()
        if wanted.visibility is None:
            return sa.or_(images.c.visibility != Visibility.COMMUNITY.value, own)
        return images.c.visibility == wanted.visibility
    members = rows.shared_with(viewer, wanted.member_status)
    shared = sa.and_(images.c.visibility == Visibility.SHARED.value, images.c.id.in_(members))
    public = images.c.visibility == Visibility.PUBLIC.value
    if wanted.visibility is None:
        return sa.or_(own, public, shared)
    if wanted.visibility == "all":
        return sa.or_(own, public, shared, images.c.visibility == Visibility.COMMUNITY.value)
    kind = images.c.visibility == wanted.visibility
    if wanted.visibility == Visibility.SHARED:
        return sa.and_(kind, sa.or_(own, shared))
    return sa.and_(kind, own) if wanted.visibility == Visibility.PRIVATE else kind


def _narrowed(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [images.c.hidden.is_(wanted.hidden)]
    found += [images.c[name].in_(list(values)) for name, values in wanted.among.items()]
    if wanted.status:
        found.append(STATUS.in_(list(wanted.status)))
    if wanted.protected is not None:
        found.append(images.c.protected.is_(wanted.protected))
    for name, operator, value in (*wanted.numbers, *wanted.times):
        found.append(_OPERATORS[operator](images.c[name], value))
    for tag in wanted.tags:
        found.append(images.c.id.in_(sa.select(image_tags.c.image_id).where(image_tags.c.tag == tag)))
    for name, text in wanted.properties.items():
        having = sa.and_(image_properties.c.name == name, image_properties.c.value == text)
        found.append(images.c.id.in_(sa.select(image_properties.c.image_id).where(having)))
    return found


def _after(tx: Tx, viewer: Viewer, marker: str, sort: Sequence[tuple[str, str]]) -> sa.ColumnElement[bool]:
    """Strictly behind the marker in the order of ``sort``."""
    keys = [SORT_KEYS[key].label(f"key_{key}") for key, _ in sort]
    where = (images.c.id == marker, images.c.state != State.DELETED.value, rows.visible(viewer))
    found = tx.first(sa.select(*keys).where(*where))
    if found is None:
        raise Invalid(f"Marker {marker[:64]!r} is not an image.", field="marker")
    return order.behind(SORT_KEYS, sort, list(found))
