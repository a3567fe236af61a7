"""Roles and what they imply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.identity import roles as roles_db
from iaas.db.identity.nouns import DOMAINS, ROLES
from iaas.errors import Forbidden, NotFound
from iaas.identity.collection import Collection
from iaas.model.role import Role

NEVER_IMPLIED = "admin"  # nobody becomes an administrator by a rule on some other role


class Roles(Collection[Role]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, ROLES)

    def implied(self, prior_id: str) -> tuple[Role, list[Role]]:
        """The role and those that it implies directly. Raises NotFound."""
        with self._database.read() as tx:
            return ROLES.get(tx, prior_id), roles_db.implied(tx, prior_id)

    def inference(self, prior_id: str, implied_id: str) -> tuple[Role, Role]:
        """Raises NotFound when the first does not imply the second."""
        with self._database.read() as tx:
            prior, implied = ROLES.get(tx, prior_id), ROLES.get(tx, implied_id)
            if not roles_db.implies(tx, prior_id, implied_id):
                raise NotFound(f"{prior_id} does not imply {implied_id}.", resource="implied_role")
            return prior, implied

    def inferences(self) -> list[tuple[Role, list[Role]]]:
        """Every role that implies others, with those."""
        with self._database.read() as tx:
            known = {role.id: role for role in ROLES.page(tx, {})}
            direct = roles_db.inference_map(tx)
        return [
            (known[prior], [known[id] for id in sorted(direct[prior]) if id in known])
            for prior in sorted(direct)
            if prior in known
        ]

    def imply(self, prior_id: str, implied_id: str) -> tuple[Role, Role]:
        """Raises Invalid for a circle, Forbidden for the role admin or another domain's role."""

        def work(tx: Tx) -> None:
            prior, implied = ROLES.get(tx, prior_id), ROLES.get(tx, implied_id)
            if implied.domain_id is None:
                refused = implied.name == NEVER_IMPLIED
            else:
                refused = implied.domain_id != prior.domain_id
            if refused:
                raise Forbidden(f"{implied_id} cannot be an implied role.")
            roles_db.add_inference(tx, prior_id, implied_id)

        self._database.run(work)
        return self.inference(prior_id, implied_id)

    def imply_not(self, prior_id: str, implied_id: str) -> None:
        def work(tx: Tx) -> None:
            ROLES.get(tx, prior_id)
            ROLES.get(tx, implied_id)
            roles_db.remove_inference(tx, prior_id, implied_id)

        self._database.run(work)

    def _create(self, tx: Tx, value: Role) -> Role:
        if value.domain_id is not None and DOMAINS.find(tx, id=value.domain_id) is None:
            raise NotFound.of("domain", value.domain_id)
        return super()._create(tx, value)

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> Role:
        role = self._rows.get(tx, id)
        if changes.get("domain_id", role.domain_id) != role.domain_id:
            raise Forbidden("Update of `domain_id` is not allowed.")
        return super()._update(tx, id, changes)
