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
_COLUMNS = [volume_types.c[item.name] for item in fields(VolumeType)]


def all_public(tx: Tx) -> list[VolumeType]:
    """The default first, then by name; at most 1,000."""
    query = sa.select(*_COLUMNS).where(volume_types.c.is_public).order_by(volume_types.c.name).limit(1000)
    return [DEFAULT, *(VolumeType(**row._mapping) for row in tx.all(query))]


def find(tx: Tx, name_or_id: str) -> VolumeType:
    """Raises NotFound."""
    for known in all_public(tx):
        if name_or_id in (known.id, known.name):
            return known
    words = f"Volume type {name_or_id[:255]} could not be found."
    raise NotFound(words, resource="volume_type", id=name_or_id)
