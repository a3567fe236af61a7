"""Image rows: insert, read, change. Deleted ones and those being deleted are there for nobody (C-14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import sqlalchemy as sa

from iaas.db import quotas
from iaas.db.engine import Tx
from iaas.db.image import locations
from iaas.db.schema.image import image_members, image_properties, image_tags, images
from iaas.errors import Conflict, NotFound
from iaas.model.image import Image, Location, State, Task, Viewer, Visibility

BYTES, COUNT = "image_bytes", "images"  # of the project's counters: what its images keep in stores, and how many
_CHILDREN = {"properties", "tags", "locations"}
COLUMNS = [images.c[item.name] for item in fields(Image) if item.name not in _CHILDREN]
LIVE = sa.and_(
    images.c.state != State.DELETED.value,
    sa.or_(images.c.task.is_(None), images.c.task != Task.DELETING.value),
)


def visible(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Who may know that an image exists: its owner, its members, everybody for public and community ones."""
    if viewer.everything:
        return sa.true()
    ways = [images.c.visibility.in_([Visibility.PUBLIC.value, Visibility.COMMUNITY.value])]
    if viewer.project_id:
        shared = sa.and_(images.c.visibility == Visibility.SHARED.value, images.c.id.in_(shared_with(viewer)))
        ways += [images.c.project_id == viewer.project_id, shared]  # type: ignore[list-item]
    return sa.or_(*ways)


def shared_with(viewer: Viewer, status: str | None = None) -> sa.Select[Any]:
    """The ids of the images of which the viewer's project is a member."""
    query = sa.select(image_members.c.image_id).where(image_members.c.project_id == viewer.project_id)
    return query if status is None else query.where(image_members.c.status == status)


def get(tx: Tx, id: str, viewer: Viewer) -> Image:
    """Raises NotFound for an image that does not exist or that the viewer can't see: no difference shows."""
    row = tx.first(sa.select(*COLUMNS).where(images.c.id == id, LIVE, visible(viewer)))
    if row is None:
        raise NotFound(f"No image found with ID {id}", resource="image", id=id)
    return values(tx, [row])[0]


def find(tx: Tx, id: str) -> Image | None:
    """The image, whoever may see it; None when there is none."""
    row = tx.first(sa.select(*COLUMNS).where(images.c.id == id, LIVE))
    return values(tx, [row])[0] if row else None


def marked(tx: Tx, project_id: str, properties: Mapping[str, str], limit: int = 1000) -> list[str]:
    """Ids of the project's active images with all the properties, the newest first."""
    query = sa.select(images.c.id).where(images.c.project_id == project_id, images.c.state == State.ACTIVE.value, LIVE)
    p = image_properties.c
    for name, value in properties.items():
        query = query.where(images.c.id.in_(sa.select(p.image_id).where(p.name == name, p.value == value)))
    return [row.id for row in tx.all(query.order_by(images.c.created_at.desc(), images.c.id).limit(limit))]


def insert(tx: Tx, image: Image, most: int = -1) -> Image:
    """A new row, born now by the database's clock. ``most``: how many images the project may have, when nothing else is
    set for it. Raises Conflict when the id is, or was, another image's, and QuotaExceeded."""
    if image.project_id:
        quotas.take(tx, image.project_id, {COUNT: 1}, {COUNT: most})
    born = replace(image, created_at=tx.now(), updated_at=tx.now())
    row = {column.name: getattr(born, column.name) for column in COLUMNS}
    taken = Conflict(f"Image ID {image.id} already exists!", resource="image", id=image.id)
    tx.insert(images, row, conflict=taken)
    _write_children(tx, image.id, image.properties, image.tags)
    return born


