"""Signed requests that were used, so that none is used twice, whichever daemon it comes to (S-039)."""

from __future__ import annotations

from datetime import datetime

from iaas.db.engine import Tx
from iaas.db.schema.identity_credentials import signatures
from iaas.errors import Forbidden


def use(tx: Tx, digest: str, expires_at: datetime) -> None:
    """Raises Forbidden for the second use. Sweeps what is too old to be accepted: the table is bounded by what was
    signed correctly within the last quarter of an hour."""
    tx.delete(signatures, signatures.c.expires_at < tx.now())
    again = Forbidden("This signed request was used before.")
    tx.insert(signatures, {"digest": digest, "expires_at": expires_at}, conflict=again)
