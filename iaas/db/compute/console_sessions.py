"""Console sessions: a server's screen will be shown once, to whoever has the token. Only the token's hash is kept."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

from iaas.db.engine import Tx
from iaas.db.schema.compute import console_sessions


def insert(tx: Tx, token: str, server_id: str, ttl_s: int) -> None:
    """Those that nobody used in time are forgotten by the way."""
    now = tx.now()
    tx.delete(console_sessions, console_sessions.c.expires_at <= now)
    tx.insert(console_sessions, {
        "token_hash": _hash(token), "server_id": server_id, "expires_at": now + timedelta(seconds=ttl_s),
    })  # fmt: skip


def take(tx: Tx, token: str) -> str | None:
    """The server of a token that holds; it holds no more from now on, whoever asks at the same time."""
    c = console_sessions.c
    mine = (c.token_hash == _hash(token)) & (c.expires_at > tx.now())
    row = tx.execute(console_sessions.delete().where(mine).returning(c.server_id)).first()
    return row.server_id if row else None


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
