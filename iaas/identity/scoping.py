"""From who somebody is to what its token may say: the scope that was asked for, as far as it holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from iaas.db.engine import Tx
from iaas.db.identity import delegation, projects, users
from iaas.db.identity.access import standing
from iaas.errors import Forbidden, Unauthenticated
from iaas.identity.access import holds
from iaas.identity.methods.credentials import Proof
from iaas.identity.tokens import REFUSED, new_audit_id
from iaas.model.identity.delegation import Delegation, Kind, Trust
from iaas.model.token import ON_SYSTEM, UNSCOPED, Access, Claims, Scope, ScopeKind
from iaas.model.user import Login, Reference


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The scope that is asked for; ``kind`` None: the user's default project if it is usable, else none.

    ``trust_id``: the scope of that trust, and nothing else.
    """

    kind: ScopeKind | None = None
    reference: Reference = field(default_factory=Reference)
    trust_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Right:
    """Whose token it will be, on what, and by which delegation."""

    user_id: str
    scope: Scope
    given: Delegation | None = None
    until: datetime | None = None


def grant(tx: Tx, proof: Proof, wanted: Wanted, ttl: timedelta) -> Access:
    """The access of the new token; takes a use of a trust that has a number of them, for which the transaction must
    write. Raises Unauthenticated, or Forbidden for a trust that does not help."""
    again = users.login(tx, Reference(id=proof.login.user_id))
    if again is None or again.password_hash != proof.login.password_hash:
        raise Unauthenticated(REFUSED)  # the password changed while it was being checked (F-16)
    if wanted.trust_id is not None:
        return _by_trust(tx, proof, wanted.trust_id, ttl)
    for right in _rights(tx, proof, wanted, again):
        access = _access(tx, proof, right, ttl)
        if access is not None:
            return access
    raise Unauthenticated(REFUSED)


def _by_trust(tx: Tx, proof: Proof, id: str, ttl: timedelta) -> Access:
    trust = delegation.find(tx, Kind.TRUST, id=id)
    if not isinstance(trust, Trust) or (trust.expires_at is not None and trust.expires_at <= tx.now()):
        raise Unauthenticated(REFUSED)
    if proof.credential is not None or trust.trustee_user_id != proof.login.user_id:
        raise Forbidden("User is not a trustee.")
    right = _Right(
        user_id=trust.trustor_user_id if trust.impersonation else trust.trustee_user_id,
        scope=Scope(kind=ScopeKind.PROJECT, id=trust.project_id) if trust.project_id else UNSCOPED,
        given=Delegation(kind=Kind.TRUST, id=trust.id),
        until=trust.expires_at,
    )
    access = _access(tx, proof, right, ttl)
    if access is None:
        raise Forbidden("Trustee has no delegated roles.")
    if trust.remaining_uses is not None and not delegation.use(tx, trust.id):
        raise Unauthenticated(REFUSED)
    return access


def _access(tx: Tx, proof: Proof, right: _Right, ttl: timedelta) -> Access | None:
    found = standing(tx, right.user_id, right.scope, right.given)
    if found is None:
        return None
    if proof.since is not None and found.valid_after is not None and proof.since <= found.valid_after:
        return None  # the password, for one, has changed since it was proven
    issued = proof.at
    if found.valid_after is not None:
        # A clock that stepped back must not make new tokens look older than the last mass revocation.
        issued = max(issued, found.valid_after + timedelta(microseconds=1))
    expires = min(issued + ttl, right.until) if right.until else issued + ttl
    audit_ids = (new_audit_id(), *([proof.chain] if proof.chain else []))
    if proof.parent:
        # A child dies with its parent: rescoping never extends a life (S-029).
        expires = min(expires, proof.parent.expires_at)
        audit_ids = (*audit_ids, proof.parent.chain_id)
    claims = Claims(
        user_id=right.user_id,
        methods=proof.methods,
        scope=right.scope,
        audit_ids=audit_ids,
        issued_at=issued,
        expires_at=expires,
        delegation=right.given,
    )
    return found.access(claims) if holds(found, claims) else None


def _rights(tx: Tx, proof: Proof, wanted: Wanted, login: Login) -> list[_Right]:
    """What to try in order; nothing when what is wanted does not exist."""
    scopes = _scopes(tx, wanted, login)
    if proof.credential is None:
        return [_Right(user_id=login.user_id, scope=scope) for scope in scopes]
    # A credential is for its project and nothing else: a scope may be named, but no other one (S-036).
    only = Scope(kind=ScopeKind.PROJECT, id=proof.credential.project_id)
    if wanted.kind is not None and scopes != [only]:
        return []
    given = Delegation(kind=Kind.APPLICATION_CREDENTIAL, id=proof.credential.id)
    return [_Right(user_id=login.user_id, scope=only, given=given, until=proof.credential.expires_at)]


def _scopes(tx: Tx, wanted: Wanted, login: Login) -> list[Scope]:
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
