"""Policy documents that the identity service keeps for others, and groups of endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

FILTERS = ("interface", "service_id", "region_id")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """``blob``: the document, in the form that ``type`` (a MIME type) says. It is stored and never interpreted."""

    id: str
    type: str
    blob: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EndpointGroup:
    """The endpoints that have this interface, service and region; None: any."""

    extra: ClassVar[Mapping[str, Any]] = {}  # no further attributes
    id: str
    name: str
    description: str | None = None
    interface: str | None = None
    service_id: str | None = None
    region_id: str | None = None

    @property
    def filters(self) -> dict[str, str]:
        return {name: value for name in FILTERS if (value := getattr(self, name)) is not None}
