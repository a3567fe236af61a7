"""The tasks of an image in the database: a way in for its data, and its deletion, each under a lease in database time.

The project's byte counter moves in the same transaction as the row that it counts; ``reserved`` is what the
counter holds for the image. ``generation`` fences: an upload that lost its lease can change nothing any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from iaas.db import machine as verbs
from iaas.db import quotas
from iaas.db.engine import Tx
from iaas.db.image import images as rows
from iaas.db.image import locations
from iaas.db.schema.image import image_members, images
from iaas.errors import Conflict
from iaas.model.image import IMAGE, STAGING, Image, LocationState, State, Task

RESOURCE = rows.BYTES  # of the quota counter


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What an upload learnt about the data: sizes in bytes, hashes in hexadecimal."""

    size: int
    virtual_size: int
    checksum: str
    hash_algo: str
    hash_value: str


def begin(tx: Tx, id: str, event: str, stores: Iterable[str], lease_s: int | None, name: str | None = None) -> Image:
    """queued -> saving, or what else the event leads to, with a new generation that is about to be written in these
    stores. ``lease_s`` None: who does it has its lease elsewhere; ``name``: of data that lie somewhere by
    a name of their own. Raises NotFound, Conflict (not queued, under way)."""
    values = {"generation": images.c.generation + 1, "lease_until": _until(tx, lease_s)}
    verbs.begin(tx, images, id, IMAGE, event, values=values)
    locations.forget_failed(tx, id)
    locations.write(tx, id, stores, name or _read(tx, id).blob)
    return _read(tx, id)


def again(tx: Tx, image: Image, stores: Iterable[str], *, keep: bool, name: str | None = None) -> Image:
    """A task that another worker had begun begins anew, with a generation of its own. ``keep``: what is reserved stays.
    Raises Conflict when the image is at another task by now."""
    assert image.task is not None
    held = reserved(tx, image.id)
    where = sa.and_(images.c.id == image.id, images.c.task == image.task.value)
    left = held if keep else 0
    if not tx.update(images, where, {"generation": images.c.generation + 1, "reserved": left}):
        raise Conflict(f"Image {image.id} is not {image.task} any more.", resource="image", id=image.id)
    give(tx, image.project_id, held - left)
    locations.write(tx, image.id, stores, name or _read(tx, image.id).blob)
    return _read(tx, image.id)


def beat(tx: Tx, image: Image, lease_s: int | None, more: int, quota: int) -> bool:
    """Renews the lease and takes ``more`` bytes of the quota. False: the task is no longer this one's, because the
    image was deleted or the lease was over. Raises QuotaExceeded."""
    assert image.task is not None
    changes = {"lease_until": _until(tx, lease_s), "reserved": images.c.reserved + more}
    mine = sa.and_(images.c.id == image.id, images.c.task == image.task.value, _generation(image))
    if not tx.update(images, mine, changes):
        return False
    if more and image.project_id:
        quotas.take(tx, image.project_id, {RESOURCE: more}, {RESOURCE: quota})
    return True


def finish(tx: Tx, image: Image, facts: Facts, stored: Collection[str], copies: int) -> Image:
    """Active, with the facts, its data in the stores ``stored``, ``copies`` of them kept by us; what was reserved too
    much goes back. Raises NotFound or Conflict."""
    assert image.task is not None
    held, kept = reserved(tx, image.id), facts.size * copies
    values = {
        "size": facts.size, "virtual_size": facts.virtual_size, "checksum": facts.checksum,
        "hash_algo": facts.hash_algo, "hash_value": facts.hash_value,
        "lease_until": None, "reserved": kept,
    }  # fmt: skip
    verbs.finish(tx, images, image.id, IMAGE, IMAGE.event_of(image.task), where=_generation(image), values=values)
    locations.move(tx, image.id, stored, LocationState.ACTIVE)
    locations.close(tx, image.id)
    give(tx, image.project_id, held - kept)
    return _read(tx, image.id)


def abandon(tx: Tx, image: Image) -> None:
    """Queued again, with nothing reserved. Raises NotFound or Conflict when the task is not this one's."""
    assert image.task is not None
    held = reserved(tx, image.id)
    values = {"lease_until": None, "reserved": 0}
    verbs.fail(tx, images, image.id, IMAGE, IMAGE.event_of(image.task), where=_generation(image), values=values)
    if image.task is Task.IMPORTING:
        locations.close(tx, image.id)
    else:
        locations.drop(tx, image.id)
    give(tx, image.project_id, held)


