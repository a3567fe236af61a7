"""Application credentials and the access rules that narrow them: made by their user, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.identity import delegation as db
from iaas.db.identity.nouns import ROLES, USERS
from iaas.errors import Forbidden, Invalid, NotFound
from iaas.identity.passwords import Passwords
from iaas.ids import new_hex
from iaas.model.identity.delegation import AccessRule, ApplicationCredential, Kind
from iaas.model.role import Role
from iaas.model.token import Access

_KIND = Kind.APPLICATION_CREDENTIAL
MOST = 500  # of one user


@dataclass(frozen=True, kw_only=True)
class RoleName:
    """A role as a request names it: by id, or by name."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class NewCredential:
    """``secret`` None: one is made. ``roles`` empty: all of the asking token. ``access_rules``: a rule with an id
    and nothing else is one that the user has already."""

    name: str
    secret: str | None = None
    description: str | None = None
    expires_at: datetime | None = None
    unrestricted: bool = False
    roles: tuple[RoleName, ...] = ()
    access_rules: tuple[AccessRule, ...] | None = None


class ApplicationCredentials:
    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database, self._passwords = database, passwords

    def page(
        self, user_id: str, equals: Mapping[str, Any], marker: str | None, limit: int
    ) -> list[tuple[ApplicationCredential, list[Role]]]:
        """The user's credentials with their roles. Raises NotFound for an unknown user."""
        with self._database.read() as tx:
            USERS.get(tx, user_id)
            found = [_mine(item) for item in db.page(tx, _KIND, {**equals, "user_id": user_id}, marker, limit)]
            known = named(tx, [id for item in found for id in item.roles])
        return [(item, [known[id] for id in item.roles if id in known]) for item in found]

    def get(self, user_id: str, id: str) -> tuple[ApplicationCredential, list[Role]]:
        """Raises NotFound, also for another user's."""
        with self._database.read() as tx:
            found = db.find(tx, _KIND, id=id, user_id=user_id)
            if found is None:
                raise NotFound.of("application_credential", id)
            known = named(tx, found.roles)
        return _mine(found), [known[id] for id in found.roles if id in known]

    def create(self, asker: Access, new: NewCredential) -> tuple[ApplicationCredential, list[Role], str]:
        """The credential of the asker on the project of its token, and the secret, which is not kept."""
        if asker.project is None:
            raise Invalid("An application credential is made with a token of a project.")
        roles = chosen(asker.roles, new.roles)
        secret = new.secret
        if secret is None:
            secret, hashed = self._passwords.generate()
        else:
            hashed = self._passwords.hash(secret)
        project_id, user_id = asker.project.id, asker.user.id

        def work(tx: Tx) -> ApplicationCredential:
            USERS.get(tx, user_id)
            if len(db.page(tx, _KIND, {"user_id": user_id}, limit=MOST)) >= MOST:
                raise Forbidden(f"A user has at most {MOST} application credentials.")
            in_future(tx, new.expires_at)
            made = ApplicationCredential(
                id=new_hex(),
                user_id=user_id,
                project_id=project_id,
                name=new.name,
                description=new.description,
                roles=tuple(role.id for role in roles),
                unrestricted=new.unrestricted,
                expires_at=new.expires_at,
                access_rules=None if new.access_rules is None else _rules(tx, user_id, new.access_rules),
            )
            db.insert(tx, _KIND, made, secret_hash=hashed)
            return made

        return self._database.run(work), roles, secret

    def delete(self, user_id: str, id: str) -> None:
        """Raises NotFound. Its tokens die with it."""
        self._database.run(lambda tx: db.delete(tx, _KIND, id=id, user_id=user_id))

    def access_rules(self, user_id: str, equals: Mapping[str, Any]) -> list[AccessRule]:
        with self._database.read() as tx:
            USERS.get(tx, user_id)
            return db.rules(tx, user_id, **equals)

    def access_rule(self, user_id: str, id: str) -> AccessRule:
        """Raises NotFound."""
        found = self.access_rules(user_id, {"id": id})
        if not found:
            raise NotFound.of("access_rule", id)
        return found[0]

    def delete_access_rule(self, user_id: str, id: str) -> None:
        """Raises NotFound, or Forbidden while a credential has the rule."""

        def work(tx: Tx) -> None:
            for item in db.page(tx, _KIND, {"user_id": user_id}, limit=MOST):
                if any(rule.id == id for rule in _mine(item).access_rules or ()):
                    raise Forbidden(f"The access rule {id} is in use by an application credential.")
            db.delete_rule(tx, user_id, id)

        self._database.run(work)


def named(tx: Tx, ids: Iterable[str]) -> dict[str, Role]:
    """The roles with these ids, by id, in one query."""
    among = tuple(sorted(set(ids)))
    return {role.id: role for role in ROLES.page(tx, {"id": among})} if among else {}


def chosen(held: Iterable[Role], wanted: tuple[RoleName, ...]) -> list[Role]:
    """Those of the held roles that are wanted, all without a wish. Raises Invalid for one that is not held."""
    held = list(held)
    if not wanted:
        return held
    found: dict[str, Role] = {}
    for name in wanted:
        match = [role for role in held if (role.id == name.id if name.id else role.name == name.name)]
        if not match:
            raise Invalid(
                "Invalid application credential: Cannot create an application credential with unassigned role"
            )
        found[match[0].id] = match[0]
    return list(found.values())


def in_future(tx: Tx, moment: datetime | None) -> None:
    if moment is not None and moment <= tx.now():
        raise Invalid("The expiration time must be in the future.", field="expires_at")


def _mine(item: Any) -> ApplicationCredential:
    assert isinstance(item, ApplicationCredential)
    return item


def _rules(tx: Tx, user_id: str, wanted: tuple[AccessRule, ...]) -> tuple[AccessRule, ...]:
    """The user's own rules like the wanted ones; what it has not yet is added. Raises NotFound for an unknown id."""
    known = db.rules(tx, user_id)
    by_id, by_content = {rule.id: rule for rule in known}, {rule[1:]: rule for rule in known}
    found: dict[str, AccessRule] = {}
    for rule in wanted:
        if rule.id:
            if rule.id not in by_id:
                raise NotFound.of("access_rule", rule.id)
            match = by_id[rule.id]
        elif rule[1:] in by_content:
            match = by_content[rule[1:]]
        else:
            match = by_content[rule[1:]] = rule._replace(id=new_hex())
            db.add_rule(tx, user_id, match)
        found[match.id] = match
    return tuple(found.values())
