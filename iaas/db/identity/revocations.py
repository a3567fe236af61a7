"""Revoked audit ids, kept until no token can carry them any more."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity.rows import add_pair
from iaas.db.schema.identity import revocations
from iaas.model.token import GRACE


def add(tx: Tx, audit_id: str, expires_at: datetime, chain: bool = False) -> None:
    """Revoking twice changes nothing. Sweeps what nobody can ask for any more: the table is bounded by the tokens of
    the last days (S-050)."""
    tx.delete(revocations, revocations.c.expires_at < tx.now() - GRACE)
    known = sa.select(revocations.c.audit_id).where(revocations.c.audit_id == audit_id, revocations.c.chain.is_(chain))
    if tx.first(known) is None:
        add_pair(tx, revocations, {"audit_id": audit_id, "chain": chain, "expires_at": expires_at})
