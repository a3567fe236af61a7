"""Unified limits: how much of a service's resource a project or domain may have. -1 is no limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

UNLIMITED = -1
MODELS = {
    "flat": "Every project and domain has limits of its own; the hierarchy does not matter.",
    "strict_two_level": "Projects are directly in a domain, and none has a higher limit than its domain.",
}


@dataclass(frozen=True, kw_only=True)
class RegisteredLimit:
    """What everybody is limited to that has no limit of its own. ``region_id`` None: in every region."""

    extra: ClassVar[Mapping[str, Any]] = {}  # no further attributes
    id: str
    service_id: str
    region_id: str | None = None
    resource_name: str
    default_limit: int
    description: str | None = None


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What one project, or one domain, is limited to. The other one of the two is None."""

    extra: ClassVar[Mapping[str, Any]] = {}
    id: str
    project_id: str | None = None
    domain_id: str | None = None
    service_id: str
    region_id: str | None = None
    resource_name: str
    resource_limit: int
    description: str | None = None


def exceeds(value: int, other: int) -> bool:
    """Whether the first is more than the second."""
    return other != UNLIMITED and (value == UNLIMITED or value > other)
