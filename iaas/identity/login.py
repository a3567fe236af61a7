"""Logging in: credentials and a wanted scope become a token. Knows no HTTP.

Every refusal is the same Unauthenticated. How somebody is known is in ``methods/``, what it may do in scoping.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from iaas.clock import Clock
from iaas.db.engine import Database
from iaas.db.identity import users
from iaas.errors import Unauthenticated
from iaas.identity.access import Validator
from iaas.identity.credentials.vault import Vault
from iaas.identity.methods.application_credential import ByApplicationCredential
from iaas.identity.methods.credentials import AppSecret, Credentials, Method, Passcode, Proof, together
from iaas.identity.methods.password import ByPassword
from iaas.identity.methods.receipt import Receipts
from iaas.identity.methods.token import ByToken
from iaas.identity.methods.totp import ByTotp
from iaas.identity.password_rules import PasswordRules
from iaas.identity.passwords import Passwords
from iaas.identity.scoping import Wanted, grant
from iaas.identity.throttle import Throttle
from iaas.identity.tickets import TicketDesk
from iaas.identity.tokens import REFUSED, TokenCodec
from iaas.model.token import Access, ScopeKind
from iaas.model.user import Login, Reference

__all__ = ["AppSecret", "Credentials", "Issued", "LoginDesk", "Passcode", "Wanted"]


@dataclass(frozen=True)
class Issued:
    token: str = field(repr=False)
    access: Access


class LoginDesk:
    def __init__(
        self,
        database: Database,
        codec: TokenCodec,
        validator: Validator,
        passwords: Passwords,
        vault: Vault,
        tickets: TicketDesk,
        clock: Clock,
        ttl: int,
        rules: PasswordRules,
    ) -> None:
        throttle = Throttle(clock, rules.rules.lockout_failure_attempts, rules.rules.lockout_duration)
        self._database, self._codec = database, codec
        self._ttl = timedelta(seconds=ttl)
        self._password = ByPassword(database, passwords, throttle, rules)
        self._methods: tuple[Method, ...] = (
            self._password,
            ByToken(database, validator),
            ByApplicationCredential(database, passwords, throttle),
            ByTotp(database, vault, throttle),  # last: a code is spent only when all else was right
        )
        self._receipts = Receipts(database, tickets)

    def issue(self, credentials: Credentials, wanted: Wanted, source: str = "") -> Issued:
        """``source``: the caller's address, for the throttle. Raises Unauthenticated, MoreNeeded among them."""
        tried = [method.prove(credentials, source) for method in self._methods]
        proof = together([proof for proof in tried if proof])
        if credentials.receipt is not None:
            proof = self._receipts.added(proof, credentials.receipt)
        self._receipts.check(proof)
        if wanted.trust_id is not None:
            access = self._database.run(lambda tx: grant(tx, proof, wanted, self._ttl))
        else:
            with self._database.read() as tx:
                access = grant(tx, proof, wanted, self._ttl)
        return Issued(self._codec.seal(access.claims), access)

    def check_password(self, user: Reference, password: str, source: str) -> Login:
        """The user whose password this is, enabled or not. Raises Unauthenticated."""
        return self._password.check(user, password, source).login

    def mint(self, user: Reference, project: Reference, ttl_s: int) -> Issued:
        """A token without a password, for the platform's own users only; the caller decides who that is."""
        with self._database.read() as tx:
            login = users.login(tx, user)
            if login is None:
                raise Unauthenticated(REFUSED)
            wanted = Wanted(kind=ScopeKind.PROJECT, reference=project)
            access = grant(tx, Proof(login, tx.now(), ("service",)), wanted, timedelta(seconds=ttl_s))
        return Issued(self._codec.seal(access.claims), access)
