"""Servers, flavors, key pairs, hosts and what is claimed on them."""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.schema.metadata import UtcDateTime, metadata, project_column, uuid_key

servers = sa.Table(
    "servers",
    metadata,
    uuid_key(),
    project_column(),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("description", sa.String(255)),
    sa.Column("hostname", sa.String(255), nullable=False),
    sa.Column("state", sa.String(32), nullable=False),
    sa.Column("task", sa.String(32)),
    sa.Column("power", sa.String(16), nullable=False, default="none"),
    sa.Column("host", sa.String(255), index=True),
    sa.Column("node", sa.String(255)),
    sa.Column("fence", sa.BigInteger, nullable=False, default=0),
    sa.Column("version", sa.Integer, nullable=False, default=0),
    sa.Column("image_id", sa.String(36)),
    sa.Column("flavor_id", sa.String(255), nullable=False),
    sa.Column("flavor", sa.JSON, nullable=False),  # the flavor as it was at creation: it may change or vanish
    sa.Column("key_name", sa.String(255)),
    sa.Column("key_data", sa.Text),
    sa.Column("user_data", sa.Text),  # base64, as given
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("availability_zone", sa.String(255)),
    sa.Column("config_drive", sa.Boolean, nullable=False, default=False),
    sa.Column("locked", sa.Boolean, nullable=False, default=False),
    sa.Column("locked_reason", sa.String(255)),
    sa.Column("locked_by", sa.String(16)),  # "owner" or "admin": an administrator's lock is not the owner's to open
    sa.Column("group_id", sa.String(36), index=True),  # the server group that it was created in
    sa.Column("hints", sa.JSON(none_as_null=True)),  # {"different_host": […], "same_host": […]}: for later moves, too
    sa.Column("old_flavor", sa.JSON(none_as_null=True)),  # while RESIZED: what a revert goes back to
    sa.Column("new_flavor", sa.JSON(none_as_null=True)),  # while a resize is under way: what it leads to
    sa.Column("old_host", sa.String(255), index=True),
    sa.Column("old_node", sa.String(255)),
    sa.Column("shelved_image_id", sa.String(36)),
    sa.Column("rescue_image_id", sa.String(36)),
    sa.Column("origin_state", sa.String(32)),  # what a rescue, resize or shelve goes back to
    sa.Column("reservation_id", sa.String(32), nullable=False),
    sa.Column("launch_index", sa.Integer, nullable=False, default=0),
    sa.Column("fault", sa.JSON),  # {"code", "message", "created", "details"}
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("launched_at", UtcDateTime),
    sa.Column("terminated_at", UtcDateTime),
    sa.Column("deleted_at", UtcDateTime),
    sa.Index("ix_servers_project_created", "project_id", "created_at", "id"),
    sa.Index("ix_servers_created", "created_at", "id"),
)

flavors = sa.Table(
    "flavors",
    metadata,
    sa.Column("id", sa.String(255), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    sa.Column("description", sa.Text),
    sa.Column("ram_mb", sa.Integer, nullable=False),
    sa.Column("disk_gb", sa.Integer, nullable=False),
    sa.Column("ephemeral_gb", sa.Integer, nullable=False, default=0),
    sa.Column("swap_mb", sa.Integer, nullable=False, default=0),
    sa.Column("vcpus", sa.Integer, nullable=False),
    sa.Column("rxtx_factor", sa.Float, nullable=False, default=1.0),
    sa.Column("is_public", sa.Boolean, nullable=False, default=True),
    sa.Column("disabled", sa.Boolean, nullable=False, default=False),
    sa.Column("extra_specs", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

flavor_access = sa.Table(
    "flavor_access",
    metadata,
    sa.Column("flavor_id", sa.String(255), sa.ForeignKey("flavors.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("project_id", sa.String(64), primary_key=True),
)

keypairs = sa.Table(
    "keypairs",
    metadata,
    sa.Column("user_id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("type", sa.String(16), nullable=False),
    sa.Column("fingerprint", sa.String(255), nullable=False),
    sa.Column("public_key", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

compute_nodes = sa.Table(
    "compute_nodes",
    metadata,
    uuid_key(),
    sa.Column("host", sa.String(255), nullable=False, unique=True),
    sa.Column("hypervisor_hostname", sa.String(255), nullable=False),
    sa.Column("hypervisor_type", sa.String(32), nullable=False),
    sa.Column("hypervisor_version", sa.Integer, nullable=False),
    sa.Column("cpu_arch", sa.String(32), nullable=False),
    sa.Column("host_ip", sa.String(64), nullable=False),
    sa.Column("vcpus", sa.Integer, nullable=False),
    sa.Column("ram_mb", sa.Integer, nullable=False),
    sa.Column("disk_gb", sa.Integer, nullable=False),
    sa.Column("vcpus_used", sa.Integer, nullable=False, default=0),
    sa.Column("ram_mb_used", sa.Integer, nullable=False, default=0),
    sa.Column("disk_gb_used", sa.Integer, nullable=False, default=0),
    sa.Column("servers", sa.Integer, nullable=False, default=0),
    sa.Column("failed_builds", sa.Integer, nullable=False, default=0),
    sa.Column("failed_at", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("vcpus_used >= 0 AND ram_mb_used >= 0 AND disk_gb_used >= 0", name="used_not_negative"),
)

allocations = sa.Table(
    "allocations",
    metadata,
    sa.Column("server_id", sa.String(36), primary_key=True),
    sa.Column("host", sa.String(255), primary_key=True),
    sa.Column("operation_id", sa.String(36), nullable=False),
    sa.Column("vcpus", sa.Integer, nullable=False),
    sa.Column("ram_mb", sa.Integer, nullable=False),
    sa.Column("disk_gb", sa.Integer, nullable=False),
)

aggregates = sa.Table(
    "aggregates",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    sa.Column("metadata", sa.JSON, nullable=False),  # availability_zone is one of its keys
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime),
)

aggregate_hosts = sa.Table(
    "aggregate_hosts",
    metadata,
    sa.Column("aggregate_id", sa.Integer, sa.ForeignKey("aggregates.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("host", sa.String(255), primary_key=True, index=True),
)

server_groups = sa.Table(
    "server_groups",
    metadata,
    uuid_key(),
    project_column(),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("policy", sa.String(32), nullable=False),  # affinity, anti-affinity, soft-affinity, soft-anti-affinity
    sa.Column("rules", sa.JSON, nullable=False),  # {"max_server_per_host": n}
    sa.Column("created_at", UtcDateTime, nullable=False),
)

console_sessions = sa.Table(
    "console_sessions",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("server_id", sa.String(36), nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)

migrations = sa.Table(
    "migrations",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("server_id", sa.String(36), nullable=False, index=True),
    sa.Column("project_id", sa.String(64), nullable=False),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("operation_id", sa.String(36), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),  # migration_type: resize, migration, live-migration, evacuation
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("source_host", sa.String(255), nullable=False, index=True),
    sa.Column("source_node", sa.String(255)),
    sa.Column("dest_host", sa.String(255), index=True),
    sa.Column("dest_node", sa.String(255)),
    sa.Column("old_flavor_id", sa.String(255)),
    sa.Column("new_flavor_id", sa.String(255)),
    sa.Column("progress", sa.JSON),  # bytes of memory and disk: total, processed, remaining
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)
