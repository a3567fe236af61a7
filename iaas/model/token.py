"""What a token says, and what the database makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from iaas.model.identity.delegation import Delegation, Mandate
from iaas.model.role import SYSTEM, Role

# How long after its end a service may still learn whose a token was, to finish what its user began (?allow_expired).
GRACE = timedelta(days=2)


class ScopeKind(StrEnum):
    UNSCOPED = "unscoped"
    PROJECT = "project"
    DOMAIN = "domain"
    SYSTEM = "system"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """``id``: of the project or domain, ``all`` for the system, None without a scope."""

    kind: ScopeKind = ScopeKind.UNSCOPED
    id: str | None = None


UNSCOPED = Scope()
ON_SYSTEM = Scope(kind=ScopeKind.SYSTEM, id=SYSTEM)


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The content of a token. ``audit_ids``: its own, then, after a rescope, that of the chain's first token.

    ``delegation``: where its rights come from when they are not the user's own.
    """

    user_id: str
    methods: tuple[str, ...]
    scope: Scope
    audit_ids: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    delegation: Delegation | None = None

    @property
    def chain_id(self) -> str:
        return self.audit_ids[-1]


@dataclass(frozen=True, kw_only=True)
class Named:
    """A user, project or domain with its name and, but for domains, the domain that it is in."""

    id: str
    name: str
    domain_id: str | None = None
    domain_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Access:
    """A token that holds now: its claims, who and where its user is. ``roles`` include the implied ones.

    ``mandate``: what was handed on, for a token whose rights come from a delegation.
    """

    claims: Claims
    user: Named
    project: Named | None = None
    domain: Named | None = None
    roles: tuple[Role, ...] = ()
    mandate: Mandate | None = None
    password_expires_at: datetime | None = None
