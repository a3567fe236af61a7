"""What volume hosts offer, and what of it is promised: changed by compare-and-swap beside the rows that it is for."""

from __future__ import annotations

from dataclasses import fields

import sqlalchemy as sa

from iaas.db.engine import TryAgain, Tx
from iaas.db.schema.volume import snapshots, volume_backends, volumes
from iaas.model.order import Backend
from iaas.model.volume import Pool

_C = volume_backends.c
_SELECT = sa.select(*(_C[item.name] for item in fields(Pool)))


def record(tx: Tx, host: str, backend: Backend) -> None:
    """What a heartbeat says. A host that is new here begins with what its rows promise."""
    values = {"address": backend.address, "port": backend.port, "total_gb": backend.total_gb, "updated_at": tx.now()}
    if not tx.update(volume_backends, _C.host == host, values):
        row = {**values, "host": host, "used_gb": promised(tx, host)}
        tx.insert(volume_backends, row, conflict=TryAgain("Another beat was first."))


def all_of(tx: Tx) -> list[Pool]:
    return [Pool(**row._mapping) for row in tx.all(_SELECT.order_by(_C.host))]


def find(tx: Tx, host: str) -> Pool | None:
    row = tx.first(_SELECT.where(_C.host == host))
    return Pool(**row._mapping) if row else None


def take(tx: Tx, host: str, size_gb: int) -> bool:
    """Promises so much of the host; False when it has no room, or is none. Racing placements can't both pass."""
    room = (_C.host == host) & (_C.used_gb + size_gb <= _C.total_gb)
    return tx.update(volume_backends, room, {"used_gb": _C.used_gb + size_gb}) == 1


def give(tx: Tx, host: str | None, size_gb: int) -> None:
    """Takes the promise back; never below zero."""
    left = sa.case((_C.used_gb > size_gb, _C.used_gb - size_gb), else_=0)
    tx.update(volume_backends, _C.host == host, {"used_gb": left})


def promised(tx: Tx, host: str) -> int:
    """GiB of the volumes and snapshots on the host, as the rows say."""
    of_volumes = sa.select(sa.func.sum(volumes.c.size_gb)).where(volumes.c.host == host, volumes.c.deleted_at.is_(None))
    of_snapshots = (
        sa.select(sa.func.sum(snapshots.c.size_gb))
        .join(volumes, volumes.c.id == snapshots.c.volume_id)
        .where(volumes.c.host == host, snapshots.c.deleted_at.is_(None))
    )
    return int(tx.scalar(of_volumes) or 0) + int(tx.scalar(of_snapshots) or 0)
