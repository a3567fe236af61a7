"""Groups: membership, and what goes with a group that goes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity.nouns import GROUPS, USERS
from iaas.db.identity.rows import add_pair
from iaas.db.schema.identity import assignments, group_members
from iaas.errors import NotFound
from iaas.model.role import Actor
from iaas.model.user import Group


def is_member(tx: Tx, group_id: str, user_id: str) -> bool:
    return tx.first(sa.select(group_members.c.user_id).where(_is(group_id, user_id))) is not None


def add_member(tx: Tx, group_id: str, user_id: str) -> None:
    """Raises NotFound for an unknown group or user; adding a member twice changes nothing."""
    GROUPS.get(tx, group_id)
    USERS.get(tx, user_id)
    if not is_member(tx, group_id, user_id):
        add_pair(tx, group_members, {"group_id": group_id, "user_id": user_id})


def remove_member(tx: Tx, group_id: str, user_id: str) -> None:
    """Raises NotFound for an unknown group, or a user who is not in it."""
    GROUPS.get(tx, group_id)
    if not tx.delete(group_members, _is(group_id, user_id)):
        raise NotFound(f"User '{user_id}' not found in group '{group_id}'.", resource="group_member")


def of_user(tx: Tx, user_id: str, equals: dict[str, Any], marker: str | None, limit: int) -> list[Group]:
    among = sa.select(group_members.c.group_id).where(group_members.c.user_id == user_id)
    return GROUPS.page(tx, equals, marker, limit, among)


def delete(tx: Tx, group_id: str) -> None:
    GROUPS.delete(tx, group_id)
    tx.delete(assignments, (assignments.c.actor_type == Actor.GROUP) & (assignments.c.actor_id == group_id))


def _is(group_id: str, user_id: str) -> sa.ColumnElement[bool]:
    return (group_members.c.group_id == group_id) & (group_members.c.user_id == user_id)
