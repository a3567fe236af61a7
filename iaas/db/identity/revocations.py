"""Revoked audit ids, kept until no token can carry them any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity.rows import Rows, add_pair
from iaas.db.schema.identity import domains, projects, revocations, users
from iaas.model.token import GRACE


class Event(NamedTuple):
    """``key``: of which kind the id is, by its published name. Tokens that were issued up to ``at`` are dead."""

    key: str
    id: str
    at: datetime


def add(tx: Tx, audit_id: str, expires_at: datetime, chain: bool = False) -> None:
    """Revoking twice changes nothing. Sweeps what nobody can ask for any more: the table is bounded by the tokens of
    the last days (S-050)."""
    tx.delete(revocations, revocations.c.expires_at < tx.now() - GRACE)
    known = sa.select(revocations.c.audit_id).where(revocations.c.audit_id == audit_id, revocations.c.chain.is_(chain))
    if tx.first(known) is None:
        row = {"audit_id": audit_id, "chain": chain, "expires_at": expires_at, "revoked_at": tx.now()}
        add_pair(tx, revocations, row)


def end_of_all(tx: Tx, rows: Rows[Any], id: str) -> datetime:
    """The moment to which all tokens of this user, project or domain are to be ended now. It is never before an earlier
    such moment, nor before a token that was dated just after that, though the clock stepped back (F-58)."""
    before = tx.scalar(sa.select(rows.table.c.valid_after).where(rows.table.c.id == id))
    return max(tx.now(), before + timedelta(microseconds=1)) if before else tx.now()


def events(tx: Tx, since: datetime, limit: int) -> list[Event]:
    """What was revoked after the moment, the oldest first, at most ``limit`` of each kind: single tokens, chains, and
    all older tokens of users, projects and domains."""
    r = revocations.c
    query = sa.select(r.audit_id, r.chain, r.revoked_at).where(r.revoked_at > since).order_by(r.revoked_at)
    found = [
        Event("audit_chain_id" if row.chain else "audit_id", row.audit_id, row.revoked_at)
        for row in tx.all(query.limit(limit))
    ]
    for noun, table in (("user_id", users), ("project_id", projects), ("domain_id", domains)):
        moment = table.c.valid_after
        ended = sa.select(table.c.id, moment).where(moment > since).order_by(moment).limit(limit)
        found += [Event(noun, row.id, row.valid_after) for row in tx.all(ended)]
    return sorted(found, key=lambda event: event.at)
