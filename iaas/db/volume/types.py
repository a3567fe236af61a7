"""Volume types. The default type is always there and has no row: a volume without a type id is of it."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.volume import volume_types
from iaas.errors import NotFound
from iaas.model.volume import VolumeType

DEFAULT = VolumeType(
    id="5f9e2c1a-7d30-4b7e-9c55-0d6f6a1b2c3d",
    name="__DEFAULT__",
    description="Default Volume Type",
    is_public=True,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)
LIMIT = 1000
_COLUMNS = [volume_types.c[item.name] for item in fields(VolumeType)]


def all_types(tx: Tx, private: bool) -> list[VolumeType]:
    """The default first, then by name; ``private``: those too that are not for everybody. At most LIMIT."""
    query = sa.select(*_COLUMNS).order_by(volume_types.c.name).limit(LIMIT)
    if not private:
        query = query.where(volume_types.c.is_public)
    return [DEFAULT, *(VolumeType(**row._mapping) for row in tx.all(query))]


def find(tx: Tx, name_or_id: str, private: bool) -> VolumeType:
    """Raises NotFound, for a hidden type as for none at all (S-059)."""
    for known in all_types(tx, private):
        if name_or_id in (known.id, known.name):
            return known
    words = f"Volume type {name_or_id[:255]} could not be found."
    raise NotFound(words, resource="volume_type", id=name_or_id[:255])
