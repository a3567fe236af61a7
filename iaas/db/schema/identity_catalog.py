"""Tables around the catalog: policy documents and where they apply, and which project sees which endpoints."""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.schema.identity import endpoints, projects, regions, services
from iaas.db.schema.metadata import metadata

policies = sa.Table(
    "identity_policies",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("type", sa.String(255), nullable=False),
    sa.Column("blob", sa.Text, nullable=False),
    sa.Column("extra", sa.JSON, nullable=False),
)

# ``place``: "endpoint/…", "service/…" or "region/service/…", each of which has one policy at most.
policy_places = sa.Table(
    "identity_policy_places",
    metadata,
    sa.Column("place", sa.String(400), primary_key=True),
    sa.Column("policy_id", sa.ForeignKey(policies.c.id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("endpoint_id", sa.ForeignKey(endpoints.c.id, ondelete="CASCADE")),
    sa.Column("service_id", sa.ForeignKey(services.c.id, ondelete="CASCADE")),
    sa.Column("region_id", sa.ForeignKey(regions.c.id, ondelete="CASCADE")),
)

project_endpoints = sa.Table(
    "identity_project_endpoints",
    metadata,
    sa.Column("project_id", sa.ForeignKey(projects.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("endpoint_id", sa.ForeignKey(endpoints.c.id, ondelete="CASCADE"), primary_key=True, index=True),
)

# Endpoints are in the group that have what its interface, service and region say; NULL: it does not matter.
endpoint_groups = sa.Table(
    "identity_endpoint_groups",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("interface", sa.String(8)),
    sa.Column("service_id", sa.String(64)),
    sa.Column("region_id", sa.String(255)),
)

project_endpoint_groups = sa.Table(
    "identity_project_endpoint_groups",
    metadata,
    sa.Column("project_id", sa.ForeignKey(projects.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("group_id", sa.ForeignKey(endpoint_groups.c.id, ondelete="CASCADE"), primary_key=True, index=True),
)