def update(tx: Tx, image: Image, was: Image) -> Image:
    """Writes the changed metadata. Raises Conflict when the row is no longer as in ``was``."""
    changed = ("name", "project_id", "visibility", "disk_format", "container_format", "min_disk", "min_ram",
               "protected", "hidden")  # fmt: skip
    row = {name: getattr(image, name) for name in changed}
    where = sa.and_(images.c.id == image.id, images.c.version == was.version, LIVE)
    if not tx.update(images, where, {**row, "version": was.version + 1, "updated_at": tx.now()}):
        raise Conflict(f"Image {image.id} was changed at the same time.", resource="image", id=image.id)
    if image.project_id != was.project_id:
        _move_quota(tx, image, was)
    if image.properties != was.properties or image.tags != was.tags:
        drop_children(tx, image.id)
        _write_children(tx, image.id, image.properties, image.tags)
    return get(tx, image.id, Viewer(project_id=None, everything=True))


def _move_quota(tx: Tx, image: Image, was: Image) -> None:
    """What the image keeps is counted for its new owner, whose limits an administrator may pass. Raises Conflict while
    data are on their way: whoever brings them counts for the owner that it knows."""
    if was.task is not None:
        raise Conflict(f"Image {image.id} can't change its owner while it is {was.status}.", resource="image")
    held = tx.scalar(sa.select(images.c.reserved).where(images.c.id == image.id).with_for_update()) or 0
    amounts = {BYTES: int(held), COUNT: 1}
    if was.project_id:
        quotas.give(tx, was.project_id, amounts)
    if image.project_id:
        quotas.count(tx, image.project_id, amounts)


def uploading(tx: Tx, project_id: str) -> int:
    """How many images of the project have data on their way."""
    under_way = images.c.task.in_([Task.SAVING.value, Task.STAGING.value, Task.IMPORTING.value])
    query = sa.select(sa.func.count()).where(images.c.project_id == project_id, under_way)
    return int(tx.scalar(query) or 0)


def staged(tx: Tx, project_id: str) -> int:
    """Bytes of the project that are on the stage, or on the way to it; those being imported no more."""
    waiting = sa.and_(images.c.state == State.UPLOADING.value, images.c.task.is_(None))
    there = sa.or_(images.c.task == Task.STAGING.value, waiting)
    query = sa.select(sa.func.sum(images.c.reserved)).where(images.c.project_id == project_id, there)
    return int(tx.scalar(query) or 0)


def drop_children(tx: Tx, id: str) -> None:
    tx.delete(image_properties, image_properties.c.image_id == id)
    tx.delete(image_tags, image_tags.c.image_id == id)


def values(tx: Tx, rows: Sequence[sa.Row[Any]]) -> list[Image]:
    """Rows of COLUMNS as Images with all that hangs on them: three more queries, for any number of rows."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    properties: dict[str, dict[str, str]] = {id: {} for id in ids}
    tags: dict[str, list[str]] = {id: [] for id in ids}
    for item in tx.all(sa.select(image_properties).where(image_properties.c.image_id.in_(ids))):
        properties[item.image_id][item.name] = item.value
    for item in tx.all(sa.select(image_tags).where(image_tags.c.image_id.in_(ids)).order_by(image_tags.c.tag)):
        tags[item.image_id].append(item.tag)
    places = locations.of_images(tx, ids)
    return [_value(row, properties[row.id], tags[row.id], places[row.id]) for row in rows]


def _value(row: sa.Row[Any], properties: dict[str, str], tags: Iterable[str], places: Iterable[Location]) -> Image:
    found = dict(row._mapping)
    found["state"] = State(found["state"])
    found["task"] = Task(found["task"]) if found["task"] else None
    found["visibility"] = Visibility(found["visibility"])
    return Image(**found, properties=properties, tags=tuple(tags), locations=tuple(places))


def _write_children(tx: Tx, id: str, properties: Mapping[str, str], tags: Iterable[str]) -> None:
    if properties:
        rows = [{"image_id": id, "name": name, "value": value} for name, value in properties.items()]
        tx.execute(image_properties.insert(), rows)
    if tags:
        tx.execute(image_tags.insert(), [{"image_id": id, "tag": tag} for tag in dict.fromkeys(tags)])
