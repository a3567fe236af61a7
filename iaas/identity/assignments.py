"""Who has which role where: grants, and the list of them as stored or as it is in effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.identity import assignments as db
from iaas.db.identity import projects as projects_db
from iaas.db.identity import roles as roles_db
from iaas.db.identity.nouns import DOMAINS, GROUPS, PROJECTS, ROLES, USERS
from iaas.db.identity.rows import Rows
from iaas.errors import Forbidden, Invalid, NotFound
from iaas.model.role import SYSTEM, Actor, Assignment, Effective, Place, Role, Target

_ACTORS: dict[Actor, Rows[Any]] = {Actor.USER: USERS, Actor.GROUP: GROUPS}
_TARGETS: dict[Target, Rows[Any]] = {Target.PROJECT: PROJECTS, Target.DOMAIN: DOMAINS}
MOST = 10_000  # rows in one list of assignments


@dataclass(frozen=True, kw_only=True)
class Query:
    """Filters of the list of assignments.

    ``effective``: groups as their users, implied roles and inherited ones written out. ``inherited``: only those
    that are inherited, or only those that aren't.
    """

    user_id: str | None = None
    group_id: str | None = None
    role_id: str | None = None
    target_type: Target | None = None
    target_id: str | None = None
    subtree: bool = False  # also the projects below the target, which is a project
    inherited: bool | None = None
    effective: bool = False
    names: bool = False


class Assignments:
    def __init__(self, database: Database) -> None:
        self._database = database

    def grant(self, assignment: Assignment) -> None:
        """Raises NotFound for an unknown actor, target or role, Forbidden for a role of another domain; granting
        twice changes nothing."""

        def work(tx: Tx) -> None:
            role, domain_id = ROLES.get(tx, assignment.role_id), _check_ends(tx, assignment, lock=True)
            if role.domain_id not in (None, domain_id):
                raise Forbidden(
                    f"{assignment.target_type.value.capitalize()} {assignment.target_id} must be in the same domain "
                    f"as the role {role.id} being assigned."
                )
            db.add(tx, assignment)

        self._database.run(work)

    def revoke(self, assignment: Assignment) -> None:
        """Raises NotFound when there is no such grant."""
        self._database.run(lambda tx: db.remove(tx, assignment))

    def check(self, assignment: Assignment) -> None:
        """Raises NotFound when there is no such grant."""
        with self._database.read() as tx:
            ROLES.get(tx, assignment.role_id)
            _check_ends(tx, assignment)
            if not db.exists(tx, assignment):
                raise NotFound(
                    f"Could not find role assignment with role: {assignment.role_id}.",
                    resource="role_assignment",
                )

    def roles_on(self, place: Place) -> list[Role]:
        """Roles granted right there. Raises NotFound for an unknown actor or target."""
        with self._database.read() as tx:
            _check_ends(tx, place)
            return db.roles_on(tx, place)

    def is_on_system(self, user_id: str) -> bool:
        """Whether the user can scope a token to the system."""
        with self._database.read() as tx:
            return projects_db.is_on_system(tx, user_id)

    def find(self, query: Query) -> list[Effective]:
        """At most ``MOST``, in a stable order; a constant number of queries, whatever the number of rows."""
        _check_query(query)
        with self._database.read() as tx:
            found = _expanded(tx, query) if query.effective else _stored(tx, query)
            if not query.names:
                return found
            names = db.name_all(tx, [item.assignment for item in found])
            return [replace(item, names=names[item.assignment]) for item in found if item.assignment in names]


def _check_query(query: Query) -> None:
    if query.effective and query.group_id:
        raise Invalid("Combining effective and group filter will always result in an empty list.")
    if query.effective and query.inherited and query.target_type is Target.DOMAIN:
        raise Invalid("Combining effective, domain and inherited filters will always result in an empty list.")
    if query.user_id and query.group_id:
        raise Invalid("Specify a user or group, not both")


def _stored(tx: Tx, query: Query) -> list[Effective]:
    equals: dict[str, Any] = {"role_id": query.role_id, "inherited": query.inherited, "target_type": query.target_type}
    if query.target_id:
        equals["target_id"] = projects_db.subtree(tx, query.target_id) if query.subtree else query.target_id
    if query.user_id or query.group_id:
        equals |= {"actor_type": Actor.USER if query.user_id else Actor.GROUP}
        equals |= {"actor_id": query.user_id or query.group_id}
    given = {name: value for name, value in equals.items() if value is not None}
    return [Effective(assignment=item, via=item) for item in db.stored(tx, given, MOST)]


def _expanded(tx: Tx, query: Query) -> list[Effective]:
    """Every stored assignment that counts, once for each user, target and role that it means."""
    placed = _placed(tx, query)
    members = db.members(tx, [via.actor_id for via, _, _ in placed if via.actor_type is Actor.GROUP])
    closures, hidden = roles_db.closures(tx), roles_db.of_domains(tx)
    found: dict[Assignment, Effective] = {}
    for via, kind, place in placed:
        users = [via.actor_id] if via.actor_type is Actor.USER else members.get(via.actor_id, [])
        for user_id in users if query.user_id is None else {query.user_id}.intersection(users):
            for role_id in (via.role_id, *sorted(closures.get(via.role_id, ()))):
                if role_id in hidden or query.role_id not in (None, role_id):
                    continue
                item = Assignment(
                    actor_type=Actor.USER, actor_id=user_id, target_type=kind, target_id=place, role_id=role_id
                )
                found.setdefault(item, Effective(assignment=item, via=via))
                if len(found) >= MOST:
                    return list(found.values())
    return list(found.values())


def _placed(tx: Tx, query: Query) -> list[tuple[Assignment, Target, str]]:
    """Stored assignments with the targets on which they hold."""

    def stored(equals: dict[str, Any]) -> list[Assignment]:
        return db.of_user(tx, query.user_id, equals, MOST) if query.user_id else db.stored(tx, equals, MOST)

    wanted: tuple[str, ...] | None = None
    if query.target_id:
        wanted = projects_db.subtree(tx, query.target_id) if query.subtree else (query.target_id,)
    placed: list[tuple[Assignment, Target, str]] = []
    if query.inherited is not True:
        equals: dict[str, Any] = {"inherited": False}
        equals |= {"target_type": query.target_type} if query.target_type else {}
        equals |= {"target_id": wanted} if wanted is not None else {}
        placed += ((via, via.target_type, via.target_id) for via in stored(equals))
    if query.inherited is not False and query.target_type in (None, Target.PROJECT):
        equals = {"inherited": True}
        if wanted is not None:
            equals |= {"target_id": (*wanted, *projects_db.ancestors(tx, wanted[0]))} if wanted else {"target_id": ()}
        placed += _below(tx, stored(equals), wanted)
    return placed


def _below(
    tx: Tx, inherited: list[Assignment], wanted: tuple[str, ...] | None
) -> Iterator[tuple[Assignment, Target, str]]:
    trees = projects_db.descents(tx, [via.target_id for via in inherited])
    for via in inherited:
        for project_id in trees.get(via.target_id, ()):
            if wanted is None or project_id in wanted:
                yield via, Target.PROJECT, project_id


def _check_ends(tx: Tx, place: Place, lock: bool = False) -> str | None:
    """The target's domain; None for the system. ``lock``: neither end goes meanwhile, leaving a grant behind.
    Raises NotFound."""
    _ACTORS[place.actor_type].get(tx, place.actor_id, lock)
    if place.target_type is not Target.SYSTEM:
        target = _TARGETS[place.target_type].get(tx, place.target_id, lock)
        return str(target.domain_id if place.target_type is Target.PROJECT else target.id)
    if place.target_id != SYSTEM:
        raise NotFound.of("system", place.target_id)
    return None
