"""Domains and projects: the tree, and the rules for taking parts of it away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.identity import projects as db
from iaas.db.identity.nouns import DOMAINS, PROJECTS, USERS
from iaas.errors import Conflict, Forbidden, Invalid, NotFound
from iaas.identity.collection import Collection
from iaas.model.project import DEFAULT_DOMAIN, Domain, Project

MAX_DEPTH = 5


class Domains(Collection[Domain]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, DOMAINS)

    def of_user(self, user_id: str, marker: str | None = None, limit: int = 1000) -> list[Domain]:
        """Enabled domains to which the user can scope a token."""
        with self._database.read() as tx:
            return db.domains_of_user(tx, user_id, marker, limit)

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> Domain:
        return super()._update(tx, id, _with_end(tx, changes))

    def _delete(self, tx: Tx, id: str) -> None:
        domain = self._rows.get(tx, id)
        if id == DEFAULT_DOMAIN:
            raise Forbidden("The default domain can't be deleted.")
        if domain.enabled:
            raise Forbidden("Cannot delete a domain that is enabled, please disable it first.")
        db.delete_domain(tx, id)


class Projects(Collection[Project]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, PROJECTS)

    def of_user(
        self,
        user_id: str,
        equals: dict[str, Any],
        marker: str | None = None,
        limit: int = 1000,
        usable: bool = False,
    ) -> list[Project]:
        """Projects on which the user has a role. Raises NotFound for an unknown user."""
        with self._database.read() as tx:
            USERS.get(tx, user_id)
            return db.of_user(tx, user_id, equals, marker, limit, usable)

    def domain_below(self, parent_id: str) -> str:
        """The domain of a project's children, also when the parent is the domain itself. Raises NotFound."""
        with self._database.read() as tx:
            domain = DOMAINS.find(tx, id=parent_id)
            return domain.id if domain else PROJECTS.get(tx, parent_id).domain_id

    def _create(self, tx: Tx, value: Project) -> Project:
        domain = DOMAINS.find(tx, id=value.domain_id)
        if domain is None:
            raise NotFound.of("domain", value.domain_id)
        if value.parent_id != value.domain_id:
            parent = PROJECTS.get(tx, value.parent_id)
            if parent.domain_id != value.domain_id:
                raise Invalid("The parent project is in another domain.", field="parent_id")
            if not parent.enabled:
                raise Forbidden(f"Cannot create a project below {parent.id}, which is disabled.")
            if db.depth(tx, parent.id) >= MAX_DEPTH:
                raise Forbidden(f"Max hierarchy depth reached for {parent.id} branch.")
        if PROJECTS.find(tx, domain_id=value.domain_id, name=value.name):
            raise Conflict(
                "Conflict occurred attempting to store project - it is not permitted to have two "
                f"projects with the same name in the same domain : {value.name}."
            )
        return super()._create(tx, value)

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> Project:
        project = self._rows.get(tx, id)
        for name in ("parent_id", "domain_id"):
            if name in changes and changes[name] != getattr(project, name):
                raise Forbidden(f"Update of `{name}` is not allowed.")
        if changes.get("enabled") is False and any(child.enabled for child in PROJECTS.page(tx, {"parent_id": id})):
            raise Forbidden(f"Cannot disable project {id} since its subtree contains enabled projects.")
        return super()._update(tx, id, _with_end(tx, changes))

    def _delete(self, tx: Tx, id: str) -> None:
        self._rows.get(tx, id)
        if db.has_children(tx, id):
            raise Forbidden(f"Cannot delete the project {id} since it is not a leaf in the hierarchy.")
        db.delete(tx, id)


def _with_end(tx: Tx, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Disabling ends the tokens for good: enabling again does not bring them back."""
    return {**changes, "valid_after": tx.now()} if changes.get("enabled") is False else changes
