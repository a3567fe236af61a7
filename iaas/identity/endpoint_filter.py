"""Groups of endpoints, and the endpoints that were chosen for a project: its catalog then holds no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from iaas.db.engine import Database, Tx
from iaas.db.identity import endpoint_filter as db
from iaas.db.identity.endpoint_filter import GROUPS
from iaas.db.identity.nouns import ENDPOINTS, PROJECTS
from iaas.identity.collection import Collection
from iaas.model.catalog import Endpoint
from iaas.model.identity.policy import EndpointGroup
from iaas.model.project import Project

T = TypeVar("T")
_WHOLE = 10_000


class EndpointGroups(Collection[EndpointGroup]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, GROUPS)


class EndpointFilter:
    """Every method raises NotFound for an unknown project, endpoint or group."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_endpoint(self, project_id: str, endpoint_id: str) -> None:
        """Adding twice changes nothing."""
        self._database.run(lambda tx: db.CHOSEN_ENDPOINTS.add(tx, project_id, endpoint_id))

    def check_endpoint(self, project_id: str, endpoint_id: str) -> None:
        """Raises NotFound also when it was not chosen by itself."""
        with self._database.read() as tx:
            db.CHOSEN_ENDPOINTS.check(tx, project_id, endpoint_id)

    def remove_endpoint(self, project_id: str, endpoint_id: str) -> None:
        """Raises NotFound also when it was not chosen by itself."""
        self._database.run(lambda tx: db.CHOSEN_ENDPOINTS.remove(tx, project_id, endpoint_id))

    def add_group(self, project_id: str, group_id: str) -> None:
        """Adding twice changes nothing."""
        self._database.run(lambda tx: db.CHOSEN_GROUPS.add(tx, project_id, group_id))

    def check_group(self, project_id: str, group_id: str) -> None:
        """Raises NotFound also when the project does not have it."""
        with self._database.read() as tx:
            db.CHOSEN_GROUPS.check(tx, project_id, group_id)

    def remove_group(self, project_id: str, group_id: str) -> None:
        """Raises NotFound also when the project does not have it."""
        self._database.run(lambda tx: db.CHOSEN_GROUPS.remove(tx, project_id, group_id))

    def endpoints_of_project(self, project_id: str) -> list[Endpoint]:
        """Those chosen for it, enabled or not; all when none were chosen."""

        def look(tx: Tx) -> list[Endpoint]:
            PROJECTS.get(tx, project_id)
            return ENDPOINTS.page(tx, {}, limit=_WHOLE, among=db.visible(project_id)[1])

        return self._look(look)

    def endpoints_of_group(self, group_id: str) -> list[Endpoint]:
        def look(tx: Tx) -> list[Endpoint]:
            GROUPS.get(tx, group_id)
            return ENDPOINTS.page(tx, {}, limit=_WHOLE, among=db.of_group(group_id))

        return self._look(look)

    def groups_of_project(self, project_id: str) -> list[EndpointGroup]:
        def look(tx: Tx) -> list[EndpointGroup]:
            PROJECTS.get(tx, project_id)
            return GROUPS.page(tx, {}, limit=_WHOLE, among=db.groups_of_project(project_id))

        return self._look(look)

    def projects_of_endpoint(self, endpoint_id: str) -> list[Project]:
        def look(tx: Tx) -> list[Project]:
            ENDPOINTS.get(tx, endpoint_id)
            return PROJECTS.page(tx, {}, limit=_WHOLE, among=db.projects_of_endpoint(endpoint_id))

        return self._look(look)

    def projects_of_group(self, group_id: str) -> list[Project]:
        def look(tx: Tx) -> list[Project]:
            GROUPS.get(tx, group_id)
            return PROJECTS.page(tx, {}, limit=_WHOLE, among=db.projects_of_group(group_id))

        return self._look(look)

    def _look(self, look: Callable[[Tx], list[T]]) -> list[T]:
        with self._database.read() as tx:
            return look(tx)
