"""The service catalog: regions, services, and the URLs where they are found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

INTERFACES = ("public", "internal", "admin")
_PLACE = re.compile(r"(?:\$|%)\((project_id|tenant_id|user_id)\)s")


@dataclass(frozen=True, kw_only=True)
class Region:
    id: str
    parent_region_id: str | None = None
    description: str | None = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Service:
    id: str
    type: str
    name: str | None = None
    enabled: bool = True
    description: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    id: str
    service_id: str
    interface: str
    url: str
    region_id: str | None = None
    enabled: bool = True
    description: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One service of the catalog with its enabled endpoints."""

    service: Service
    endpoints: Sequence[Endpoint]


def resolve(url: str, project_id: str | None, user_id: str) -> str | None:
    """The URL with the three known places filled in, everything else literal (S-049).

    None when the URL needs a project and the caller has none: such an endpoint is left out.
    """
    values = {"project_id": project_id, "tenant_id": project_id, "user_id": user_id}
    if any(values[match] is None for match in _PLACE.findall(url)):
        return None
    return _PLACE.sub(lambda match: values[match[1]] or "", url)
