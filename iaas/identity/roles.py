"""Roles, what they imply, and who has them where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.identity import assignments as db
from iaas.db.identity import projects as projects_db
from iaas.db.identity import roles as roles_db
from iaas.db.identity.nouns import DOMAINS, GROUPS, PROJECTS, ROLES, USERS
from iaas.db.identity.rows import Rows
from iaas.errors import Invalid, NotFound
from iaas.identity.collection import Collection
from iaas.model.role import SYSTEM, Actor, Assignment, Effective, Role, Target

_ACTORS: dict[Actor, Rows[Any]] = {Actor.USER: USERS, Actor.GROUP: GROUPS}
_TARGETS: dict[Target, Rows[Any]] = {Target.PROJECT: PROJECTS, Target.DOMAIN: DOMAINS}
MOST = 10_000  # rows in one list of assignments


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
        """Raises Invalid for a circle."""
        self._database.run(lambda tx: roles_db.add_inference(tx, prior_id, implied_id))
        return self.inference(prior_id, implied_id)

    def imply_not(self, prior_id: str, implied_id: str) -> None:
        def work(tx: Tx) -> None:
            ROLES.get(tx, prior_id)
            ROLES.get(tx, implied_id)
            roles_db.remove_inference(tx, prior_id, implied_id)

        self._database.run(work)


@dataclass(frozen=True, kw_only=True)
class Query:
    """Filters of the list of assignments. ``effective``: groups as their users, implied roles written out."""

    user_id: str | None = None
    group_id: str | None = None
    role_id: str | None = None
    target_type: Target | None = None
    target_id: str | None = None
    subtree: bool = False  # also the projects below the target, which is a project
    effective: bool = False
    names: bool = False


class Assignments:
    def __init__(self, database: Database) -> None:
        self._database = database

    def grant(self, assignment: Assignment) -> None:
        """Raises NotFound for an unknown actor, target or role; granting twice changes nothing."""

        def work(tx: Tx) -> None:
            _check(tx, assignment)
            db.add(tx, assignment)

        self._database.run(work)

    def revoke(self, assignment: Assignment) -> None:
        """Raises NotFound when there is no such grant."""
        self._database.run(lambda tx: db.remove(tx, assignment))

    def check(self, assignment: Assignment) -> None:
        """Raises NotFound when there is no such grant."""
        with self._database.read() as tx:
            _check(tx, assignment)
            if not db.exists(tx, assignment):
                raise NotFound(
                    f"Could not find role assignment with role: {assignment.role_id}.",
                    resource="role_assignment",
                )

    def roles_on(self, actor_type: Actor, actor_id: str, target_type: Target, target_id: str) -> list[Role]:
        """Roles granted directly. Raises NotFound for an unknown actor or target."""
        with self._database.read() as tx:
            _check_ends(tx, actor_type, actor_id, target_type, target_id)
            return db.roles_on(tx, actor_type, actor_id, target_type, target_id)

    def is_on_system(self, user_id: str) -> bool:
        """Whether the user can scope a token to the system."""
        with self._database.read() as tx:
            return projects_db.is_on_system(tx, user_id)

    def find(self, query: Query) -> list[Effective]:
        """At most ``MOST``, in a stable order; a constant number of queries, whatever the number of rows."""
        if query.effective and query.group_id:
            raise Invalid("Combining effective and group filter will always result in an empty list.")
        if query.user_id and query.group_id:
            raise Invalid("Specify a user or group, not both")
        with self._database.read() as tx:
            equals = _target_filter(tx, query)
            found = self._expanded(tx, query, equals) if query.effective else self._stored(tx, query, equals)
            if not query.names:
                return found
            names = db.name_all(tx, [item.assignment for item in found])
            return [replace(item, names=names[item.assignment]) for item in found if item.assignment in names]

    def _stored(self, tx: Tx, query: Query, equals: dict[str, Any]) -> list[Effective]:
        if query.role_id:
            equals["role_id"] = query.role_id
        if query.user_id or query.group_id:
            equals |= {"actor_type": Actor.USER if query.user_id else Actor.GROUP}
            equals |= {"actor_id": query.user_id or query.group_id}
        return [Effective(assignment=item, via=item) for item in db.stored(tx, equals, MOST)]

    def _expanded(self, tx: Tx, query: Query, equals: dict[str, Any]) -> list[Effective]:
        stored = db.of_user(tx, query.user_id, equals, MOST) if query.user_id else db.stored(tx, equals, MOST)
        members = db.members(tx, [item.actor_id for item in stored if item.actor_type is Actor.GROUP])
        closures = roles_db.closures(tx)
        found: dict[Assignment, Effective] = {}
        for via in stored:
            users = [via.actor_id] if via.actor_type is Actor.USER else members.get(via.actor_id, [])
            for user_id in users:
                if query.user_id and user_id != query.user_id:
                    continue
                for role_id in (via.role_id, *sorted(closures.get(via.role_id, ()))):
                    if query.role_id and role_id != query.role_id:
                        continue
                    item = replace(via, actor_type=Actor.USER, actor_id=user_id, role_id=role_id)
                    found.setdefault(item, Effective(assignment=item, via=via))
                    if len(found) >= MOST:
                        return list(found.values())
        return list(found.values())


def _target_filter(tx: Tx, query: Query) -> dict[str, Any]:
    equals: dict[str, Any] = {"target_type": query.target_type, "target_id": query.target_id}
    if query.subtree and query.target_id:
        equals["target_id"] = projects_db.subtree(tx, query.target_id)
    return {name: value for name, value in equals.items() if value is not None}


def _check(tx: Tx, assignment: Assignment) -> None:
    ROLES.get(tx, assignment.role_id)
    _check_ends(tx, assignment.actor_type, assignment.actor_id, assignment.target_type, assignment.target_id)


def _check_ends(tx: Tx, actor_type: Actor, actor_id: str, target_type: Target, target_id: str) -> None:
    _ACTORS[actor_type].get(tx, actor_id)
    if target_type is Target.SYSTEM:
        if target_id != SYSTEM:
            raise NotFound.of("system", target_id)
    else:
        _TARGETS[target_type].get(tx, target_id)
