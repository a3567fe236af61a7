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
    sa.Column("multiattach", sa.Boolean, nullable=False, default=False),
    sa.Column("image_id", sa.String(36)),  # where its bytes came from: image, snapshot or volume
    sa.Column("image_metadata", sa.JSON),  # the image's properties at that time
    sa.Column("snapshot_id", sa.String(36)),
    sa.Column("source_volume_id", sa.String(36)),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("fence", sa.BigInteger, nullable=False, default=0),
    sa.Column("version", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
    sa.Index("ix_volumes_project_created", "project_id", "created_at", "id"),
)

snapshots = sa.Table(
    "volume_snapshots",
    metadata,
    uuid_key(),
    project_column(),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("volume_id", sa.String(36), sa.ForeignKey("volumes.id"), nullable=False, index=True),
    sa.Column("name", sa.String(255)),
    sa.Column("description", sa.String(255)),
    sa.Column("size_gb", sa.Integer, nullable=False),
    sa.Column("state", sa.String(32), nullable=False),
    sa.Column("task", sa.String(32)),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("fence", sa.BigInteger, nullable=False, default=0),
    sa.Column("version", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
    sa.Index("ix_volume_snapshots_project_created", "project_id", "created_at", "id"),
)

# One row from the wish to attach until the volume is off the server again: block device mapping of the compute API
# and attachment of the volume API at once.
volume_attachments = sa.Table(
    "volume_attachments",
    metadata,
    uuid_key(),
    project_column(),
    sa.Column("volume_id", sa.String(36), sa.ForeignKey("volumes.id"), nullable=False, index=True),
    sa.Column("server_id", sa.String(36), nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False),  # reserved, attaching, attached, detaching
    sa.Column("mode", sa.String(2), nullable=False, default="rw"),
    sa.Column("device", sa.String(16), nullable=False),  # target in the domain: "vdb"
    sa.Column("boot_index", sa.Integer),  # 0: the root disk
    sa.Column("delete_on_termination", sa.Boolean, nullable=False, default=False),
    sa.Column("tag", sa.String(60)),
    sa.Column("host", sa.String(255)),  # the compute host that it is connected from
    sa.Column("export", sa.String(36), nullable=False),  # the name under which it is served
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("attached_at", UtcDateTime),
    sa.UniqueConstraint("server_id", "volume_id"),
    sa.UniqueConstraint("server_id", "device"),
)

# What a volume host offers; used_gb is what is promised, changed by compare-and-swap with the volume's row.
volume_backends = sa.Table(
    "volume_backends",
    metadata,
    sa.Column("host", sa.String(255), primary_key=True),
    sa.Column("address", sa.String(64), nullable=False),  # where its exports listen
    sa.Column("port", sa.Integer, nullable=False),
    sa.Column("total_gb", sa.Integer, nullable=False),
    sa.Column("used_gb", sa.Integer, nullable=False, default=0),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("used_gb >= 0", name="used_not_negative"),
)
