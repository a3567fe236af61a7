"""By password: an unknown user costs as much time as a wrong password (S-041)."""

from __future__ import annotations

from iaas.db.engine import Database
from iaas.db.identity import users
from iaas.errors import Unauthenticated
from iaas.identity.methods.credentials import Credentials, Proof
from iaas.identity.passwords import Passwords
from iaas.identity.throttle import Throttle
from iaas.identity.tokens import REFUSED
from iaas.model.user import Reference


class ByPassword:
    def __init__(self, database: Database, passwords: Passwords, throttle: Throttle) -> None:
        self._database, self._passwords, self._throttle = database, passwords, throttle

    def prove(self, credentials: Credentials, source: str) -> Proof | None:
        if credentials.password is None or credentials.user is None:
            return None
        return self.check(credentials.user, credentials.password, source)

    def check(self, user: Reference, password: str, source: str) -> Proof:
        """Raises Unauthenticated."""
        with self._database.read() as tx:
            login, now = users.login(tx, user), tx.now()
        account = login.user_id if login else repr(user)[:1024]
        if not self._throttle.is_open(account, source):
            raise Unauthenticated(REFUSED)
        if not self._passwords.check(password, login.password_hash if login else None) or login is None:
            self._throttle.failed(account, source)
            raise Unauthenticated(REFUSED)
        self._throttle.succeeded(account, source)
        return Proof(login, now, ("password",))
