"""Each project may have a network of its own that was made by itself, behind the default external network."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    default = sa.text("is_default")
    with op.batch_alter_table("networks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_default", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.create_index(
            "uq_networks_is_default", ["is_default"], unique=True, sqlite_where=default, postgresql_where=default
        )
    op.create_table(
        "auto_topologies",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("cidr", sa.String(length=18), nullable=False),
        sa.Column("network_id", sa.String(length=36), nullable=True),
        sa.Column("router_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["network_id"], ["networks.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["router_id"], ["routers.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("project_id"),
        sa.UniqueConstraint("cidr"),
        sa.UniqueConstraint("network_id"),
        sa.UniqueConstraint("router_id"),
    )
