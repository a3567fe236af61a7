"""Tags of servers: read for many servers in one query, written for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.server_tags import server_tags


def of_servers(tx: Tx, server_ids: Sequence[str]) -> dict[str, list[str]]:
    """Sorted tags by server id; servers without a tag are absent."""
    rows = tx.all(
        sa.select(server_tags.c.server_id, server_tags.c.tag)
        .where(server_tags.c.server_id.in_(server_ids))
        .order_by(server_tags.c.tag)
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.server_id, []).append(row.tag)
    return found


def replace(tx: Tx, server_id: str, tags: Iterable[str]) -> None:
    tx.delete(server_tags, server_tags.c.server_id == server_id)
    for tag in sorted(set(tags)):
        tx.insert(server_tags, {"server_id": server_id, "tag": tag})


def remove(tx: Tx, server_id: str, tag: str) -> bool:
    """Whether the server had the tag."""
    return tx.delete(server_tags, (server_tags.c.server_id == server_id) & (server_tags.c.tag == tag)) > 0


def wanted(
    id_column: sa.ColumnElement[str],
    every: Sequence[str],
    some: Sequence[str],
    not_every: Sequence[str],
    none: Sequence[str],
) -> list[sa.ColumnElement[bool]]:
    """Conditions: all of ``every``, one of ``some``, not all of ``not_every``, none of ``none``."""

    def counted(tags: Sequence[str]) -> sa.ScalarSelect[int]:
        return (
            sa.select(sa.func.count())
            .where(server_tags.c.server_id == id_column, server_tags.c.tag.in_(tags))
            .scalar_subquery()
        )

    conditions: list[sa.ColumnElement[bool]] = []
    if every:
        conditions.append(counted(every) == len(set(every)))
    if some:
        conditions.append(counted(some) > 0)
    if not_every:
        conditions.append(counted(not_every) < len(set(not_every)))
    if none:
        conditions.append(counted(none) == 0)
    return conditions
