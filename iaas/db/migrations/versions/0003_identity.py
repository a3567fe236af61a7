"""Identity, complete: delegation, credentials, limits, options and what hangs on them."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

from iaas.db.schema.metadata import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _people()
    _credentials()
    _delegation()
    _limits()
    _around_the_catalog()


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


def _owned_by(
    table: str, name: str, owner: str, nullable: bool = False, length: int = 64
) -> tuple[sa.Column[str], sa.Constraint]:
    key = sa.ForeignKeyConstraint([name], [f"{owner}.id"], name=op.f(f"fk_{table}_{name}"), ondelete="CASCADE")
    return sa.Column(name, sa.String(length=length), nullable=nullable), key


def _index(table: str, *names: str) -> None:
    for name in names:
        op.create_index(op.f(f"ix_{table}_{name}"), table, [name], unique=False)


def _delegation() -> None:
    with op.batch_alter_table("identity_revocations") as batch_op:
        batch_op.add_column(sa.Column("revoked_at", UtcDateTime(), nullable=True))
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


def _people() -> None:
    """Options, passwords that end, roles of one domain, inherited assignments."""
    with op.batch_alter_table("identity_domains") as batch_op:
        batch_op.add_column(sa.Column("tags", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(_options())
    with op.batch_alter_table("identity_projects") as batch_op:
        batch_op.add_column(_options())
    with op.batch_alter_table("identity_users") as batch_op:
        batch_op.add_column(sa.Column("password_set_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("password_own", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("password_expires_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("last_active_at", UtcDateTime(), nullable=True))
        batch_op.add_column(_options())
    op.create_table(
        "identity_old_passwords",
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("replaced_at", UtcDateTime(), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["identity_users.id"], name=op.f("fk_identity_old_passwords_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "replaced_at", name=op.f("pk_identity_old_passwords")),
    )
    key = ["actor_type", "actor_id", "target_type", "target_id", "role_id", "inherited"]
    with op.batch_alter_table("identity_assignments") as batch_op:
        batch_op.add_column(sa.Column("inherited", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.drop_constraint(op.f("pk_identity_assignments"), type_="primary")
        batch_op.create_primary_key(op.f("pk_identity_assignments"), key)
    with _kept("identity_assignments", "identity_role_inferences"), op.batch_alter_table("identity_roles") as batch_op:
        batch_op.add_column(sa.Column("domain_id", sa.String(length=64), nullable=True))
        batch_op.add_column(_options())
        batch_op.drop_constraint(op.f("uq_identity_roles_name"), type_="unique")
        batch_op.create_unique_constraint(op.f("uq_identity_roles_domain_id_name"), ["domain_id", "name"])
        batch_op.create_foreign_key(
            op.f("fk_identity_roles_domain_id"), "identity_domains", ["domain_id"], ["id"], ondelete="CASCADE"
        )
        batch_op.create_index(op.f("ix_identity_roles_domain_id"), ["domain_id"])
    whole = sa.text("domain_id IS NULL")
    op.create_index(
        "uq_identity_roles_global",
        "identity_roles",
        ["name"],
        unique=True,
        sqlite_where=whole,
        postgresql_where=whole,
    )


def _options() -> sa.Column[sa.JSON]:
    return sa.Column("options", sa.JSON(), nullable=False, server_default="{}")


@contextmanager
def _kept(*tables: str) -> Iterator[None]:
    """SQLite changes a table by making it anew, and the old one's end takes along what refers to it."""
    if op.get_bind().dialect.name != "sqlite":
        yield
        return
    for table in tables:
        op.execute(f"CREATE TEMPORARY TABLE kept_{table} AS SELECT * FROM {table}")  # noqa: S608 - our own words
    yield
    for table in tables:
        op.execute(f"INSERT OR IGNORE INTO {table} SELECT * FROM kept_{table}")  # noqa: S608 - our own words
        op.execute(f"DROP TABLE kept_{table}")


def _limits() -> None:
    table = "identity_registered_limits"
    op.create_table(
        table,
        sa.Column("id", sa.String(length=64), nullable=False),
        *_owned_by(table, "service_id", "identity_services"),
        sa.Column("place", sa.String(length=255), nullable=False),
        sa.Column("default_limit", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.String(length=255), nullable=True),
        sa.Column("resource_name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["region_id"], ["identity_regions.id"], name=op.f(f"fk_{table}_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "service_id", "place", "resource_name", name=op.f(f"uq_{table}_service_id_place_resource_name")
        ),
    )
    table = "identity_limits"
    op.create_table(
        table,
        sa.Column("id", sa.String(length=64), nullable=False),
        *_owned_by(table, "registered_limit_id", "identity_registered_limits"),
        *_owned_by(table, "project_id", "identity_projects", nullable=True),
        *_owned_by(table, "domain_id", "identity_domains", nullable=True),
        sa.Column("service_id", sa.String(length=64), nullable=False),
        sa.Column("resource_limit", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.String(length=255), nullable=True),
        sa.Column("resource_name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "registered_limit_id", "project_id", name=op.f(f"uq_{table}_registered_limit_id_project_id")
        ),
        sa.UniqueConstraint("registered_limit_id", "domain_id", name=op.f(f"uq_{table}_registered_limit_id_domain_id")),
    )
    _index(table, "registered_limit_id", "project_id", "domain_id")


def _around_the_catalog() -> None:
    op.create_table(
        "identity_policies",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_policies")),
    )
    table = "identity_policy_places"
    op.create_table(
        table,
        sa.Column("place", sa.String(length=400), nullable=False),
        *_owned_by(table, "policy_id", "identity_policies"),
        *_owned_by(table, "endpoint_id", "identity_endpoints", nullable=True),
        *_owned_by(table, "service_id", "identity_services", nullable=True),
        *_owned_by(table, "region_id", "identity_regions", nullable=True, length=255),
        sa.PrimaryKeyConstraint("place", name=op.f(f"pk_{table}")),
    )
    _index(table, "policy_id")
    op.create_table(
        "identity_endpoint_groups",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("interface", sa.String(length=8), nullable=True),
        sa.Column("service_id", sa.String(length=64), nullable=True),
        sa.Column("region_id", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_endpoint_groups")),
    )
    for table, other, owner in (
        ("identity_project_endpoints", "endpoint_id", "identity_endpoints"),
        ("identity_project_endpoint_groups", "group_id", "identity_endpoint_groups"),
    ):
        op.create_table(
            table,
            *_owned_by(table, "project_id", "identity_projects"),
            *_owned_by(table, other, owner),
            sa.PrimaryKeyConstraint("project_id", other, name=op.f(f"pk_{table}")),
        )
        _index(table, other)
