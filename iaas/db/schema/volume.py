"""Volumes and their types."""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.schema.metadata import UtcDateTime, metadata, project_column, uuid_key

volume_types = sa.Table(
    "volume_types",
    metadata,
    uuid_key(),
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    sa.Column("description", sa.String(255)),
    sa.Column("is_public", sa.Boolean, nullable=False, default=True),
    sa.Column("extra_specs", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

volumes = sa.Table(
    "volumes",
    metadata,
    uuid_key(),
    project_column(),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("name", sa.String(255)),
    sa.Column("description", sa.String(255)),
    sa.Column("size_gb", sa.Integer, nullable=False),
    sa.Column("state", sa.String(32), nullable=False),
    sa.Column("task", sa.String(32)),
    sa.Column("host", sa.String(255), index=True),
    sa.Column("volume_type_id", sa.String(36), sa.ForeignKey("volume_types.id")),
    sa.Column("availability_zone", sa.String(255), nullable=False),
    sa.Column("bootable", sa.Boolean, nullable=False, default=False),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("fence", sa.BigInteger, nullable=False, default=0),
    sa.Column("version", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
    sa.Index("ix_volumes_project_created", "project_id", "created_at", "id"),
)
