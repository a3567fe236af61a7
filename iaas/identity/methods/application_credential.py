"""By application credential: what is refused costs the same time, whatever was wrong with it (S-041)."""

from __future__ import annotations

from iaas.db.engine import Database, Tx
from iaas.db.identity import delegation, users
from iaas.errors import Unauthenticated
from iaas.identity.methods.credentials import AppSecret, Credentials, Proof
from iaas.identity.passwords import Passwords
from iaas.identity.throttle import Throttle
from iaas.identity.tokens import REFUSED
from iaas.model.identity.delegation import ApplicationCredential, Kind
from iaas.model.user import Login, Reference

METHOD = "application_credential"


class ByApplicationCredential:
    def __init__(self, database: Database, passwords: Passwords, throttle: Throttle) -> None:
        self._database, self._passwords, self._throttle = database, passwords, throttle

    def prove(self, credentials: Credentials, source: str) -> Proof | None:
        given = credentials.application_credential
        if given is None:
            return None
        with self._database.read() as tx:
            now, (found, login) = tx.now(), _find(tx, given)
            hashed = delegation.secret_hash(tx, found.id) if found else None
        account = found.id if found else repr(given)[:1024]
        if not self._throttle.is_open(account, source):
            raise Unauthenticated(REFUSED)
        if not self._passwords.check(given.secret, hashed) or found is None or login is None:
            self._throttle.failed(account, source)
            raise Unauthenticated(REFUSED)
        self._throttle.succeeded(account, source)
        if found.expires_at is not None and found.expires_at <= now:
            raise Unauthenticated(REFUSED)
        return Proof(login, now, (METHOD,), credential=found)


def _find(tx: Tx, given: AppSecret) -> tuple[ApplicationCredential | None, Login | None]:
    """The credential and its user; nothing when the request names another user than the credential's (S-036)."""
    named = users.login(tx, given.user) if given.user else None
    if given.id is not None:
        found = delegation.find(tx, Kind.APPLICATION_CREDENTIAL, id=given.id)
    elif named is not None:
        found = delegation.find(tx, Kind.APPLICATION_CREDENTIAL, user_id=named.user_id, name=given.name)
    else:
        found = None
    if not isinstance(found, ApplicationCredential):
        return None, None
    owner = users.login(tx, Reference(id=found.user_id))
    if given.user is not None and (named is None or named.user_id != found.user_id):
        return None, None
    return found, owner
