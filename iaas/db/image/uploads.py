"""The two tasks of an image in the database: an upload and a deletion, each under a lease in database time.

The project's byte counter moves in the same transaction as the row that it counts; ``reserved`` is what the
counter holds for the image. ``generation`` fences: an upload that lost its lease can change nothing any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from iaas.db import machine as verbs
from iaas.db import quotas
from iaas.db.engine import Tx
from iaas.db.image import images as rows
from iaas.db.schema.image import image_members, images
from iaas.model.image import IMAGE, Image, State, Task

RESOURCE = "image_bytes"  # of the quota counter


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What an upload learnt about the data: sizes in bytes, hashes in hexadecimal."""

    size: int
    virtual_size: int
    checksum: str
    hash_algo: str
    hash_value: str


def begin_upload(tx: Tx, id: str, lease_s: int) -> Image:
    """queued -> saving, a new generation. Raises NotFound or Conflict (not queued, being uploaded)."""
    lease = tx.now() + timedelta(seconds=lease_s)
    values = {"generation": images.c.generation + 1, "lease_until": lease}
    verbs.begin(tx, images, id, IMAGE, "upload", values=values)
    return _read(tx, id)


def beat(tx: Tx, image: Image, lease_s: int, more: int, quota: int) -> bool:
    """Renews the lease and takes ``more`` bytes of the quota. False: the upload is no longer this one's,
    because the image was deleted or the lease was over. Raises QuotaExceeded."""
    changes = {
        "lease_until": tx.now() + timedelta(seconds=lease_s),
        "reserved": images.c.reserved + more,
    }
    mine = sa.and_(images.c.id == image.id, images.c.task == Task.SAVING.value, _generation(image))
    if not tx.update(images, mine, changes):
        return False
    if more and image.project_id:
        quotas.take(tx, image.project_id, {RESOURCE: more}, {RESOURCE: quota})
    return True


def finish_upload(tx: Tx, image: Image, facts: Facts) -> Image:
    """saving -> active, with the facts; what was reserved too much goes back. Raises NotFound or Conflict."""
    held = _reserved(tx, image.id)
    values = {
        "size": facts.size, "virtual_size": facts.virtual_size, "checksum": facts.checksum,
        "hash_algo": facts.hash_algo, "hash_value": facts.hash_value,
        "lease_until": None, "reserved": facts.size,
    }  # fmt: skip
    verbs.finish(tx, images, image.id, IMAGE, "upload", where=_generation(image), values=values)
    _give(tx, image.project_id, held - facts.size)
    return _read(tx, image.id)


def abandon_upload(tx: Tx, image: Image) -> None:
    """saving -> queued, with nothing reserved. Raises NotFound or Conflict when it is not this upload's."""
    held = _reserved(tx, image.id)
    values = {"lease_until": None, "reserved": 0}
    verbs.fail(tx, images, image.id, IMAGE, "upload", where=_generation(image), values=values)
    _give(tx, image.project_id, held)


def begin_delete(tx: Tx, id: str, lease_s: int) -> Image:
    """The image is gone for everybody; its data are there yet. Raises NotFound, Conflict (being deleted)."""
    lease = tx.now() + timedelta(seconds=lease_s)
    verbs.begin(tx, images, id, IMAGE, "delete", values={"lease_until": lease})
    return _read(tx, id)


def finish_delete(tx: Tx, image: Image) -> None:
    """The data are gone: the quota goes back, a tombstone stays. Raises NotFound, Conflict (done already)."""
    held = _reserved(tx, image.id)
    values = {"lease_until": None, "reserved": 0, "deleted_at": tx.now()}
    verbs.finish(tx, images, image.id, IMAGE, "delete", values=values)
    _give(tx, image.project_id, held)
    rows.drop_children(tx, image.id)
    tx.delete(image_members, image_members.c.image_id == image.id)


def stuck(tx: Tx, limit: int = 100) -> list[Image]:
    """Images whose task's lease is over, the oldest first."""
    over = sa.and_(images.c.task.is_not(None), images.c.lease_until < tx.now())
    return rows.values(tx, tx.all(sa.select(*rows.COLUMNS).where(over).order_by(images.c.lease_until).limit(limit)))


def owners(tx: Tx, ids: list[str]) -> dict[str, str | None]:
    """For each image id that has a row: the blob that it keeps or is writing (Image.blob), None for none."""
    query = sa.select(images.c.id, images.c.generation, images.c.state, images.c.task).where(images.c.id.in_(ids))
    found: dict[str, str | None] = {}
    for row in tx.all(query):
        keeps = row.state in (State.ACTIVE, State.DEACTIVATED) or row.task == Task.SAVING
        found[row.id] = f"{row.id}.{row.generation}" if keeps else None
    return found


def purge(tx: Tx, days: int, limit: int = 1000) -> int:
    """Forgets tombstones older than ``days``; answers how many."""
    old = sa.and_(images.c.state == State.DELETED.value, images.c.deleted_at < tx.now() - timedelta(days=days))
    return tx.delete(images, images.c.id.in_(sa.select(images.c.id).where(old).limit(limit)))


def _generation(image: Image) -> sa.ColumnElement[bool]:
    return images.c.generation == image.generation


def _reserved(tx: Tx, id: str) -> int:
    # Within one transaction on SQLite nobody can change it; on PostgreSQL the row is locked first.
    return int(tx.scalar(sa.select(images.c.reserved).where(images.c.id == id).with_for_update()) or 0)


def _give(tx: Tx, project_id: str | None, amount: int) -> None:
    if project_id and amount > 0:
        quotas.give(tx, project_id, {RESOURCE: amount})


def _read(tx: Tx, id: str) -> Image:
    found = tx.first(sa.select(*rows.COLUMNS).where(images.c.id == id))
    assert found is not None
    return rows.values(tx, [found])[0]
