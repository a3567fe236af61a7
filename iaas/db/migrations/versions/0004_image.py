"""Image, complete: stores, imports and tasks, definitions of properties."""

import sqlalchemy as sa
from alembic import op

from iaas.db.schema.metadata import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _metadefs()
    _locations()
    _tasks()
    _counted()


def _counted() -> None:
    """The images that are there already, in the counters of their projects."""
    op.execute(
        "INSERT INTO quota_usage (project_id, resource, used) SELECT project_id, 'images', COUNT(*) FROM images "
        "WHERE project_id IS NOT NULL AND state <> 'deleted' GROUP BY project_id"
    )


def _metadefs() -> None:
    op.create_table(
        "metadef_namespaces",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("display_name", sa.String(length=80), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("visibility", sa.String(length=16), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metadef_namespaces")),
        sa.UniqueConstraint("name", name=op.f("uq_metadef_namespaces_name")),
    )
    op.create_index(op.f("ix_metadef_namespaces_project_id"), "metadef_namespaces", ["project_id"])
    op.create_table(
        "metadef_resource_types",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_metadef_resource_types")),
    )
    op.create_table(
        "metadef_definitions",
        sa.Column("namespace_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"],
            ["metadef_namespaces.id"],
            name=op.f("fk_metadef_definitions_namespace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("namespace_id", "kind", "name", name=op.f("pk_metadef_definitions")),
    )
    op.create_table(
        "metadef_associations",
        sa.Column("namespace_id", sa.String(length=36), nullable=False),
        sa.Column("resource_type", sa.String(length=80), nullable=False),
        sa.Column("prefix", sa.String(length=80), nullable=True),
        sa.Column("properties_target", sa.String(length=80), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"],
            ["metadef_namespaces.id"],
            name=op.f("fk_metadef_associations_namespace_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["resource_type"],
            ["metadef_resource_types.name"],
            name=op.f("fk_metadef_associations_resource_type"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("namespace_id", "resource_type", name=op.f("pk_metadef_associations")),
    )
    op.create_index(op.f("ix_metadef_associations_resource_type"), "metadef_associations", ["resource_type"])


def _locations() -> None:
    """Images that have data have them in the one store of the releases before: "filesystem"."""
    op.create_table(
        "image_locations",
        sa.Column("image_id", sa.String(length=36), nullable=False),
        sa.Column("store", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=2048), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name=op.f("fk_image_locations_image_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("image_id", "store", name=op.f("pk_image_locations")),
    )
    op.execute(
        "INSERT INTO image_locations (image_id, store, name, state) "
        "SELECT id, 'filesystem', id || '.' || generation, 'active' FROM images "
        "WHERE state IN ('active', 'deactivated')"
    )


def _tasks() -> None:
    op.create_table(
        "image_tasks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("user_id", sa.String(length=64), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("image_id", sa.String(length=36), nullable=True),
        sa.Column("input", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image_tasks")),
    )
    op.create_index(op.f("ix_image_tasks_image_id"), "image_tasks", ["image_id"])
    op.create_index(op.f("ix_image_tasks_expires_at"), "image_tasks", ["expires_at"])
    op.create_index("ix_image_tasks_status", "image_tasks", ["status", "created_at"])


def downgrade() -> None:
    op.drop_table("image_tasks")
    op.execute("DELETE FROM quota_usage WHERE resource = 'images'")
    op.drop_table("image_locations")
    op.drop_table("metadef_associations")
    op.drop_table("metadef_definitions")
    op.drop_table("metadef_resource_types")
    op.drop_table("metadef_namespaces")
