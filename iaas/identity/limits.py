"""Unified limits: the numbers that services may ask for, kept by the rules of one enforcement model.

The model is checked on what the tables hold after a change and before its commit, so that a bulk of limits may
contain parents and children in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.identity import limits as db
from iaas.db.identity.limits import LIMITS, REGISTERED
from iaas.db.identity.nouns import DOMAINS, PROJECTS
from iaas.errors import Conflict, Forbidden, Invalid, NotFound
from iaas.identity.catalog import check_place
from iaas.identity.collection import Collection
from iaas.model.identity.limit import Limit, RegisteredLimit, exceeds


class RegisteredLimits(Collection[RegisteredLimit]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, REGISTERED)

    def create_all(self, values: Sequence[RegisteredLimit]) -> None:
        """All or none. Raises Conflict for a duplicate, Invalid for an unknown service or region."""

        def work(tx: Tx) -> None:
            for value in values:
                check_place(tx, value.service_id, value.region_id)
                db.register(tx, value)

        self._database.run(work)

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> RegisteredLimit:
        self._check_unused(tx, id)
        check_place(tx, changes.get("service_id"), changes.get("region_id"))
        if "region_id" in changes:
            changes = {**changes, "place": changes["region_id"] or ""}
        found = self._rows.get(tx, id)
        what = {name: changes.get(name, getattr(found, name)) for name in ("service_id", "region_id", "resource_name")}
        same = db.registered_for(tx, **what)
        if same is not None and same.id != id:
            raise Conflict("Conflict occurred attempting to store registered_limit - Duplicate entry.")
        return super()._update(tx, id, changes)

    def _delete(self, tx: Tx, id: str) -> None:
        self._check_unused(tx, id)
        super()._delete(tx, id)

    def _check_unused(self, tx: Tx, id: str) -> None:
        if db.is_used(tx, id):
            raise Forbidden(
                f"Unable to update or delete registered limit {id} because there are project limits associated with it."
            )


class Limits(Collection[Limit]):
    def __init__(self, database: Database, model: str) -> None:
        """``model``: a key of MODELS."""
        super().__init__(database, LIMITS)
        self.model = model

    def seen(
        self,
        equals: Mapping[str, Any],
        marker: str | None = None,
        limit: int = 1000,
        *,
        project_id: str | None = None,
        domain_id: str | None = None,
    ) -> list[Limit]:
        """A page of what the holder of a token of this project, or this domain, may see."""
        among = db.of_domain(domain_id) if domain_id else db.of_project(project_id or "")
        with self._database.read() as tx:
            return LIMITS.page(tx, equals, marker, limit, among)

    def create_all(self, values: Sequence[Limit]) -> None:
        """All or none. Raises Conflict for a duplicate, Invalid for what they refer to, Forbidden when there is no
        registered limit of that resource or the model does not allow it."""

        def work(tx: Tx) -> None:
            for value in values:
                self._add(tx, value)
            for value in values:
                self._check_model(tx, value)

        self._database.run(work)

    def _add(self, tx: Tx, value: Limit) -> None:
        check_place(tx, value.service_id, value.region_id)
        if value.project_id is not None and PROJECTS.find(tx, id=value.project_id) is None:
            raise Invalid(f"Expecting to find valid project_id: {value.project_id} does not exist.", field="project_id")
        if value.domain_id is not None and DOMAINS.find(tx, id=value.domain_id) is None:
            raise Invalid(f"Expecting to find valid domain_id: {value.domain_id} does not exist.", field="domain_id")
        registered = db.registered_for(tx, value.service_id, value.region_id, value.resource_name)
        if registered is None:
            raise Forbidden("Unable to create a limit that has no corresponding registered limit.")
        db.add(tx, value, registered.id)

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> Limit:
        changed = super()._update(tx, id, changes)
        self._check_model(tx, changed)
        return changed

    def _check_model(self, tx: Tx, value: Limit) -> None:
        if self.model == "strict_two_level" and not _fits(tx, value):
            where = f"project_id: {value.project_id}" if value.project_id else f"domain_id: {value.domain_id}"
            raise Forbidden(
                f"Invalid resource limit: The resource limit ({where}, resource_name: {value.resource_name}, "
                f"resource_limit: {value.resource_limit}, service_id: {value.service_id}, "
                f"region_id: {value.region_id}) doesn't satisfy current hierarchy model."
            )


def _fits(tx: Tx, value: Limit) -> bool:
    """Whether no project has more than its domain, and no limit is for a project below another."""
    if value.project_id is None:
        return not any(exceeds(child, value.resource_limit) for child in db.below(tx, value))
    project = PROJECTS.find(tx, id=value.project_id)
    if project is None:
        raise NotFound.of("project", value.project_id)
    is_second_level = project.parent_id == project.domain_id
    return is_second_level and not exceeds(value.resource_limit, db.above(tx, value, project.domain_id))
