"""Security groups and their rules as values. Knows no table and no API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

DEFAULT_GROUP = "default"


@dataclass(frozen=True, kw_only=True)
class RuleSpec:
    """A rule in normal form: ``protocol`` a lower-case name, a number as text, or None for any; ``port_min`` and
    ``port_max`` are ICMP's type and code for the ICMP protocols; ``remote_cidr`` has no host bits."""

    direction: str  # "ingress" or "egress"
    ip_version: int
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote_cidr: str | None = None
    remote_group_id: str | None = None
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class SecurityGroupRule(RuleSpec):
    id: str
    project_id: str
    group_id: str
    revision: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class SecurityGroup:
    id: str
    project_id: str
    name: str
    description: str
    is_default: bool
    revision: int
    created_at: datetime
    updated_at: datetime
    rules: tuple[SecurityGroupRule, ...] = ()
    tags: tuple[str, ...] = ()
