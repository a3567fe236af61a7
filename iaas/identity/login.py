"""Logging in: credentials and a wanted scope become a token. Knows no HTTP.

Every refusal is the same Unauthenticated, and an unknown user costs as much time as a wrong password (S-041).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from iaas.clock import Clock
from iaas.db.engine import Database, Tx
from iaas.db.identity import projects, users
from iaas.db.identity.access import Standing, standing
from iaas.errors import Unauthenticated
from iaas.identity.access import Validator, holds
from iaas.identity.passwords import Passwords
from iaas.identity.throttle import Throttle
from iaas.identity.tokens import REFUSED, TokenCodec, new_audit_id
from iaas.model.token import ON_SYSTEM, UNSCOPED, Access, Claims, Scope, ScopeKind
from iaas.model.user import Login, Reference


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What the caller proves itself with; each method that is given must succeed, for the same user."""

    user: Reference | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The scope that is asked for; ``kind`` None: the user's default project if it is usable, else none."""

    kind: ScopeKind | None = None
    reference: Reference = field(default_factory=Reference)


@dataclass(frozen=True)
class Issued:
    token: str = field(repr=False)
    access: Access


@dataclass(frozen=True)
class _Proof:
    """Who it is, since when that is proven, and what the new token must not outlive."""

    login: Login
    at: datetime
    methods: tuple[str, ...]
    parent: Claims | None = None


class LoginDesk:
    def __init__(
        self,
        database: Database,
        codec: TokenCodec,
        validator: Validator,
        passwords: Passwords,
        clock: Clock,
        ttl: int,
    ) -> None:
        self._database, self._codec, self._validator = database, codec, validator
        self._passwords = passwords
        self._throttle = Throttle(clock)
        self._ttl = timedelta(seconds=ttl)

    def issue(self, credentials: Credentials, wanted: Wanted, source: str = "") -> Issued:
        """``source``: the caller's address, for the throttle. Raises Unauthenticated."""
        proofs = []
        if credentials.password is not None and credentials.user is not None:
            proofs.append(self._by_password(credentials.user, credentials.password, source))
        if credentials.token is not None:
            proofs.append(self._by_token(credentials.token))
        if not proofs or any(proof.login.user_id != proofs[0].login.user_id for proof in proofs):
            raise Unauthenticated(REFUSED)
        proof = proofs[0] if len(proofs) == 1 else _both(*proofs)
        with self._database.read() as tx:
            access = self._grant(tx, proof, wanted)
        return Issued(self._codec.seal(access.claims), access)

    def check_password(self, user: Reference, password: str, source: str) -> Login:
        """The user whose password this is, enabled or not. Raises Unauthenticated."""
        return self._by_password(user, password, source).login

    def mint(self, user: Reference, project: Reference, ttl_s: int) -> Issued:
        """A token without a password, for the platform's own users only; the caller decides who that is."""
        with self._database.read() as tx:
            login = users.login(tx, user)
            if login is None:
                raise Unauthenticated(REFUSED)
            proof = _Proof(login, tx.now(), ("service",))
            wanted = Wanted(kind=ScopeKind.PROJECT, reference=project)
            access = self._grant(tx, proof, wanted, timedelta(seconds=ttl_s))
        return Issued(self._codec.seal(access.claims), access)

    def _by_password(self, user: Reference, password: str, source: str) -> _Proof:
        with self._database.read() as tx:
            login, now = users.login(tx, user), tx.now()
        account = login.user_id if login else repr(user)[:1024]
        if not self._throttle.is_open(account, source):
            raise Unauthenticated(REFUSED)
        if not self._passwords.check(password, login.password_hash if login else None) or login is None:
            self._throttle.failed(account, source)
            raise Unauthenticated(REFUSED)
        self._throttle.succeeded(account, source)
        return _Proof(login, now, ("password",))

    def _by_token(self, token: str) -> _Proof:
        parent = self._validator.access(token, fresh=True).claims
        with self._database.read() as tx:
            login, now = users.login(tx, Reference(id=parent.user_id)), tx.now()
        if login is None:
            raise Unauthenticated(REFUSED)
        return _Proof(login, now, (*(m for m in parent.methods if m != "token"), "token"), parent)

    def _grant(self, tx: Tx, proof: _Proof, wanted: Wanted, ttl: timedelta | None = None) -> Access:
        user_id = proof.login.user_id
        again = users.login(tx, Reference(id=user_id))
        if again is None or again.password_hash != proof.login.password_hash:
            raise Unauthenticated(REFUSED)  # the password changed while it was being checked (F-16)
        for scope in _scopes(tx, wanted, again):
            claims, found = self._claims(tx, proof, scope, ttl or self._ttl)
            if holds(found, claims) and found is not None:
                return Access(
                    claims=claims,
                    user=found.user,
                    project=found.project,
                    domain=found.domain,
                    roles=found.roles,
                )
        raise Unauthenticated(REFUSED)

    def _claims(self, tx: Tx, proof: _Proof, scope: Scope, ttl: timedelta) -> tuple[Claims, Standing | None]:
        found = standing(tx, proof.login.user_id, scope)
        issued = proof.at
        if found is not None and found.valid_after is not None:
            # A clock that stepped back must not make new tokens look older than the last mass revocation.
            issued = max(issued, found.valid_after + timedelta(microseconds=1))
        expires = issued + ttl
        audit_ids: tuple[str, ...] = (new_audit_id(),)
        if proof.parent:
            # A child dies with its parent: rescoping never extends a life (S-029).
            expires = min(expires, proof.parent.expires_at)
            audit_ids = (*audit_ids, proof.parent.chain_id)
        claims = Claims(
            user_id=proof.login.user_id,
            methods=proof.methods,
            scope=scope,
            audit_ids=audit_ids,
            issued_at=issued,
            expires_at=expires,
        )
        return claims, found


def _both(one: _Proof, other: _Proof) -> _Proof:
    parent = one.parent or other.parent
    methods = tuple(dict.fromkeys((*one.methods, *other.methods)))
    return replace(one, methods=methods, parent=parent, at=max(one.at, other.at))


def _scopes(tx: Tx, wanted: Wanted, login: Login) -> list[Scope]:
    """The scopes to try in order; none when the wanted one does not exist."""
    if wanted.kind is None:
        default = login.default_project_id
        tries = [Scope(kind=ScopeKind.PROJECT, id=default)] if default else []
        return [*tries, UNSCOPED]
    if wanted.kind is ScopeKind.UNSCOPED:
        return [UNSCOPED]
    if wanted.kind is ScopeKind.SYSTEM:
        return [ON_SYSTEM]
    find = projects.project_id if wanted.kind is ScopeKind.PROJECT else projects.domain_id
    id = find(tx, wanted.reference)
    return [Scope(kind=wanted.kind, id=id)] if id else []
