"""Users and groups. A password's hash is part of two values only, those of a login and of a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class User:
    """``extra``: further attributes that the API keeps for its clients, such as email. ``options``: by their
    published names; ``password_expires_at``: None when it does not expire."""

    id: str
    domain_id: str
    name: str
    enabled: bool = True
    default_project_id: str | None = None
    description: str | None = None
    password_expires_at: datetime | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Group:
    id: str
    domain_id: str
    name: str
    description: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """How a request names a user, project or domain: by id, or by name, the latter within a domain."""

    id: str | None = None
    name: str | None = None
    domain_id: str | None = None
    domain_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Login:
    """What a login compares with."""

    user_id: str
    password_hash: str | None = field(repr=False)
    default_project_id: str | None
    password_expires_at: datetime | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    last_active_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A user's password and those before it, newest first; ``own``: the user chose it."""

    hashes: tuple[str, ...] = field(repr=False)
    set_at: datetime | None
    own: bool
