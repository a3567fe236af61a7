"""Routers, floating IPs, tunnels; snapshots and attachments; aggregates, server groups, migrations."""

import sqlalchemy as sa
from alembic import op

from iaas.db.schema.metadata import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "aggregates",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aggregates")),
        sa.UniqueConstraint("name", name=op.f("uq_aggregates_name")),
        sa.UniqueConstraint("uuid", name=op.f("uq_aggregates_uuid")),
    )
    op.create_table(
        "migrations",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("server_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("operation_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("source_host", sa.String(length=255), nullable=False),
        sa.Column("source_node", sa.String(length=255), nullable=True),
        sa.Column("dest_host", sa.String(length=255), nullable=True),
        sa.Column("dest_node", sa.String(length=255), nullable=True),
        sa.Column("old_flavor_id", sa.String(length=255), nullable=True),
        sa.Column("new_flavor_id", sa.String(length=255), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_migrations")),
        sa.UniqueConstraint("uuid", name=op.f("uq_migrations_uuid")),
    )
    with op.batch_alter_table("migrations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_migrations_dest_host"), ["dest_host"], unique=False)
        batch_op.create_index(batch_op.f("ix_migrations_server_id"), ["server_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_migrations_source_host"), ["source_host"], unique=False)

    op.create_table(
        "routers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("enable_snat", sa.Boolean(), nullable=False),
        sa.Column("gateway_port_id", sa.String(length=36), nullable=True),
        sa.Column("routes", sa.JSON(), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routers")),
        sa.UniqueConstraint("gateway_port_id", name=op.f("uq_routers_gateway_port_id")),
    )
    with op.batch_alter_table("routers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_routers_host"), ["host"], unique=False)
        batch_op.create_index(batch_op.f("ix_routers_project_id"), ["project_id"], unique=False)

    op.create_table(
        "server_groups",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("policy", sa.String(length=32), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_groups")),
    )
    with op.batch_alter_table("server_groups", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_server_groups_project_id"), ["project_id"], unique=False)

    op.create_table(
        "volume_backends",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("total_gb", sa.Integer(), nullable=False),
        sa.Column("used_gb", sa.Integer(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("used_gb >= 0", name="used_not_negative"),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_volume_backends")),
    )
    op.create_table(
        "aggregate_hosts",
        sa.Column("aggregate_id", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["aggregate_id"], ["aggregates.id"], name=op.f("fk_aggregate_hosts_aggregate_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("aggregate_id", "host", name=op.f("pk_aggregate_hosts")),
    )
    with op.batch_alter_table("aggregate_hosts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_aggregate_hosts_host"), ["host"], unique=False)

    op.create_table(
        "console_sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("server_id", sa.String(length=36), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_console_sessions")),
    )
    with op.batch_alter_table("console_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_console_sessions_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "floating_ips",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("network_id", sa.String(length=36), nullable=False),
        sa.Column("own_port_id", sa.String(length=36), nullable=False),
        sa.Column("ip", sa.String(length=45), nullable=False),
        sa.Column("port_id", sa.String(length=36), nullable=True),
        sa.Column("fixed_ip", sa.String(length=45), nullable=True),
        sa.Column("router_id", sa.String(length=36), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["network_id"], ["networks.id"], name=op.f("fk_floating_ips_network_id")),
        sa.ForeignKeyConstraint(["own_port_id"], ["ports.id"], name=op.f("fk_floating_ips_own_port_id")),
        sa.ForeignKeyConstraint(["port_id"], ["ports.id"], name=op.f("fk_floating_ips_port_id")),
        sa.ForeignKeyConstraint(["router_id"], ["routers.id"], name=op.f("fk_floating_ips_router_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_floating_ips")),
        sa.UniqueConstraint("own_port_id", name=op.f("uq_floating_ips_own_port_id")),
        sa.UniqueConstraint("port_id", "fixed_ip", name=op.f("uq_floating_ips_port_id_fixed_ip")),
    )
    with op.batch_alter_table("floating_ips", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_floating_ips_ip"), ["ip"], unique=False)
        batch_op.create_index(batch_op.f("ix_floating_ips_network_id"), ["network_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_floating_ips_port_id"), ["port_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_floating_ips_project_id"), ["project_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_floating_ips_router_id"), ["router_id"], unique=False)

    op.create_table(
        "volume_attachments",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("volume_id", sa.String(length=36), nullable=False),
        sa.Column("server_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("mode", sa.String(length=2), nullable=False),
        sa.Column("device", sa.String(length=16), nullable=False),
        sa.Column("boot_index", sa.Integer(), nullable=True),
        sa.Column("delete_on_termination", sa.Boolean(), nullable=False),
        sa.Column("tag", sa.String(length=60), nullable=True),
        sa.Column("host", sa.String(length=255), nullable=True),
        sa.Column("export", sa.String(length=36), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("attached_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["volume_id"], ["volumes.id"], name=op.f("fk_volume_attachments_volume_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volume_attachments")),
        sa.UniqueConstraint("server_id", "device", name=op.f("uq_volume_attachments_server_id_device")),
        sa.UniqueConstraint("server_id", "volume_id", name=op.f("uq_volume_attachments_server_id_volume_id")),
    )
    with op.batch_alter_table("volume_attachments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_volume_attachments_project_id"), ["project_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_volume_attachments_server_id"), ["server_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_volume_attachments_volume_id"), ["volume_id"], unique=False)

    op.create_table(
        "volume_snapshots",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("volume_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.Column("size_gb", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("task", sa.String(length=32), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["volume_id"], ["volumes.id"], name=op.f("fk_volume_snapshots_volume_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volume_snapshots")),
    )
    with op.batch_alter_table("volume_snapshots", schema=None) as batch_op:
        batch_op.create_index("ix_volume_snapshots_project_created", ["project_id", "created_at", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_volume_snapshots_project_id"), ["project_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_volume_snapshots_volume_id"), ["volume_id"], unique=False)

    with op.batch_alter_table("operations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("yields", sa.Boolean(), nullable=False, server_default=sa.false()))

    with op.batch_alter_table("ports", schema=None) as batch_op:
        batch_op.add_column(sa.Column("router_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("wired_revision", sa.Integer(), nullable=False, server_default="-1"))
        batch_op.add_column(sa.Column("served_revision", sa.Integer(), nullable=False, server_default="-1"))
        batch_op.add_column(sa.Column("next_host", sa.String(length=255), nullable=True))
        batch_op.add_column(sa.Column("next_wired_revision", sa.Integer(), nullable=False, server_default="-1"))
        batch_op.create_index(batch_op.f("ix_ports_router_id"), ["router_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ports_next_host"), ["next_host"], unique=False)

    with op.batch_alter_table("compute_nodes", schema=None) as batch_op:
        batch_op.drop_column("availability_zone")  # it follows from the aggregates
        batch_op.add_column(sa.Column("failed_builds", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("failed_at", UtcDateTime(), nullable=True))

    with op.batch_alter_table("servers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("group_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("hints", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("old_flavor", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("new_flavor", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("old_host", sa.String(length=255), nullable=True))
        batch_op.add_column(sa.Column("old_node", sa.String(length=255), nullable=True))
        batch_op.add_column(sa.Column("shelved_image_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("rescue_image_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("origin_state", sa.String(length=32), nullable=True))
        batch_op.create_index(batch_op.f("ix_servers_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_servers_old_host"), ["old_host"], unique=False)

    with op.batch_alter_table("services", schema=None) as batch_op:
        batch_op.add_column(sa.Column("address", sa.String(length=64), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("roles", sa.JSON(), nullable=True))

    with op.batch_alter_table("volumes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("multiattach", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("image_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("image_metadata", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("snapshot_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("source_volume_id", sa.String(length=36), nullable=True))
