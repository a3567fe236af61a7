"""Users: the login read, passwords, and what goes with a user that goes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity.nouns import USERS
from iaas.db.identity.revocations import end_of_all
from iaas.db.schema.identity import assignments, domains, group_members, old_passwords, users
from iaas.errors import NotFound
from iaas.model.role import Actor
from iaas.model.user import Login, Reference, Secret, User


def login(tx: Tx, reference: Reference) -> Login | None:
    """The user that the reference names, enabled or not; None when there is none."""
    columns = (
        users.c.id,
        users.c.password_hash,
        users.c.default_project_id,
        users.c.password_expires_at,
        users.c.options,
        users.c.last_active_at,
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
        last_active_at=row.last_active_at,
    )


def secret(tx: Tx, user_id: str) -> Secret:
    """Raises NotFound."""
    u, old = users.c, old_passwords.c
    row = tx.first(sa.select(u.password_hash, u.password_set_at, u.password_own).where(u.id == user_id))
    if row is None:
        raise NotFound.of("user", user_id)
    before = sa.select(old.password_hash).where(old.user_id == user_id).order_by(old.replaced_at.desc())
    hashes = [row.password_hash, *tx.execute(before).scalars()]
    return Secret(hashes=tuple(filter(None, hashes)), set_at=row.password_set_at, own=row.password_own)


def set_password(
    tx: Tx, user_id: str, hashed: str | None, *, own: bool, expires_at: datetime | None, kept: int
) -> None:
    """Replaces the hash, keeps the last ``kept`` ones, ends every token that was issued before. Raises NotFound."""
    now, before = tx.now(), secret(tx, user_id)
    old = old_passwords.c
    USERS.update(tx, user_id, {
        "password_hash": hashed, "password_set_at": now, "password_own": own, "password_expires_at": expires_at,
        "valid_after": end_of_all(tx, USERS, user_id),
    })  # fmt: skip
    if kept and before.hashes:
        newest = sa.select(sa.func.max(old.replaced_at)).where(old.user_id == user_id)
        last = tx.scalar(newest)  # a clock that stood still must not make two of them one
        at = max(now, last + timedelta(microseconds=1)) if last else now
        tx.insert(old_passwords, {"user_id": user_id, "replaced_at": at, "password_hash": before.hashes[0]})
    recent = sa.select(old.replaced_at).where(old.user_id == user_id).order_by(old.replaced_at.desc()).limit(kept)
    tx.delete(old_passwords, (old.user_id == user_id) & old.replaced_at.not_in(recent))


def note_login(tx: Tx, user_id: str) -> None:
    tx.update(users, users.c.id == user_id, {"last_active_at": tx.now()})


def delete(tx: Tx, user_id: str) -> None:
    """Raises NotFound. Memberships go by the foreign key."""
    USERS.delete(tx, user_id)
    tx.delete(assignments, (assignments.c.actor_type == Actor.USER) & (assignments.c.actor_id == user_id))


def of_group(tx: Tx, group_id: str, equals: dict[str, Any], marker: str | None, limit: int) -> list[User]:
    among = sa.select(group_members.c.user_id).where(group_members.c.group_id == group_id)
    return USERS.page(tx, equals, marker, limit, among)
