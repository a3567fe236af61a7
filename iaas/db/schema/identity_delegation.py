"""Tables of what users hand on. Roles and access rules of a delegation never change, so they are in its row:
a token is checked without a further join, and a role that is deleted leaves a hole that ends the delegation."""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.schema.metadata import UtcDateTime, metadata


def _owned_by(table: str, name: str, nullable: bool = False) -> sa.Column[str]:
    """A reference whose owner takes the row along when it goes."""
    key = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, sa.String(64), key, nullable=nullable, index=True)


application_credentials = sa.Table(
    "identity_application_credentials",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    _owned_by("identity_users", "user_id"),
    _owned_by("identity_projects", "project_id"),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("secret_hash", sa.String(255), nullable=False),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("unrestricted", sa.Boolean, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("access_rules", sa.JSON(none_as_null=True)),  # NULL: every request
    sa.UniqueConstraint("user_id", "name"),
)

access_rules = sa.Table(
    "identity_access_rules",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    _owned_by("identity_users", "user_id"),
    sa.Column("service", sa.String(64), nullable=False),
    sa.Column("method", sa.String(16), nullable=False),
    sa.Column("path", sa.String(255), nullable=False),
    sa.UniqueConstraint("user_id", "service", "method", "path"),
)

trusts = sa.Table(
    "identity_trusts",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    _owned_by("identity_users", "trustor_user_id"),
    _owned_by("identity_users", "trustee_user_id"),
    _owned_by("identity_users", "grantor_id"),
    _owned_by("identity_projects", "project_id", nullable=True),
    sa.Column("impersonation", sa.Boolean, nullable=False),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("remaining_uses", sa.Integer),
    _owned_by("identity_trusts", "redelegated_trust_id", nullable=True),
    sa.Column("redelegation_count", sa.Integer, nullable=False),
)
