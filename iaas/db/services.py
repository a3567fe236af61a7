"""The services table: one row a daemon and host, touched by every heartbeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import TryAgain, Tx
from iaas.db.schema.operations import services
from iaas.errors import NotFound
from iaas.ids import new_uuid
from iaas.model.service import DEAD, Service

_SELECT = sa.select(*(services.c[item.name] for item in fields(Service)))

BEAT = timedelta(seconds=2)  # between two beats of a conductor
LATE = timedelta(seconds=3.5)  # with jitter and the second until they are written, a beat comes no later than this


def touch(tx: Tx, binary: str, host: str, boot_id: str, pid: int, rss_kb: int,
          address: str = "", roles: Sequence[str] = ()) -> bool:  # fmt: skip
    """Records a sign of life at database time; True when the process is a new one since the last."""
    now = tx.now()
    where = (services.c.binary == binary) & (services.c.host == host)
    row = tx.first(sa.select(services.c.boot_id).where(where))
    values: dict[str, Any] = {"pid": pid, "rss_kb": rss_kb, "last_seen": now, "address": address, "roles": list(roles)}
    if row is None:
        values |= {"id": new_uuid(), "binary": binary, "host": host, "boot_id": boot_id, "started_at": now}
        values |= {"disabled": False, "forced_down": False}
        tx.insert(services, values, conflict=TryAgain("Another beat was first."))
        return True
    if row.boot_id != boot_id:
        values |= {"boot_id": boot_id, "started_at": now}
    tx.update(services, where, values)
    return bool(row.boot_id != boot_id)


def all_of(tx: Tx, binary: str | None = None, host: str | None = None) -> list[Service]:
    query = _SELECT.order_by(services.c.binary, services.c.host)
    if binary:
        query = query.where(services.c.binary == binary)
    if host:
        query = query.where(services.c.host == host)
    return [_service(row) for row in tx.all(query)]


def find(tx: Tx, binary: str, host: str) -> Service | None:
    return next(iter(all_of(tx, binary, host)), None)


def judgement_time(tx: Tx) -> datetime:
    """The moment against which hosts are judged to be up: when a conductor's own beat last came through the broker.

    While the broker or every conductor is away this clock stands still, so no host is declared dead for a silence
    that is not its own (C-11, F-22, F-23).
    """
    seen = tx.scalar(sa.select(sa.func.max(services.c.last_seen)).where(services.c.binary == "iaas-conductor"))
    now = tx.now()
    if seen is None:
        return now
    if isinstance(seen, str):
        seen = datetime.fromisoformat(seen)
    moment: datetime = seen if seen.tzinfo else seen.replace(tzinfo=UTC)
    return min(now, moment)


def wake_clock(tx: Tx) -> timedelta:
    """To be called before a conductor's beat is written: when the clock of judgement_time stood still, every sign of
    life is moved by as long, so that nobody looks dead before it could beat again (F-22, F-25). Gives how long.

    Moved, not renewed: who was silent before stays so, and a conductor whose every beat is late still sees hosts age.
    """
    stood = tx.now() - judgement_time(tx) - BEAT
    if stood + BEAT <= LATE:
        return timedelta()
    c = services.c
    counted = c.last_seen >= judgement_time(tx) - DEAD
    for row in tx.all(sa.select(c.id, c.last_seen).where(counted, c.binary != "iaas-conductor").order_by(c.id)):
        tx.update(services, c.id == row.id, {"last_seen": min(tx.now(), row.last_seen + stood)})
    return stood


def change(tx: Tx, service_id: str, values: dict[str, Any]) -> Service:
    """Sets disabled, disabled_reason or forced_down. Raises NotFound."""
    if not tx.update(services, services.c.id == service_id, values):
        raise NotFound.of("service", service_id)
    row = tx.first(_SELECT.where(services.c.id == service_id))
    assert row is not None
    return _service(row)


def remove(tx: Tx, service_id: str) -> None:
    if not tx.delete(services, services.c.id == service_id):
        raise NotFound.of("service", service_id)


def _service(row: sa.Row[Any]) -> Service:
    return Service(**{**row._mapping, "roles": tuple(row.roles or ())})
