"""Identity, complete: delegation, credentials, limits, options and what hangs on them."""

import sqlalchemy as sa
from alembic import op

from iaas.db.schema.metadata import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _credentials()


def downgrade() -> None:
    for table in ("identity_signatures", "identity_credentials"):
        op.drop_table(table)


def _credentials() -> None:
    op.create_table(
        "identity_credentials",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=True),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.String(length=16), nullable=False),
        sa.Column("chain", sa.String(length=32), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["identity_users.id"], name=op.f("fk_identity_credentials_user_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["identity_projects.id"],
            name=op.f("fk_identity_credentials_project_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_credentials")),
    )
    for column in ("user_id", "project_id", "key_hash"):
        op.create_index(op.f(f"ix_identity_credentials_{column}"), "identity_credentials", [column])
    op.create_table(
        "identity_signatures",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_identity_signatures")),
    )
    op.create_index(op.f("ix_identity_signatures_expires_at"), "identity_signatures", ["expires_at"])
