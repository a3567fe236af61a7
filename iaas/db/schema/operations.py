"""Operations and their journal, services, quota counters: the tables that every service shares."""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.schema.metadata import UtcDateTime, metadata, uuid_key

operations = sa.Table(
    "operations",
    metadata,
    uuid_key(),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("resource_type", sa.String(32), nullable=False),
    sa.Column("resource_id", sa.String(36), nullable=False),
    sa.Column("project_id", sa.String(64), nullable=False),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("request_id", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("undoing", sa.Boolean, nullable=False, default=False),
    sa.Column("yields", sa.Boolean, nullable=False, default=False),
    sa.Column("step", sa.String(64), nullable=False, default=""),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("owner", sa.String(96)),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("wake_at", UtcDateTime),
    sa.Column("nudged", sa.Boolean, nullable=False, default=False),
    sa.Column("deadline", UtcDateTime),
    sa.Column("rounds", sa.Integer, nullable=False, default=0),
    sa.Column("params", sa.JSON, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("error_kind", sa.String(32)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Index("ix_operations_resource", "resource_type", "resource_id"),
    sa.Index("ix_operations_state", "state", "wake_at"),
    sa.Index("ix_operations_request", "resource_id", "request_id"),
)

journal = sa.Table(
    "operation_journal",
    metadata,
    sa.Column("operation_id", sa.String(36), sa.ForeignKey("operations.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("round", sa.Integer, primary_key=True),
    sa.Column("step", sa.String(64), primary_key=True),  # "undo:NAME" for the undo of NAME
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("result", sa.String(16)),  # Success or Error, as os-instance-actions words it
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("host", sa.String(255)),
    sa.Column("report", sa.JSON),
    sa.Column("data", sa.JSON),
    sa.Column("message", sa.Text),
)

services = sa.Table(
    "services",
    metadata,
    uuid_key(),
    sa.Column("binary", sa.String(64), nullable=False),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("boot_id", sa.String(36), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("rss_kb", sa.Integer, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False, default=False),
    sa.Column("disabled_reason", sa.String(255)),
    sa.Column("forced_down", sa.Boolean, nullable=False, default=False),
    sa.Column("address", sa.String(64), nullable=False, default=""),  # of the host, for other hosts (VXLAN, NBD)
    sa.Column("roles", sa.JSON),  # iaas-network: ["l2", "dhcp", "l3", "metadata"]
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("last_seen", UtcDateTime, nullable=False),
    sa.UniqueConstraint("binary", "host"),
)

quota_usage = sa.Table(
    "quota_usage",
    metadata,
    sa.Column("project_id", sa.String(64), primary_key=True),
    sa.Column("resource", sa.String(32), primary_key=True),
    sa.Column("used", sa.BigInteger, nullable=False, default=0),
)

quota_limits = sa.Table(
    "quota_limits",
    metadata,
    sa.Column("project_id", sa.String(64), primary_key=True),
    sa.Column("resource", sa.String(32), primary_key=True),
    sa.Column("hard_limit", sa.BigInteger, nullable=False),
)
