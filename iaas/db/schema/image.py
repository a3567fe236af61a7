"""Tables of the image service."""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.schema.metadata import UtcDateTime, metadata, uuid_key


def _of_image() -> sa.Column[str]:
    key = sa.ForeignKey("images.id", ondelete="CASCADE")
    return sa.Column("image_id", sa.String(36), key, primary_key=True)


images = sa.Table(
    "images",
    metadata,
    uuid_key(),
    sa.Column("name", sa.String(255)),
    sa.Column("project_id", sa.String(64), index=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("task", sa.String(16)),
    sa.Column("visibility", sa.String(16), nullable=False),
    sa.Column("disk_format", sa.String(20)),
    sa.Column("container_format", sa.String(20)),
    sa.Column("min_disk", sa.Integer, nullable=False, default=0),
    sa.Column("min_ram", sa.Integer, nullable=False, default=0),
    sa.Column("protected", sa.Boolean, nullable=False, default=False),
    sa.Column("hidden", sa.Boolean, nullable=False, default=False),
    sa.Column("size", sa.BigInteger),
    sa.Column("virtual_size", sa.BigInteger),
    sa.Column("checksum", sa.String(32)),
    sa.Column("hash_algo", sa.String(16)),
    sa.Column("hash_value", sa.String(128)),
    sa.Column("generation", sa.Integer, nullable=False, default=0),
    sa.Column("reserved", sa.BigInteger, nullable=False, default=0),  # what the quota counter holds for it, bytes
    sa.Column("lease_until", UtcDateTime),  # of the task: over, and whoever held it is taken for dead
    sa.Column("version", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
    sa.Index("ix_images_listed", "created_at", "id"),
    sa.Index("ix_images_task", "task", "lease_until"),
)

image_properties = sa.Table(
    "image_properties",
    metadata,
    _of_image(),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

image_tags = sa.Table(
    "image_tags",
    metadata,
    _of_image(),
    sa.Column("tag", sa.String(255), primary_key=True),
)

# Where data of images are. A row is there before the first byte is and until the last one is gone.
image_locations = sa.Table(
    "image_locations",
    metadata,
    _of_image(),
    sa.Column("store", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(2048), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
)

image_members = sa.Table(
    "image_members",
    metadata,
    _of_image(),
    sa.Column("project_id", sa.String(64), primary_key=True, index=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)
