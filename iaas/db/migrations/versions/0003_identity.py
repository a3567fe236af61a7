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
    _delegation()


def downgrade() -> None:
    for table in ("identity_trusts", "identity_access_rules", "identity_application_credentials"):
        op.drop_table(table)
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


def _owned_by(table: str, name: str, owner: str, nullable: bool = False) -> tuple[sa.Column[str], sa.Constraint]:
    key = sa.ForeignKeyConstraint([name], [f"{owner}.id"], name=op.f(f"fk_{table}_{name}"), ondelete="CASCADE")
    return sa.Column(name, sa.String(length=64), nullable=nullable), key


def _index(table: str, *names: str) -> None:
    for name in names:
        op.create_index(op.f(f"ix_{table}_{name}"), table, [name], unique=False)


def _delegation() -> None:
    table = "identity_application_credentials"
    op.create_table(
        table,
        sa.Column("id", sa.String(length=64), nullable=False),
        *_owned_by(table, "user_id", "identity_users"),
        *_owned_by(table, "project_id", "identity_projects"),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("secret_hash", sa.String(length=255), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("unrestricted", sa.Boolean(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("access_rules", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("user_id", "name", name=op.f(f"uq_{table}_user_id_name")),
    )
    _index(table, "user_id", "project_id")
    table = "identity_access_rules"
    op.create_table(
        table,
        sa.Column("id", sa.String(length=64), nullable=False),
        *_owned_by(table, "user_id", "identity_users"),
        sa.Column("service", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "user_id", "service", "method", "path", name=op.f(f"uq_{table}_user_id_service_method_path")
        ),
    )
    _index(table, "user_id")
    table = "identity_trusts"
    op.create_table(
        table,
        sa.Column("id", sa.String(length=64), nullable=False),
        *_owned_by(table, "trustor_user_id", "identity_users"),
        *_owned_by(table, "trustee_user_id", "identity_users"),
        *_owned_by(table, "grantor_id", "identity_users"),
        *_owned_by(table, "project_id", "identity_projects", nullable=True),
        sa.Column("impersonation", sa.Boolean(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("remaining_uses", sa.Integer(), nullable=True),
        *_owned_by(table, "redelegated_trust_id", "identity_trusts", nullable=True),
        sa.Column("redelegation_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    _index(table, "trustor_user_id", "trustee_user_id", "grantor_id", "project_id", "redelegated_trust_id")
