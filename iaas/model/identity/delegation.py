"""What a user hands on: application credentials (to its own programs) and trusts (to another user).

Both carry roles on one project. They hold only while the one who gave them has every one of these roles.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    APPLICATION_CREDENTIAL = "application_credential"
    TRUST = "trust"


@dataclass(frozen=True, kw_only=True)
class Delegation:
    """Which delegation a token comes from."""

    kind: Kind
    id: str


class AccessRule(NamedTuple):
    """One kind of request that a token may make: ``path`` may hold ``*``, ``**`` and ``{name}``."""

    id: str
    service: str
    method: str
    path: str


@dataclass(frozen=True, kw_only=True)
class ApplicationCredential:
    """``roles``: ids. ``access_rules`` None: every request; an empty tuple: none. Never changed once made."""

    id: str
    user_id: str
    project_id: str
    name: str
    description: str | None = None
    roles: tuple[str, ...] = ()
    unrestricted: bool = False
    expires_at: datetime | None = None
    access_rules: tuple[AccessRule, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Trust:
    """``grantor_id``: whose roles count, the trustor at the head of a chain of redelegated trusts.

    ``remaining_uses``: tokens that can still be made of it; None: any number.
    """

    id: str
    trustor_user_id: str
    trustee_user_id: str
    grantor_id: str
    impersonation: bool
    project_id: str | None = None
    roles: tuple[str, ...] = ()
    expires_at: datetime | None = None
    remaining_uses: int | None = None
    redelegated_trust_id: str | None = None
    redelegation_count: int = 0


Mandate = ApplicationCredential | Trust
