"""Server groups. Who is in one is said by the servers' own rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.compute import allocations, server_groups, servers
from iaas.errors import NotFound
from iaas.model.server_group import ServerGroup

_SELECT = sa.select(*(server_groups.c[item.name] for item in fields(ServerGroup) if item.name != "members"))


def get(tx: Tx, group_id: str, project_id: str | None = None) -> ServerGroup:
    """With its members, if it is the project's (None: anybody's). Raises NotFound."""
    query = _SELECT.where(server_groups.c.id == group_id)
    if project_id is not None:
        query = query.where(server_groups.c.project_id == project_id)
    row = tx.first(query)
    if row is None:
        raise NotFound(f"Instance group {group_id[:64]} could not be found.", resource="server_group", id=group_id)
    return ServerGroup(**row._mapping, members=_members(tx, [group_id]).get(group_id, ()))


def page(tx: Tx, project_id: str | None, limit: int, offset: int) -> list[ServerGroup]:
    """With their members, the oldest first."""
    query = _SELECT.order_by(server_groups.c.created_at, server_groups.c.id).limit(limit).offset(offset)
    if project_id is not None:
        query = query.where(server_groups.c.project_id == project_id)
    rows = tx.all(query)
    members = _members(tx, [row.id for row in rows])
    return [ServerGroup(**row._mapping, members=members.get(row.id, ())) for row in rows]


def insert(tx: Tx, values: Mapping[str, Any]) -> None:
    tx.insert(server_groups, {**values, "created_at": tx.now()})


def remove(tx: Tx, group_id: str) -> None:
    """Its servers go on without it."""
    tx.update(servers, servers.c.group_id == group_id, {"group_id": None})
    tx.delete(server_groups, server_groups.c.id == group_id)


def lock(tx: Tx, group_id: str) -> None:
    """Those who add members to the group or place them wait here for one another."""
    tx.update(server_groups, server_groups.c.id == group_id, {"name": server_groups.c.name})


def hosts(tx: Tx, group_id: str, but: str) -> dict[str, int]:
    """Host -> how many servers of the group have a claim there, without ``but``. While a server moves both hosts
    count."""
    mine = (servers.c.group_id == group_id) & servers.c.deleted_at.is_(None) & (servers.c.id != but)
    rows = tx.all(
        sa.select(allocations.c.host, sa.func.count().label("number"))
        .join_from(allocations, servers, servers.c.id == allocations.c.server_id)
        .where(mine)
        .group_by(allocations.c.host)
    )
    return {row.host: row.number for row in rows}


def _members(tx: Tx, group_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    c = servers.c
    rows = tx.all(
        sa.select(c.group_id, c.id)
        .where(c.group_id.in_(group_ids), c.deleted_at.is_(None))
        .order_by(c.created_at, c.id)
    )  # fmt: skip
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        found[row.group_id] = (*found.get(row.group_id, ()), row.id)
    return found
