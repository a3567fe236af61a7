"""Tables of the metadata definitions, which belong to the image service."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from iaas.db.schema.metadata import UtcDateTime, metadata, uuid_key


def _times() -> tuple[sa.Column[datetime], sa.Column[datetime]]:
    return sa.Column("created_at", UtcDateTime, nullable=False), sa.Column("updated_at", UtcDateTime, nullable=False)


def _of_namespace() -> sa.Column[str]:
    key = sa.ForeignKey("metadef_namespaces.id", ondelete="CASCADE")
    return sa.Column("namespace_id", sa.String(36), key, primary_key=True)


namespaces = sa.Table(
    "metadef_namespaces",
    metadata,
    uuid_key(),
    sa.Column("name", sa.String(80), nullable=False, unique=True),
    sa.Column("display_name", sa.String(80)),
    sa.Column("description", sa.Text),
    sa.Column("visibility", sa.String(16), nullable=False),
    sa.Column("protected", sa.Boolean, nullable=False),
    sa.Column("project_id", sa.String(255), index=True),
    *_times(),
)

definitions = sa.Table(
    "metadef_definitions",
    metadata,
    _of_namespace(),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("body", sa.JSON, nullable=False),
    *_times(),
)

resource_types = sa.Table(
    "metadef_resource_types",
    metadata,
    sa.Column("name", sa.String(80), primary_key=True),
    *_times(),
)

associations = sa.Table(
    "metadef_associations",
    metadata,
    _of_namespace(),
    sa.Column(
        "resource_type",
        sa.String(80),
        sa.ForeignKey("metadef_resource_types.name", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    sa.Column("prefix", sa.String(80)),
    sa.Column("properties_target", sa.String(80)),
    *_times(),
)
