"""By password: an unknown user costs as much time as a wrong password (S-041)."""

from __future__ import annotations

import logging

from iaas.db.engine import Database
from iaas.db.identity import users
from iaas.errors import Unauthenticated
from iaas.identity.methods.credentials import Credentials, Proof
from iaas.identity.password_rules import IGNORE_LOCKOUT, PasswordRules, is_expired
from iaas.identity.passwords import Passwords
from iaas.identity.throttle import Throttle
from iaas.identity.tokens import REFUSED
from iaas.model.user import Login, Reference

log = logging.getLogger(__name__)


class ByPassword:
    def __init__(self, database: Database, passwords: Passwords, throttle: Throttle, rules: PasswordRules) -> None:
        self._database, self._passwords, self._throttle, self._rules = database, passwords, throttle, rules

    def prove(self, credentials: Credentials, source: str) -> Proof | None:
        if credentials.password is None or credentials.user is None:
            return None
        proof = self.check(credentials.user, credentials.password, source)
        login = proof.login
        if is_expired(login, proof.at):  # only who knows it hears this, and clients look for the words
            words = f"The password is expired and needs to be changed for user: {login.user_id}."
            raise Unauthenticated(words, told=True)
        if self._rules.is_to_note(login, proof.at):
            self._database.run(lambda tx: users.note_login(tx, login.user_id))
        return proof

    def check(self, user: Reference, password: str, source: str) -> Proof:
        """Whose password it is, expired or not. Raises Unauthenticated."""
        with self._database.read() as tx:
            login, now = users.login(tx, user), tx.now()
        account = login.user_id if login else repr(user)[:1024]
        lockable = login is None or not login.options.get(IGNORE_LOCKOUT)
        if not self._throttle.is_open(account, source, lockable):
            raise _refusal(login, source, "too many failures")
        if not self._passwords.check(password, login.password_hash if login else None) or login is None:
            self._throttle.failed(account, source)
            raise _refusal(login, source, "wrong password")
        self._throttle.succeeded(account, source)
        if self._rules.is_inactive(login, now):
            raise _refusal(login, source, "inactive for too long")
        return Proof(login, now, ("password",))


def _refusal(login: Login | None, source: str, reason: str) -> Unauthenticated:
    """The log says to operators what the answer does not. Not an unknown name: people type passwords there."""
    who = f"user {login.user_id}: {reason}" if login else "no such user"
    log.info("login from %s refused, %s", source or "an unknown address", who)
    return Unauthenticated(REFUSED)
