"""Unified limits: which registered limit is meant, who sees which limit, and the limits above and below one."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity.rows import Rows
from iaas.db.schema.identity import projects
from iaas.db.schema.identity_limits import limits, registered_limits
from iaas.errors import Conflict
from iaas.model.identity.limit import Limit, RegisteredLimit

REGISTERED = Rows(registered_limits, RegisteredLimit, "registered_limit")
LIMITS = Rows(limits, Limit, "limit")
_TAKEN = "Conflict occurred attempting to store {} - Duplicate entry."


def register(tx: Tx, value: RegisteredLimit) -> None:
    """Raises Conflict when there is one for the same resource."""
    row = {name: getattr(value, name) for name in REGISTERED.fields}
    taken = Conflict(_TAKEN.format("registered_limit"), resource="registered_limit")
    tx.insert(registered_limits, {**row, "place": value.region_id or ""}, conflict=taken)


def registered_for(tx: Tx, service_id: str, region_id: str | None, resource_name: str) -> RegisteredLimit | None:
    return REGISTERED.find(tx, service_id=service_id, place=region_id or "", resource_name=resource_name)


def add(tx: Tx, value: Limit, registered_id: str) -> None:
    """Raises Conflict when the project or domain has one of this resource."""
    row = {name: getattr(value, name) for name in LIMITS.fields}
    taken = Conflict(_TAKEN.format("limit"), resource="limit")
    tx.insert(limits, {**row, "registered_limit_id": registered_id}, conflict=taken)


def is_used(tx: Tx, registered_id: str) -> bool:
    query = sa.select(limits.c.id).where(limits.c.registered_limit_id == registered_id)
    return tx.first(query.limit(1)) is not None


def of_project(project_id: str) -> sa.Select[Any]:
    return sa.select(limits.c.id).where(limits.c.project_id == project_id)


def of_domain(domain_id: str) -> sa.Select[Any]:
    """The ids of the domain's own limits and of those of its projects."""
    inside = sa.select(projects.c.id).where(projects.c.domain_id == domain_id)
    return sa.select(limits.c.id).where(sa.or_(limits.c.domain_id == domain_id, limits.c.project_id.in_(inside)))


def below(tx: Tx, value: Limit) -> list[int]:
    """The limits of the same resource of the projects in the limit's domain."""
    inside = sa.select(projects.c.id).where(projects.c.domain_id == value.domain_id)
    query = sa.select(limits.c.resource_limit).distinct().where(limits.c.project_id.in_(inside), _same(value))
    return [row.resource_limit for row in tx.all(query)]


def above(tx: Tx, value: Limit, domain_id: str) -> int:
    """The limit of the same resource that the domain has, its own or by default."""
    own = tx.first(sa.select(limits.c.resource_limit).where(limits.c.domain_id == domain_id, _same(value)))
    if own is not None:
        return int(own.resource_limit)
    default = registered_for(tx, value.service_id, value.region_id, value.resource_name)
    return default.default_limit if default else -1


def _same(value: Limit) -> sa.ColumnElement[bool]:
    mine = sa.select(limits.c.registered_limit_id).where(limits.c.id == value.id).scalar_subquery()
    return limits.c.registered_limit_id == mine
