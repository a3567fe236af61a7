"""The network service's part of quotas: what the counters should say, and limits taken back."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.network import (
    floating_ips,
    networks,
    ports,
    routers,
    security_group_rules,
    security_groups,
    subnets,
)
from iaas.db.schema.operations import quota_limits
from iaas.model.port import PLATFORM_OWNERS

_COUNTED = {
    "networks": networks,
    "subnets": subnets,
    "ports": ports,
    "security_groups": security_groups,
    "security_group_rules": security_group_rules,
    "routers": routers,
    "floatingips": floating_ips,
}


def counted(tx: Tx) -> dict[tuple[str, str], int]:
    """(project, resource) -> rows that count against the quota, for the audit. The ports that the
    platform makes for itself don't count."""
    found: dict[tuple[str, str], int] = {}
    for resource, table in _COUNTED.items():
        query = sa.select(table.c.project_id, sa.func.count().label("n")).group_by(table.c.project_id)
        if table is ports:
            query = query.where(ports.c.device_owner.not_in(PLATFORM_OWNERS))
        found |= {(row.project_id, resource): row.n for row in tx.all(query)}
    return found


def drop_limits(tx: Tx, project_id: str, resources: Iterable[str]) -> None:
    """The project is back at the defaults for these resources."""
    same = quota_limits.c.project_id == project_id
    tx.delete(quota_limits, same & quota_limits.c.resource.in_(sorted(resources)))


def projects_with_limits(tx: Tx, resources: Iterable[str], limit: int = 1000) -> list[str]:
    query = sa.select(quota_limits.c.project_id).where(quota_limits.c.resource.in_(sorted(resources)))
    rows = tx.all(query.distinct().order_by(quota_limits.c.project_id).limit(limit))
    return [row.project_id for row in rows]
