"""Users, their passwords, and groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.identity import groups as groups_db
from iaas.db.identity import users as db
from iaas.db.identity.nouns import DOMAINS, GROUPS, USERS
from iaas.db.identity.revocations import end_of_all
from iaas.errors import Forbidden, Invalid, NotFound, Unauthenticated
from iaas.identity.collection import Collection, bounded, set_options
from iaas.identity.login import LoginDesk
from iaas.identity.password_rules import PasswordRules
from iaas.identity.passwords import Passwords
from iaas.identity.tokens import REFUSED
from iaas.model.user import Group, Reference, User


class Users(Collection[User]):
    def __init__(self, database: Database, passwords: Passwords, login: LoginDesk, rules: PasswordRules) -> None:
        super().__init__(database, USERS)
        self._passwords, self._login, self._rules = passwords, login, rules

    def create_with(self, value: User, password: str | None) -> User:
        """A user without a password can't log in with one. Raises Invalid for one against the rules."""
        bounded(value.extra)
        hashed = self._hashed(password)
        value = replace(value, options=set_options(value.options))

        def work(tx: Tx) -> User:
            _check_domain(tx, value.domain_id)
            _check_default_project(tx, value.default_project_id)
            USERS.create(tx, value, password_own=False)
            if hashed is not None:
                self._set(tx, value.id, hashed, own=False)
                USERS.update(tx, value.id, {"valid_after": None})  # there are no tokens to end
            return USERS.get(tx, value.id)

        return self._database.run(work)

    def update_with(self, id: str, changes: Mapping[str, Any], password: str | None) -> User:
        """A new password ends all tokens of the user, and so does disabling it."""
        hashed = self._hashed(password)

        def work(tx: Tx) -> User:
            self._check_mutable(tx, id, changes)
            user = self._update(tx, id, self._merged(tx, id, changes))
            if hashed is None:
                return user
            self._set(tx, id, hashed, own=False)
            return USERS.get(tx, id)

        return self._database.run(work)

    def change_password(self, id: str, original: str, new: str, source: str) -> None:
        """The owner's way: the old password must be right (S-046), but may have expired. Raises Unauthenticated,
        or Invalid for a password against the rules."""
        login = self._login.check_password(Reference(id=id), original, source)
        with self._database.read() as tx:
            user, secret, now = USERS.get(tx, login.user_id), db.secret(tx, login.user_id), tx.now()
        if not user.enabled:
            raise Unauthenticated(REFUSED)
        self._rules.check_change(secret, user.options, now)
        hashed = self._hashed(new)
        self._rules.check_history(self._passwords, new, secret.hashes)

        def work(tx: Tx) -> None:
            USERS.get(tx, user.id, lock=True)
            if db.secret(tx, user.id).hashes[:1] != (login.password_hash,):
                raise Unauthenticated(REFUSED)  # it was changed meanwhile (F-16)
            self._set(tx, user.id, hashed, own=True)

        self._database.run(work)

    def _hashed(self, password: str | None) -> str | None:
        if password is None:
            return None
        self._rules.check_looks(password)
        return self._passwords.hash(password)

    def _set(self, tx: Tx, id: str, hashed: str | None, own: bool) -> None:
        expires_at = self._rules.expires_at(tx.now(), USERS.get(tx, id).options, own)
        db.set_password(tx, id, hashed, own=own, expires_at=expires_at, kept=self._rules.kept)

    def of_group(self, group_id: str, equals: dict[str, Any], marker: str | None, limit: int) -> list[User]:
        """Raises NotFound for an unknown group."""
        with self._database.read() as tx:
            GROUPS.get(tx, group_id)
            return db.of_group(tx, group_id, equals, marker, limit)

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> User:
        user = self._rows.get(tx, id)
        if changes.get("domain_id", user.domain_id) != user.domain_id:
            raise Forbidden("Update of `domain_id` is not allowed.")
        _check_default_project(tx, changes.get("default_project_id"))
        if changes.get("enabled") is False:
            changes = {**changes, "valid_after": end_of_all(tx, USERS, id)}
        return super()._update(tx, id, changes)

    def _delete(self, tx: Tx, id: str) -> None:
        db.delete(tx, id)


class Groups(Collection[Group]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, GROUPS)

    def of_user(self, user_id: str, equals: dict[str, Any], marker: str | None, limit: int) -> list[Group]:
        """Raises NotFound for an unknown user."""
        with self._database.read() as tx:
            USERS.get(tx, user_id)
            return groups_db.of_user(tx, user_id, equals, marker, limit)

    def add(self, group_id: str, user_id: str) -> None:
        self._database.run(lambda tx: groups_db.add_member(tx, group_id, user_id))

    def remove(self, group_id: str, user_id: str) -> None:
        self._database.run(lambda tx: groups_db.remove_member(tx, group_id, user_id))

    def check(self, group_id: str, user_id: str) -> None:
        """Raises NotFound when the user is not in the group."""
        with self._database.read() as tx:
            if not groups_db.is_member(tx, group_id, user_id):
                raise NotFound(f"User '{user_id}' not found in group '{group_id}'.", resource="group_member")

    def _create(self, tx: Tx, value: Group) -> Group:
        _check_domain(tx, value.domain_id)
        return super()._create(tx, value)

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> Group:
        group = self._rows.get(tx, id)
        if changes.get("domain_id", group.domain_id) != group.domain_id:
            raise Forbidden("Update of `domain_id` is not allowed.")
        return super()._update(tx, id, changes)

    def _delete(self, tx: Tx, id: str) -> None:
        groups_db.delete(tx, id)


def _check_default_project(tx: Tx, id: str | None) -> None:
    """A project that does not exist (yet) is nobody's business; a domain is no project to work in."""
    if id is not None and DOMAINS.find(tx, id=id) is not None:
        raise Invalid(f"User's default project ID cannot be a domain ID: {id}", field="default_project_id")


def _check_domain(tx: Tx, domain_id: str) -> None:
    if DOMAINS.find(tx, id=domain_id) is None:
        raise NotFound.of("domain", domain_id)
