"""Key pairs: one user's, found by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.compute import keypairs
from iaas.errors import Conflict, Invalid, NotFound
from iaas.model.keypair import Keypair

_COLUMNS = [keypairs.c[item.name] for item in fields(Keypair)]


def insert(tx: Tx, values: Mapping[str, Any]) -> None:
    """Raises Conflict when the user has one of that name."""
    taken = Conflict(f"Key pair '{values['name']}' already exists.", resource="keypair")
    tx.insert(keypairs, {**values, "created_at": tx.now()}, conflict=taken)


def get(tx: Tx, user_id: str, name: str) -> Keypair:
    """Raises NotFound."""
    row = tx.first(sa.select(*_COLUMNS).where(keypairs.c.user_id == user_id, keypairs.c.name == name))
    if row is None:
        raise NotFound(f"Keypair {name} not found for user {user_id}", resource="keypair", id=name)
    return Keypair(**row._mapping)


def of_user(tx: Tx, user_id: str, limit: int, marker: str | None = None) -> list[Keypair]:
    """By name. Raises Invalid for a marker that is not the user's."""
    query = sa.select(*_COLUMNS).where(keypairs.c.user_id == user_id).order_by(keypairs.c.name).limit(limit)
    if marker is not None:
        known = sa.select(keypairs.c.name).where(keypairs.c.user_id == user_id, keypairs.c.name == marker)
        if tx.first(known) is None:
            raise Invalid(f"marker [{marker[:64]}] not found", field="marker")
        query = query.where(keypairs.c.name > marker)
    return [Keypair(**row._mapping) for row in tx.all(query)]


def remove(tx: Tx, user_id: str, name: str) -> None:
    """Raises NotFound."""
    if not tx.delete(keypairs, (keypairs.c.user_id == user_id) & (keypairs.c.name == name)):
        raise NotFound(f"Keypair {name} not found for user {user_id}", resource="keypair", id=name)
