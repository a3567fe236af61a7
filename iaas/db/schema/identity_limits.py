"""Tables of unified limits: what a resource is limited to by default, and where a project or domain differs.

A limit repeats service, region and resource name of its registered limit, which can't change while it has limits.
``place`` is the region or nothing, since NULLs are never equal.
"""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.schema.identity import domains, projects, regions, services
from iaas.db.schema.metadata import metadata


def _what() -> list[sa.Column[str]]:
    return [
        sa.Column("region_id", sa.String(255)),
        sa.Column("resource_name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text),
    ]


registered_limits = sa.Table(
    "identity_registered_limits",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("service_id", sa.ForeignKey(services.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("place", sa.String(255), nullable=False),
    sa.Column("default_limit", sa.Integer, nullable=False),
    *_what(),
    sa.ForeignKeyConstraint(["region_id"], [regions.c.id]),
    sa.UniqueConstraint("service_id", "place", "resource_name"),
)

limits = sa.Table(
    "identity_limits",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column(
        "registered_limit_id", sa.ForeignKey(registered_limits.c.id, ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("project_id", sa.ForeignKey(projects.c.id, ondelete="CASCADE"), index=True),
    sa.Column("domain_id", sa.ForeignKey(domains.c.id, ondelete="CASCADE"), index=True),
    sa.Column("service_id", sa.String(64), nullable=False),
    sa.Column("resource_limit", sa.Integer, nullable=False),
    *_what(),
    sa.UniqueConstraint("registered_limit_id", "project_id"),
    sa.UniqueConstraint("registered_limit_id", "domain_id"),
)
