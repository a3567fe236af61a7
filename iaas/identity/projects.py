"""Domains and projects: the tree, and the rules for taking parts of it away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from iaas.db.engine import Database, Tx
from iaas.db.identity import projects as db
from iaas.db.identity.nouns import DOMAINS, PROJECTS, USERS
from iaas.db.identity.revocations import end_of_all
from iaas.db.identity.rows import Rows
from iaas.errors import Conflict, Forbidden, Invalid, NotFound
from iaas.identity.collection import Collection
from iaas.model.project import DEFAULT_DOMAIN, Domain, Project

MAX_DEPTH = 5
MOST_TAGS = 80


T = TypeVar("T", Domain, Project)


class Tagged(Collection[T]):
    """What has tags, each of which is there once."""

    def tag(self, id: str, tag: str) -> None:
        """Raises Invalid for more than ``MOST_TAGS``; adding a tag twice changes nothing."""

        def work(tx: Tx) -> None:
            self._check_mutable(tx, id, {"tags": ()})
            tags: tuple[str, ...] = self._rows.get(tx, id).tags
            if tag in tags:
                return
            if len(tags) >= MOST_TAGS:
                raise Invalid(f"A project has at most {MOST_TAGS} tags.", field="tags")
            self._rows.update(tx, id, {"tags": (*tags, tag)})

        self._database.run(work)

    def untag(self, id: str, tag: str) -> None:
        """Raises NotFound when the project does not have the tag."""

        def work(tx: Tx) -> None:
            self._check_mutable(tx, id, {"tags": ()})
            tags: tuple[str, ...] = self._rows.get(tx, id).tags
            if tag not in tags:
                raise NotFound.of("project_tag", tag)
            self._rows.update(tx, id, {"tags": tuple(other for other in tags if other != tag)})

        self._database.run(work)


class Domains(Tagged[Domain]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, DOMAINS)

    def of_user(self, user_id: str, marker: str | None = None, limit: int = 1000) -> list[Domain]:
        """Enabled domains to which the user can scope a token."""
        with self._database.read() as tx:
            return db.domains_of_user(tx, user_id, marker, limit)

    def _create(self, tx: Tx, value: Domain) -> Domain:
        """The id may be that of a domain that is gone: tokens of that one are not for this one. A moment before now, so
        that this one's tokens of the same moment count."""
        if PROJECTS.find(tx, id=value.id) is not None:
            raise Conflict(f"Conflict occurred attempting to store domain - Duplicate ID, {value.id}.")
        return DOMAINS.create(tx, value, valid_after=tx.now() - timedelta(microseconds=1))

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> Domain:
        return super()._update(tx, id, _with_end(tx, DOMAINS, id, changes))

    def _delete(self, tx: Tx, id: str) -> None:
        domain = self._rows.get(tx, id)
        if id == DEFAULT_DOMAIN:
            raise Forbidden("The default domain can't be deleted.")
        if domain.enabled:
            raise Forbidden("Cannot delete a domain that is enabled, please disable it first.")
        db.delete_domain(tx, id)


class Projects(Tagged[Project]):
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

    def parents(self, id: str) -> list[str]:
        """The ids of the projects above, the nearest first, and of the domain. Raises NotFound."""
        with self._database.read() as tx:
            PROJECTS.get(tx, id)
            return list(db.ancestors(tx, id))

    def below(self, id: str) -> dict[str, list[str]]:
        """Every project below a project or domain by its parent's id."""
        with self._database.read() as tx:
            return db.children(tx, id)

    def seen_by(self, user_id: str, ids: Iterable[str]) -> list[Project]:
        """Those of the projects on which the user has a role, in the order of the ids that are given."""
        wanted = list(ids)
        with self._database.read() as tx:
            found = {item.id: item for item in db.of_user(tx, user_id, {"id": tuple(wanted)}, None, len(wanted))}
        return [found[id] for id in wanted if id in found]

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
            parent = PROJECTS.get(tx, value.parent_id, lock=True)
            if parent.domain_id != value.domain_id:
                raise Invalid("The parent project is in another domain.", field="parent_id")
            if not parent.enabled:
                raise Forbidden(f"Cannot create a project below {parent.id}, which is disabled.")
            if len(db.ancestors(tx, parent.id)) >= MAX_DEPTH:
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
        if changes.get("enabled") and any(
            not above.enabled for above in PROJECTS.page(tx, {"id": db.ancestors(tx, id)})
        ):
            raise Forbidden(f"Cannot enable project {id} since it has disabled parents.")
        if changes.get("enabled") is False and any(child.enabled for child in PROJECTS.page(tx, {"parent_id": id})):
            raise Forbidden(f"Cannot disable project {id} since its subtree contains enabled projects.")
        return super()._update(tx, id, _with_end(tx, PROJECTS, id, changes))

    def _delete(self, tx: Tx, id: str) -> None:
        self._rows.get(tx, id)
        if db.has_children(tx, id):
            raise Forbidden(f"Cannot delete the project {id} since it is not a leaf in the hierarchy.")
        db.delete(tx, id)


def _with_end(tx: Tx, rows: Rows[Any], id: str, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Disabling ends the tokens for good: enabling again does not bring them back."""
    off = changes.get("enabled") is False
    return {**changes, "valid_after": end_of_all(tx, rows, id)} if off else changes
