"""Users: the login read, passwords, and what goes with a user that goes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity.nouns import USERS
from iaas.db.schema.identity import assignments, domains, group_members, users
from iaas.model.role import Actor
from iaas.model.user import Login, Reference, User


def login(tx: Tx, reference: Reference) -> Login | None:
    """The user that the reference names, enabled or not; None when there is none."""
    columns = (
        users.c.id,
        users.c.password_hash,
        users.c.default_project_id,
        users.c.password_expires_at,
        users.c.options,
    )
    query = sa.select(*columns)
    if reference.id is not None:
        query = query.where(users.c.id == reference.id)
    else:
        query = query.join(domains, domains.c.id == users.c.domain_id).where(users.c.name == reference.name)
        column, value = (
            (domains.c.id, reference.domain_id) if reference.domain_id else (domains.c.name, reference.domain_name)
        )
        query = query.where(column == value)
    row = tx.first(query)
    if row is None:
        return None
    return Login(
        user_id=row.id,
        password_hash=row.password_hash,
        default_project_id=row.default_project_id,
        password_expires_at=row.password_expires_at,
        options=row.options,
    )


def set_password(tx: Tx, user_id: str, password_hash: str | None) -> None:
    """Replaces the hash and ends every token that was issued before. Raises NotFound."""
    USERS.update(tx, user_id, {"password_hash": password_hash, "valid_after": tx.now()})


def end_tokens(tx: Tx, user_id: str) -> None:
    USERS.update(tx, user_id, {"valid_after": tx.now()})


def delete(tx: Tx, user_id: str) -> None:
    """Raises NotFound. Memberships go by the foreign key."""
    USERS.delete(tx, user_id)
    tx.delete(assignments, (assignments.c.actor_type == Actor.USER) & (assignments.c.actor_id == user_id))


def of_group(tx: Tx, group_id: str, equals: dict[str, Any], marker: str | None, limit: int) -> list[User]:
    among = sa.select(group_members.c.user_id).where(group_members.c.group_id == group_id)
    return USERS.page(tx, equals, marker, limit, among)
