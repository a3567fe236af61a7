"""Which project sees which endpoints: those chosen for it one by one or by groups, and all when none were chosen."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Choices:
    """What was chosen for projects out of one noun: pairs in a table of their own."""

    table: sa.Table
    column: str
    rows: Rows[Any]
    refusal: str  # with places for the chosen and the project

    def add(self, tx: Tx, project_id: str, id: str) -> None:
        """Raises NotFound for an unknown project or noun; adding twice changes nothing."""
        if not self._has(tx, project_id, id):
            add_pair(tx, self.table, {"project_id": project_id, self.column: id})

    def check(self, tx: Tx, project_id: str, id: str) -> None:
        """Raises NotFound for an unknown project or noun, or when it was not chosen by itself."""
        if not self._has(tx, project_id, id):
            raise NotFound(self.refusal.format(id, project_id), resource=self.rows.noun)

    def remove(self, tx: Tx, project_id: str, id: str) -> None:
        """Raises NotFound as ``check``."""
        self.check(tx, project_id, id)
        tx.delete(self.table, self._is(project_id, id))

    def _has(self, tx: Tx, project_id: str, id: str) -> bool:
        PROJECTS.get(tx, project_id)
        self.rows.get(tx, id)
        return tx.first(sa.select(self.table.c.project_id).where(self._is(project_id, id))) is not None

    def _is(self, project_id: str, id: str) -> sa.ColumnElement[bool]:
        return (self.table.c.project_id == project_id) & (self.table.c[self.column] == id)


CHOSEN_ENDPOINTS = Choices(project_endpoints, "endpoint_id", ENDPOINTS, "Endpoint {} not found in project {}")
CHOSEN_GROUPS = Choices(project_endpoint_groups, "group_id", GROUPS, "Endpoint group {} not found in project {}")


def _matches() -> sa.ColumnElement[bool]:
    """An endpoint is in a group whose filters it fulfils; a filter that is not there is fulfilled by all."""
    group, endpoint = endpoint_groups.c, endpoints.c
    return sa.and_(
        *(
            sa.or_(group[name].is_(None), group[name] == endpoint[name])
            for name in ("interface", "service_id", "region_id")
        )
    )
