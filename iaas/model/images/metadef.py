"""Metadata definitions: what properties and tags mean, for people and for the programs that offer them in menus.

A namespace holds objects, properties and tags, and says for which types of resource they are meant. Nothing here
checks an image or a flavor: definitions describe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from iaas.model.image import Visibility


class Kind(StrEnum):
    """What a namespace holds under names."""

    OBJECT = "object"
    PROPERTY = "property"
    TAG = "tag"


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """``visibility`` is public or private. Protected: nothing is taken out of it, nor itself away."""

    id: str
    name: str
    display_name: str | None = None
    description: str | None = None
    visibility: Visibility = Visibility.PRIVATE
    protected: bool = False
    project_id: str | None = None  # the owner; the platform's own namespaces have none
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Definition:
    """An object, a property or a tag. ``body``: what the published schema of its kind has but the name."""

    namespace_id: str
    kind: Kind
    name: str
    body: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Association:
    """A type of resource for which a namespace is meant; there its properties' names begin with ``prefix``."""

    namespace_id: str
    resource_type: str
    prefix: str | None = None
    properties_target: str | None = None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    name: str
    created_at: datetime
    updated_at: datetime
