"""Domains, and the projects in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULT_DOMAIN = "default"


@dataclass(frozen=True, kw_only=True)
class Domain:
    id: str
    name: str
    enabled: bool = True
    description: str | None = ""
    tags: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Project:
    """``parent_id`` is another project of the domain, or the domain's id at the top."""

    id: str
    domain_id: str
    parent_id: str
    name: str
    enabled: bool = True
    description: str | None = ""
    tags: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
