"""The records of moves. Written beside the move's own changes; nothing is decided by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.compute import migrations
from iaas.errors import NotFound
from iaas.ids import new_uuid
from iaas.model.placement import ENDS, Migration
from iaas.model.server import Server

_SELECT = sa.select(*(migrations.c[item.name] for item in fields(Migration)))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A filter; None is no condition. ``host``: as source or destination."""

    host: str | None = None
    source_host: str | None = None
    status: str | None = None
    kind: str | None = None
    server_id: str | None = None
    user_id: str | None = None
    project_id: str | None = None
    since: datetime | None = None
    before: datetime | None = None


def insert(
    tx: Tx, server: Server, user_id: str, operation_id: str, kind: str, status: str,
    dest_host: str | None = None, new_flavor_id: str | None = None,
) -> None:  # fmt: skip
    """Records that the server's move was accepted."""
    now = tx.now()
    tx.insert(migrations, {
        "uuid": new_uuid(), "server_id": server.id, "project_id": server.project_id, "user_id": user_id,
        "operation_id": operation_id, "kind": kind, "status": status, "source_host": server.host or "",
        "source_node": server.node, "dest_host": dest_host, "old_flavor_id": server.flavor.id,
        "new_flavor_id": new_flavor_id or server.flavor.id, "created_at": now, "updated_at": now,
    })  # fmt: skip


def change(tx: Tx, operation_id: str, values: Mapping[str, Any]) -> None:
    """Writes into the record of the operation's move, if it has one."""
    tx.update(migrations, migrations.c.operation_id == operation_id, {**values, "updated_at": tx.now()})


def advance(tx: Tx, operation_id: str, before: str, after: str) -> None:
    """To the next status, unless the record has come to another one meanwhile: an abort is not forgotten."""
    c = migrations.c
    these = (c.operation_id == operation_id) & (c.status == before)
    tx.update(migrations, these, {"status": after, "updated_at": tx.now()})


def change_latest(tx: Tx, server_id: str, kinds: Sequence[str], values: Mapping[str, Any]) -> None:
    """The same for the server's latest move of these kinds: a confirm or a revert ends a resize."""
    c = migrations.c
    latest = tx.scalar(sa.select(sa.func.max(c.id)).where(c.server_id == server_id, c.kind.in_(kinds)))
    if latest is not None:
        tx.update(migrations, c.id == latest, {**values, "updated_at": tx.now()})


def abandon(tx: Tx, server_id: str) -> None:
    """Something took over from the server's move: it has failed."""
    under_way = (migrations.c.server_id == server_id) & migrations.c.status.not_in(ENDS)
    tx.update(migrations, under_way, {"status": "error", "updated_at": tx.now()})


def of_operation(tx: Tx, operation_id: str) -> Migration | None:
    row = tx.first(_SELECT.where(migrations.c.operation_id == operation_id))
    return _value(row) if row else None


def of_server(tx: Tx, server_id: str, kind: str, statuses: Sequence[str]) -> list[Migration]:
    c = migrations.c
    rows = tx.all(_SELECT.where(c.server_id == server_id, c.kind == kind, c.status.in_(statuses)).order_by(c.id))
    return [_value(row) for row in rows]


def page(tx: Tx, wanted: Wanted, limit: int, marker: str | None) -> list[Migration]:
    """The latest first. ``marker``: the uuid after which the page begins. Raises NotFound for an unknown one."""
    c = migrations.c
    query = _SELECT.order_by(c.id.desc()).limit(limit)
    for name in ("source_host", "status", "kind", "server_id", "user_id", "project_id"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(c[name] == value)
    if wanted.host is not None:
        query = query.where((c.source_host == wanted.host) | (c.dest_host == wanted.host))
    if wanted.since is not None:
        query = query.where(c.updated_at >= wanted.since)
    if wanted.before is not None:
        query = query.where(c.updated_at <= wanted.before)
    if marker is not None:
        after = tx.scalar(sa.select(c.id).where(c.uuid == marker))
        if after is None:
            raise NotFound(f"Marker {marker} could not be found.")
        query = query.where(c.id < after)
    return [_value(row) for row in tx.all(query)]


def _value(row: sa.Row[Any]) -> Migration:
    return Migration(**{**row._mapping, "progress": row.progress or {}})
