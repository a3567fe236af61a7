"""Users, their passwords, and groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.identity import groups as groups_db
from iaas.db.identity import users as db
from iaas.db.identity.nouns import DOMAINS, GROUPS, USERS
from iaas.errors import Forbidden, NotFound
from iaas.identity.collection import Collection, bounded
from iaas.identity.login import LoginDesk
from iaas.identity.passwords import Passwords
from iaas.model.user import Group, Reference, User


class Users(Collection[User]):
    def __init__(self, database: Database, passwords: Passwords, login: LoginDesk) -> None:
        super().__init__(database, USERS)
        self._passwords, self._login = passwords, login

    def create_with(self, value: User, password: str | None) -> User:
        """A user without a password can't log in with one."""
        bounded(value.extra)
        hashed = None if password is None else self._passwords.hash(password)

        def work(tx: Tx) -> User:
            _check_domain(tx, value.domain_id)
            return USERS.create(tx, value, password_hash=hashed, password_own=False)

        return self._database.run(work)

    def update_with(self, id: str, changes: Mapping[str, Any], password: str | None) -> User:
        """A new password ends all tokens of the user, and so does disabling it."""
        hashed = None if password is None else self._passwords.hash(password)

        def work(tx: Tx) -> User:
            hidden = {} if hashed is None else {"password_hash": hashed}
            return self._update(tx, id, {**self._merged(tx, id, changes), **hidden})

        return self._database.run(work)

    def change_password(self, id: str, original: str, new: str, source: str) -> None:
        """The owner's way: the old password must be right (S-046). Raises Unauthenticated."""
        login = self._login.check_password(Reference(id=id), original, source)
        hashed = self._passwords.hash(new)
        self._database.run(lambda tx: db.set_password(tx, login.user_id, hashed))

    def of_group(self, group_id: str, equals: dict[str, Any], marker: str | None, limit: int) -> list[User]:
        """Raises NotFound for an unknown group."""
        with self._database.read() as tx:
            GROUPS.get(tx, group_id)
            return db.of_group(tx, group_id, equals, marker, limit)

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> User:
        user = self._rows.get(tx, id)
        if changes.get("domain_id", user.domain_id) != user.domain_id:
            raise Forbidden("Update of `domain_id` is not allowed.")
        if changes.get("enabled") is False or "password_hash" in changes:
            changes = {**changes, "valid_after": tx.now()}
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


def _check_domain(tx: Tx, domain_id: str) -> None:
    if DOMAINS.find(tx, id=domain_id) is None:
        raise NotFound.of("domain", domain_id)
