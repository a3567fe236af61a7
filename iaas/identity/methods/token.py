"""By a token: the new one dies with it and can do no more (S-029)."""

from __future__ import annotations

from iaas.db.engine import Database
from iaas.db.identity import users
from iaas.errors import Forbidden, Unauthenticated
from iaas.identity.access import Validator
from iaas.identity.methods.credentials import Credentials, Proof
from iaas.identity.tokens import REFUSED
from iaas.model.identity.credential import EC2_METHOD
from iaas.model.identity.delegation import ApplicationCredential, Trust
from iaas.model.user import Reference


class ByToken:
    def __init__(self, database: Database, validator: Validator) -> None:
        self._database, self._validator = database, validator

    def prove(self, credentials: Credentials, source: str) -> Proof | None:
        if credentials.token is None:
            return None
        access = self._validator.access(credentials.token, fresh=True)
        parent, mandate = access.claims, access.mandate
        if isinstance(mandate, Trust):
            raise Forbidden("A token of a trust can't be exchanged: make another one of the trust itself.")
        if EC2_METHOD in parent.methods:
            raise Forbidden("A token of an EC2 credential can't be exchanged: sign another request.")
        with self._database.read() as tx:
            login, now = users.login(tx, Reference(id=parent.user_id)), tx.now()
        if login is None:
            raise Unauthenticated(REFUSED)
        methods = (*(m for m in parent.methods if m != "token"), "token")
        credential = mandate if isinstance(mandate, ApplicationCredential) else None
        return Proof(login, now, methods, parent, credential)