def finish_staging(tx: Tx, image: Image, size: int) -> Image:
    """staging -> uploading: the data wait for their import. Raises NotFound or Conflict."""
    held = reserved(tx, image.id)
    values = {"lease_until": None, "reserved": size}
    verbs.finish(tx, images, image.id, IMAGE, "stage", where=_generation(image), values=values)
    locations.move(tx, image.id, [STAGING], LocationState.STAGED)
    give(tx, image.project_id, held - size)
    return _read(tx, image.id)


def reserve(tx: Tx, image: Image, amount: int, quota: int) -> None:
    """Counts so many more bytes for the image. Raises QuotaExceeded."""
    tx.update(images, images.c.id == image.id, {"reserved": images.c.reserved + amount})
    if amount and image.project_id:
        quotas.take(tx, image.project_id, {RESOURCE: amount}, {RESOURCE: quota})


def begin_delete(tx: Tx, id: str, lease_s: int) -> Image:
    """The image is gone for everybody; its data are there yet. Raises NotFound, Conflict (being deleted)."""
    verbs.begin(tx, images, id, IMAGE, "delete", values={"lease_until": _until(tx, lease_s)})
    return _read(tx, id)


def restore(tx: Tx, id: str, untouched_s: int) -> Image:
    """A deleted image whose data nobody has touched yet is there again: its deletion was to begin more than
    ``untouched_s`` from now, which is longer than any worker's lease. Raises NotFound, Conflict."""
    later = images.c.lease_until > tx.now() + timedelta(seconds=untouched_s)
    whole = images.c.state.in_([State.ACTIVE.value, State.DEACTIVATED.value])
    verbs.fail(tx, images, id, IMAGE, "delete", where=sa.and_(later, whole), values={"lease_until": None})
    return _read(tx, id)


def finish_delete(tx: Tx, image: Image) -> None:
    """The data are gone: the quota goes back, a tombstone stays. Raises NotFound, Conflict (done already)."""
    held = reserved(tx, image.id)
    values = {"lease_until": None, "reserved": 0, "deleted_at": tx.now()}
    verbs.finish(tx, images, image.id, IMAGE, "delete", values=values)
    give(tx, image.project_id, held)
    if image.project_id:
        quotas.give(tx, image.project_id, {rows.COUNT: 1})
    rows.drop_children(tx, image.id)
    locations.drop(tx, image.id)
    tx.delete(image_members, image_members.c.image_id == image.id)


def stuck(tx: Tx, limit: int = 100) -> list[Image]:
    """Images whose task's lease is over, the oldest first."""
    over = sa.and_(images.c.task.is_not(None), images.c.lease_until < tx.now())
    return rows.values(tx, tx.all(sa.select(*rows.COLUMNS).where(over).order_by(images.c.lease_until).limit(limit)))


def known(tx: Tx, ids: list[str]) -> set[str]:
    """Those of the ids that have a row, be it a tombstone."""
    return {row.id for row in tx.all(sa.select(images.c.id).where(images.c.id.in_(ids)))}


def purge(tx: Tx, days: int, limit: int = 1000) -> int:
    """Forgets tombstones older than ``days``; answers how many."""
    old = sa.and_(images.c.state == State.DELETED.value, images.c.deleted_at < tx.now() - timedelta(days=days))
    return tx.delete(images, images.c.id.in_(sa.select(images.c.id).where(old).limit(limit)))


def _until(tx: Tx, lease_s: int | None) -> datetime | None:
    return None if lease_s is None else tx.now() + timedelta(seconds=lease_s)


def _generation(image: Image) -> sa.ColumnElement[bool]:
    return images.c.generation == image.generation


def reserved(tx: Tx, id: str) -> int:
    """What the quota counter holds for the image, bytes. Nobody else changes the image until the transaction ends."""
    return int(tx.scalar(sa.select(images.c.reserved).where(images.c.id == id).with_for_update()) or 0)


def give(tx: Tx, project_id: str | None, amount: int) -> None:
    if project_id and amount > 0:
        quotas.give(tx, project_id, {RESOURCE: amount})


def _read(tx: Tx, id: str) -> Image:
    found = tx.first(sa.select(*rows.COLUMNS).where(images.c.id == id))
    assert found is not None
    return rows.values(tx, [found])[0]
