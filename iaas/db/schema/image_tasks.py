"""Table of the image service's tasks."""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.schema.metadata import UtcDateTime, metadata, uuid_key

image_tasks = sa.Table(
    "image_tasks",
    metadata,
    uuid_key(),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("owner", sa.String(64)),
    sa.Column("user_id", sa.String(64)),
    sa.Column("request_id", sa.String(64)),
    sa.Column("image_id", sa.String(36), index=True),
    sa.Column("input", sa.JSON, nullable=False),
    sa.Column("result", sa.JSON),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("lease_until", UtcDateTime),  # over, and who took it up is taken for dead
    sa.Column("expires_at", UtcDateTime, index=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Index("ix_image_tasks_status", "status", "created_at"),
)
