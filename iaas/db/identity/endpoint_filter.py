"""Which project sees which endpoints: those chosen for it one by one or by groups, and all when none were chosen."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity.nouns import ENDPOINTS, PROJECTS
from iaas.db.identity.rows import Rows, add_pair
from iaas.db.schema.identity import endpoints, services
from iaas.db.schema.identity_catalog import endpoint_groups, project_endpoint_groups, project_endpoints
from iaas.errors import NotFound
from iaas.model.identity.policy import EndpointGroup

GROUPS = Rows(endpoint_groups, EndpointGroup, "endpoint_group")
_one, _many = project_endpoints.c, project_endpoint_groups.c


def chosen(project_id: str) -> sa.CompoundSelect[Any]:
    """The ids of the endpoints that were chosen for the project."""
    direct = sa.select(_one.endpoint_id).where(_one.project_id == project_id)
    pairs = endpoints.join(endpoint_groups, _matches()).join(
        project_endpoint_groups, _many.group_id == endpoint_groups.c.id
    )
    return direct.union(sa.select(endpoints.c.id).select_from(pairs).where(_many.project_id == project_id))


def visible(project_id: str) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """The ids of the services, and of the endpoints, that the project may see."""
    mine = chosen(project_id)
    all_of_them = ~sa.or_(
        sa.exists().where(_one.project_id == project_id), sa.exists().where(_many.project_id == project_id)
    )
    used = sa.select(endpoints.c.service_id).where(endpoints.c.id.in_(mine))
    return (
        sa.select(services.c.id).where(sa.or_(all_of_them, services.c.id.in_(used))),
        sa.select(endpoints.c.id).where(sa.or_(all_of_them, endpoints.c.id.in_(mine))),
    )


def of_group(group_id: str) -> sa.Select[Any]:
    """The ids of the endpoints in a group."""
    pairs = endpoints.join(endpoint_groups, _matches())
    return sa.select(endpoints.c.id).select_from(pairs).where(endpoint_groups.c.id == group_id)


def projects_of_endpoint(endpoint_id: str) -> sa.Select[Any]:
    return sa.select(_one.project_id).where(_one.endpoint_id == endpoint_id)


def projects_of_group(group_id: str) -> sa.Select[Any]:
    return sa.select(_many.project_id).where(_many.group_id == group_id)


def groups_of_project(project_id: str) -> sa.Select[Any]:
    return sa.select(_many.group_id).where(_many.project_id == project_id)


def add_endpoint(tx: Tx, project_id: str, endpoint_id: str) -> None:
    """Raises NotFound for an unknown project or endpoint; adding twice changes nothing."""
    PROJECTS.get(tx, project_id)
    ENDPOINTS.get(tx, endpoint_id)
    if not _has(tx, project_endpoints, project_id, endpoint_id):
        add_pair(tx, project_endpoints, {"project_id": project_id, "endpoint_id": endpoint_id})


def check_endpoint(tx: Tx, project_id: str, endpoint_id: str) -> None:
    """Raises NotFound for an unknown project or endpoint, or when it was not chosen by itself."""
    PROJECTS.get(tx, project_id)
    ENDPOINTS.get(tx, endpoint_id)
    if not _has(tx, project_endpoints, project_id, endpoint_id):
        raise NotFound(f"Endpoint {endpoint_id} not found in project {project_id}", resource="endpoint")


def remove_endpoint(tx: Tx, project_id: str, endpoint_id: str) -> None:
    """Raises NotFound as ``check_endpoint``."""
    check_endpoint(tx, project_id, endpoint_id)
    tx.delete(project_endpoints, _is(project_endpoints, project_id, endpoint_id))


def add_group(tx: Tx, project_id: str, group_id: str) -> None:
    """Raises NotFound for an unknown project or group; adding twice changes nothing."""
    PROJECTS.get(tx, project_id)
    GROUPS.get(tx, group_id)
    if not _has(tx, project_endpoint_groups, project_id, group_id):
        add_pair(tx, project_endpoint_groups, {"project_id": project_id, "group_id": group_id})


def check_group(tx: Tx, project_id: str, group_id: str) -> None:
    """Raises NotFound for an unknown project or group, or when the project does not have it."""
    PROJECTS.get(tx, project_id)
    GROUPS.get(tx, group_id)
    if not _has(tx, project_endpoint_groups, project_id, group_id):
        raise NotFound(f"Endpoint group {group_id} not found in project {project_id}", resource="endpoint_group")


def remove_group(tx: Tx, project_id: str, group_id: str) -> None:
    """Raises NotFound as ``check_group``."""
    check_group(tx, project_id, group_id)
    tx.delete(project_endpoint_groups, _is(project_endpoint_groups, project_id, group_id))


def _has(tx: Tx, table: sa.Table, project_id: str, other_id: str) -> bool:
    return tx.first(sa.select(table.c.project_id).where(_is(table, project_id, other_id))) is not None


def _is(table: sa.Table, project_id: str, other_id: str) -> sa.ColumnElement[bool]:
    other = table.c.endpoint_id if table is project_endpoints else table.c.group_id
    return (table.c.project_id == project_id) & (other == other_id)


def _matches() -> sa.ColumnElement[bool]:
    """An endpoint is in a group whose filters it fulfils; a filter that is not there is fulfilled by all."""
    group, endpoint = endpoint_groups.c, endpoints.c
    return sa.and_(
        *(
            sa.or_(group[name].is_(None), group[name] == endpoint[name])
            for name in ("interface", "service_id", "region_id")
        )
    )
