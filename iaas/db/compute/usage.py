"""When which servers ran: what simple tenant usage is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.compute import servers
from iaas.model.flavor import Flavor


@dataclass(frozen=True, kw_only=True)
class Period:
    """A server that was there at some time of a span; ``ended_at`` None: it is still there."""

    id: str
    project_id: str
    name: str
    state: str
    flavor: Flavor
    started_at: datetime
    ended_at: datetime | None


def periods(
    tx: Tx, start: datetime, end: datetime, project_id: str | None, limit: int, after: Sequence[str] | None = None
) -> list[Period]:
    """Also the deleted ones, as long as they are kept; by project and id, after the pair ``after``."""
    c = servers.c
    query = (
        sa.select(c.id, c.project_id, c.name, c.state, c.flavor, c.launched_at, c.terminated_at)
        .where(c.launched_at < end, sa.or_(c.terminated_at.is_(None), c.terminated_at > start))
        .order_by(c.project_id, c.id)
        .limit(limit)
    )
    if project_id is not None:
        query = query.where(c.project_id == project_id)
    if after is not None:
        query = query.where(sa.tuple_(c.project_id, c.id) > sa.tuple_(*after))
    return [
        Period(id=row.id, project_id=row.project_id, name=row.name, state=row.state, flavor=Flavor(**row.flavor),
               started_at=row.launched_at, ended_at=row.terminated_at)
        for row in tx.all(query)
    ]  # fmt: skip


def place(tx: Tx, server_id: str, project_id: str | None) -> tuple[str, str] | None:
    """Where a marker stands in that order; None for a server that is not the project's or was never there."""
    query = sa.select(servers.c.project_id, servers.c.id).where(servers.c.id == server_id)
    if project_id is not None:
        query = query.where(servers.c.project_id == project_id)
    row = tx.first(query)
    return (row.project_id, row.id) if row else None
