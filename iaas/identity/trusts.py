"""Trusts: a user hands roles on a project to another one, who may hand them on further as far as that was allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.identity import delegation as db
from iaas.db.identity.access import standing
from iaas.db.identity.nouns import PROJECTS, USERS
from iaas.errors import Forbidden, Invalid, NotFound
from iaas.identity.application_credentials import RoleName, in_future, named
from iaas.ids import new_hex
from iaas.model.identity.delegation import ApplicationCredential, Kind, Trust
from iaas.model.role import Role
from iaas.model.token import Access, Scope, ScopeKind

DEEPEST = 3  # how often a trust can be handed on
MOST = 500  # that one user has given


@dataclass(frozen=True, kw_only=True)
class NewTrust:
    """``redelegation_count``: how often it may be handed on, None: as often as can be; only with
    ``allow_redelegation``."""

    trustor_user_id: str
    trustee_user_id: str
    impersonation: bool
    project_id: str | None = None
    roles: tuple[RoleName, ...] = ()
    expires_at: datetime | None = None
    remaining_uses: int | None = None
    allow_redelegation: bool = False
    redelegation_count: int | None = None


class Trusts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, equals: Mapping[str, Any], marker: str | None, limit: int) -> list[Trust]:
        """Those that can still be used."""
        with self._database.read() as tx:
            found = db.page(tx, Kind.TRUST, equals, marker, limit, usable_at=tx.now())
        return [trust for trust in found if isinstance(trust, Trust)]

    def get(self, id: str) -> tuple[Trust, list[Role]]:
        """Raises NotFound, also for one that has expired or was used up."""
        with self._database.read() as tx:
            trust = _get(tx, id)
            known = named(tx, trust.roles)
        return trust, [known[role] for role in trust.roles if role in known]

    def create(self, asker: Access, new: NewTrust) -> tuple[Trust, list[Role]]:
        """Raises Forbidden or Invalid for more than the asker may give, NotFound for what does not exist."""
        if new.trustor_user_id != asker.user.id:
            raise Forbidden("The authenticated user should match the trustor.")
        if new.project_id and not new.roles:
            raise Forbidden("At least one role should be specified.")
        if new.roles and not new.project_id:
            raise Invalid("Roles are given on a project.", field="project_id")

        def work(tx: Tx) -> tuple[Trust, list[Role]]:
            USERS.get(tx, new.trustee_user_id)
            if new.project_id:
                PROJECTS.get(tx, new.project_id)
            if len(db.page(tx, Kind.TRUST, {"trustor_user_id": new.trustor_user_id}, limit=MOST)) >= MOST:
                raise Forbidden(f"A user gives at most {MOST} trusts.")
            in_future(tx, new.expires_at)
            source = asker.mandate if isinstance(asker.mandate, Trust) else None
            trust = _again(tx, source, new) if source else _first(new)
            roles = _roles(tx, asker, trust, new.roles)
            trust = replace(trust, roles=tuple(role.id for role in roles))
            db.insert(tx, Kind.TRUST, trust)
            known = named(tx, trust.roles)
            return trust, [known[role] for role in trust.roles if role in known]

        return self._database.run(work)

    def delete(self, id: str) -> None:
        """With all that was handed on from it. Raises NotFound. Their tokens die with them."""
        self._database.run(lambda tx: db.delete(tx, Kind.TRUST, id=id))


def is_usable(trust: Trust, now: datetime) -> bool:
    return trust.remaining_uses != 0 and (trust.expires_at is None or trust.expires_at > now)


def _get(tx: Tx, id: str) -> Trust:
    trust = db.find(tx, Kind.TRUST, id=id)
    if not isinstance(trust, Trust) or not is_usable(trust, tx.now()):
        raise NotFound.of("trust", id)
    return trust


def _made(new: NewTrust, count: int, grantor_id: str) -> Trust:
    return Trust(
        id=new_hex(),
        trustor_user_id=new.trustor_user_id,
        trustee_user_id=new.trustee_user_id,
        grantor_id=grantor_id,
        impersonation=new.impersonation,
        project_id=new.project_id,
        expires_at=new.expires_at,
        remaining_uses=new.remaining_uses,
        redelegation_count=count,
    )


def _first(new: NewTrust) -> Trust:
    return _made(new, _depth(new, DEEPEST), new.trustor_user_id)


def _again(tx: Tx, given: Trust, new: NewTrust) -> Trust:
    """A trust out of another one can do nothing that the other one can't (S-037)."""
    source = _get(tx, given.id)
    if source.redelegation_count < 1:
        raise Forbidden("This trust may not be handed on.")
    if new.project_id != source.project_id:
        raise Forbidden("A trust is handed on for its own project only.")
    if new.impersonation and not source.impersonation:
        raise Forbidden("Impersonation is not allowed because redelegated trust does not specify impersonation.")
    if source.expires_at is not None and (new.expires_at is None or new.expires_at > source.expires_at):
        if new.expires_at is not None:
            raise Forbidden("Requested expiration time is more than redelegated trust can provide.")
        new = replace(new, expires_at=source.expires_at)
    count = _depth(new, source.redelegation_count - 1)
    return replace(_made(new, count, source.grantor_id), redelegated_trust_id=source.id)


def _depth(new: NewTrust, most: int) -> int:
    if not new.allow_redelegation:
        return 0
    if new.remaining_uses is not None:
        raise Invalid("remaining_uses must not be set if redelegation is allowed", field="remaining_uses")
    if new.redelegation_count is None:
        return most
    if new.redelegation_count > most:
        raise Forbidden(f"Requested redelegation depth of {new.redelegation_count} is greater than allowed {most}.")
    return new.redelegation_count


def _roles(tx: Tx, asker: Access, trust: Trust, wanted: tuple[RoleName, ...]) -> list[Role]:
    """The wanted roles, all of which the trustor has there; through a delegation, those of the delegation only."""
    if trust.project_id is None:
        return []
    mandate, given = asker.mandate, asker.claims.delegation
    if isinstance(mandate, ApplicationCredential) and mandate.project_id != trust.project_id:
        raise Forbidden("An application credential gives roles on its own project only.")
    found = standing(tx, asker.user.id, Scope(kind=ScopeKind.PROJECT, id=trust.project_id), given)
    held = found.roles if found else ()
    chosen: dict[str, Role] = {}
    for name in wanted:
        match = [role for role in held if (role.id == name.id if name.id else role.name == name.name)]
        if not match:
            raise NotFound.of("role", name.id or name.name or "")
        chosen[match[0].id] = match[0]
    return list(chosen.values())
