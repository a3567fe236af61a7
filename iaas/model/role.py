"""Roles, which role implies which, and who has a role where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SYSTEM = "all"  # the only target id of the system


class Actor(StrEnum):
    USER = "user"
    GROUP = "group"


class Target(StrEnum):
    PROJECT = "project"
    DOMAIN = "domain"
    SYSTEM = "system"


@dataclass(frozen=True, kw_only=True)
class Role:
    """``domain_id``: a role of one domain is in no token; what counts there is which global roles it implies."""

    id: str
    name: str
    domain_id: str | None = None
    description: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Place:
    """An actor and a target; ``inherited``: every project below the target, and not the target itself."""

    actor_type: Actor
    actor_id: str
    target_type: Target
    target_id: str
    inherited: bool = False


@dataclass(frozen=True, kw_only=True)
class Assignment(Place):
    """One role of one actor on one target."""

    role_id: str


@dataclass(frozen=True, kw_only=True)
class Effective:
    """A role that a user or group has in the end, and by which assignment.

    ``via``: the stored assignment; its actor is a group when membership gives the role, its role the prior one
    when the role is implied, and its target is above when the role is inherited. ``names``: only when asked for.
    """

    assignment: Assignment
    via: Assignment
    names: Names | None = None


@dataclass(frozen=True, kw_only=True)
class Names:
    """Names beside the ids of an assignment; a domain and the system are in no domain, hence the None."""

    role: str
    actor: str
    actor_domain_id: str
    actor_domain: str
    role_domain_id: str | None = None
    role_domain: str | None = None
    target: str | None = None
    target_domain_id: str | None = None
    target_domain: str | None = None
