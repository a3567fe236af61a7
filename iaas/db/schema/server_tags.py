"""The tags of servers."""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.schema.metadata import metadata

server_tags = sa.Table(
    "server_tags",
    metadata,
    sa.Column("server_id", sa.String(36), sa.ForeignKey("servers.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("tag", sa.String(60), primary_key=True),
    sa.Index("ix_server_tags_tag", "tag"),
)
