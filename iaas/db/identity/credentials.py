"""Credentials as they are stored: sealed. What opens them is in iaas/identity/credentials."""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity.rows import Rows
from iaas.db.schema.identity_credentials import credentials
from iaas.model.identity.credential import SealedCredential

CREDENTIALS = Rows(credentials, SealedCredential, "credential")


def sealed_otherwise(tx: Tx, key_hash: str, limit: int) -> list[SealedCredential]:
    """Credentials that another key than this one sealed."""
    columns = [credentials.c[name] for name in CREDENTIALS.fields]
    query = sa.select(*columns).where(credentials.c.key_hash != key_hash).order_by(credentials.c.id).limit(limit)
    return [CREDENTIALS.of(row) for row in tx.all(query)]


def count_sealed_otherwise(tx: Tx, key_hash: str) -> int:
    query = sa.select(sa.func.count()).select_from(credentials).where(credentials.c.key_hash != key_hash)
    return int(tx.scalar(query))


def count_of(tx: Tx, user_id: str) -> int:
    query = sa.select(sa.func.count()).select_from(credentials).where(credentials.c.user_id == user_id)
    return int(tx.scalar(query))


def seal_again(tx: Tx, old: SealedCredential, sealed: str, key_hash: str) -> bool:
    """False when somebody changed the credential in the meantime: then it has been sealed anew anyway."""
    same = (credentials.c.id == old.id) & (credentials.c.sealed == old.sealed)
    return tx.update(credentials, same, {"sealed": sealed, "key_hash": key_hash}) == 1
