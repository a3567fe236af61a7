"""Members of shared images in the database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.image import image_members
from iaas.errors import Conflict, NotFound
from iaas.model.image import Member, MemberStatus

_BOTH = image_members.c


def of_image(tx: Tx, image_id: str, project_id: str | None = None) -> list[Member]:
    """All members of the image, the oldest first, or the one of a project (an empty list without one)."""
    query = sa.select(image_members).where(_BOTH.image_id == image_id)
    if project_id is not None:
        query = query.where(_BOTH.project_id == project_id)
    return [_value(row) for row in tx.all(query.order_by(_BOTH.created_at, _BOTH.project_id))]


def get(tx: Tx, image_id: str, project_id: str) -> Member:
    """Raises NotFound."""
    found = of_image(tx, image_id, project_id)
    if not found:
        raise NotFound(f"{project_id[:64]} not found in the member list of the image {image_id}.")
    return found[0]


def insert(tx: Tx, image_id: str, project_id: str) -> Member:
    """A pending member. Raises Conflict when the project is one already."""
    now = tx.now()
    row = {
        "image_id": image_id, "project_id": project_id, "status": MemberStatus.PENDING.value,
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    taken = Conflict(f"Image {image_id} is already shared with {project_id[:64]}.", resource="member")
    tx.insert(image_members, row, conflict=taken)
    return get(tx, image_id, project_id)


def set_status(tx: Tx, image_id: str, project_id: str, status: MemberStatus) -> Member:
    """Raises NotFound."""
    tx.update(image_members, _where(image_id, project_id), {"status": status.value, "updated_at": tx.now()})
    return get(tx, image_id, project_id)


def delete(tx: Tx, image_id: str, project_id: str) -> None:
    """Raises NotFound."""
    if not tx.delete(image_members, _where(image_id, project_id)):
        raise NotFound(f"{project_id[:64]} not found in the member list of the image {image_id}.")


def _where(image_id: str, project_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(_BOTH.image_id == image_id, _BOTH.project_id == project_id)


def _value(row: sa.Row[Any]) -> Member:
    found = dict(row._mapping)
    return Member(**{**found, "status": MemberStatus(found["status"])})
