"""Tables of the identity service. Names start with ``identity_``; ids are 32 hex digits, but a region's and
the default domain's are words.

``valid_after``: tokens issued at or before this moment are dead. It moves with a password change or a disable,
and is how mass revocation outlives restarts without a row per token (S-030, S-031).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from iaas.db.schema.metadata import UtcDateTime, metadata


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(64), primary_key=True)


def _owned_by(table: str, name: str, nullable: bool = False) -> sa.Column[str]:
    """A reference whose owner takes the row along when it goes."""
    key = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, sa.String(64), key, nullable=nullable, index=True)


def _common() -> list[sa.Column[str]]:
    return [sa.Column("description", sa.Text), sa.Column("extra", sa.JSON, nullable=False)]


def _options() -> sa.Column[Any]:
    """Resource options by their published names."""
    return sa.Column("options", sa.JSON, nullable=False)


def _where(condition: str) -> dict[str, Any]:
    """Options of an index over part of the rows."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


domains = sa.Table(
    "identity_domains",
    metadata,
    _id(),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("valid_after", UtcDateTime),
    *_common(),
    _options(),
)

projects = sa.Table(
    "identity_projects",
    metadata,
    _id(),
    _owned_by("identity_domains", "domain_id"),
    sa.Column("parent_id", sa.String(64), nullable=False, index=True),  # a project, or the domain itself
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("valid_after", UtcDateTime),
    *_common(),
    _options(),
    sa.UniqueConstraint("domain_id", "name"),
)

users = sa.Table(
    "identity_users",
    metadata,
    _id(),
    _owned_by("identity_domains", "domain_id"),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("default_project_id", sa.String(64)),
    sa.Column("password_hash", sa.String(255)),
    sa.Column("password_set_at", UtcDateTime),
    sa.Column("password_own", sa.Boolean, nullable=False),  # set by the user, not by an administrator
    sa.Column("password_expires_at", UtcDateTime),
    sa.Column("last_active_at", UtcDateTime),  # kept to the day, and only where inactive users are disabled
    sa.Column("valid_after", UtcDateTime),
    *_common(),
    _options(),
    sa.UniqueConstraint("domain_id", "name"),
)

old_passwords = sa.Table(
    "identity_old_passwords",
    metadata,
    sa.Column("user_id", sa.ForeignKey("identity_users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("replaced_at", UtcDateTime, primary_key=True),
    sa.Column("password_hash", sa.String(255), nullable=False),
)

groups = sa.Table(
    "identity_groups",
    metadata,
    _id(),
    _owned_by("identity_domains", "domain_id"),
    sa.Column("name", sa.String(64), nullable=False),
    *_common(),
    sa.UniqueConstraint("domain_id", "name"),
)

group_members = sa.Table(
    "identity_group_members",
    metadata,
    sa.Column("user_id", sa.ForeignKey("identity_users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("group_id", sa.ForeignKey("identity_groups.id", ondelete="CASCADE"), primary_key=True, index=True),
)

roles = sa.Table(
    "identity_roles",
    metadata,
    _id(),
    _owned_by("identity_domains", "domain_id", nullable=True),  # None: a role of the whole cloud
    sa.Column("name", sa.String(255), nullable=False),
    *_common(),
    _options(),
    sa.UniqueConstraint("domain_id", "name"),
    sa.Index("uq_identity_roles_global", "name", unique=True, **_where("domain_id IS NULL")),
)

inferences = sa.Table(
    "identity_role_inferences",
    metadata,
    sa.Column("prior_id", sa.ForeignKey("identity_roles.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("implied_id", sa.ForeignKey("identity_roles.id", ondelete="CASCADE"), primary_key=True, index=True),
)

assignments = sa.Table(
    "identity_assignments",
    metadata,
    sa.Column("actor_type", sa.String(8), primary_key=True),  # user, group
    sa.Column("actor_id", sa.String(64), primary_key=True),
    sa.Column("target_type", sa.String(8), primary_key=True),  # project, domain, system
    sa.Column("target_id", sa.String(64), primary_key=True),  # of the system: "all"
    sa.Column("role_id", sa.ForeignKey("identity_roles.id", ondelete="CASCADE"), primary_key=True, index=True),
    sa.Column("inherited", sa.Boolean, primary_key=True),  # holds in the projects below the target, not on itself
    sa.Index("ix_identity_assignments_target", "target_type", "target_id"),
)

regions = sa.Table(
    "identity_regions",
    metadata,
    sa.Column("id", sa.String(255), primary_key=True),
    sa.Column("parent_region_id", sa.ForeignKey("identity_regions.id"), index=True),
    *_common(),
)

services = sa.Table(
    "identity_services",
    metadata,
    _id(),
    sa.Column("type", sa.String(255), nullable=False),
    sa.Column("name", sa.String(255)),
    sa.Column("enabled", sa.Boolean, nullable=False),
    *_common(),
)

endpoints = sa.Table(
    "identity_endpoints",
    metadata,
    _id(),
    _owned_by("identity_services", "service_id"),
    sa.Column("region_id", sa.ForeignKey("identity_regions.id"), index=True),
    sa.Column("interface", sa.String(8), nullable=False),  # public, internal, admin
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    *_common(),
)

revocations = sa.Table(
    "identity_revocations",
    metadata,
    sa.Column("audit_id", sa.String(32), primary_key=True),
    sa.Column("chain", sa.Boolean, primary_key=True),  # the audit id names a whole chain of rescoped tokens
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),  # when no token can carry the audit id any more
    sa.Column("revoked_at", UtcDateTime),  # NULL: by a release that did not write it down
)
