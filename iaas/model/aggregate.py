"""A host aggregate: a named set of compute hosts with metadata for the scheduler. A zone is one of its keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

ZONE = "availability_zone"


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """``metadata`` has the zone among its keys, as it is kept and as the API shows it."""

    id: int
    uuid: str
    name: str
    metadata: dict[str, str]
    hosts: tuple[str, ...]  # by name
    created_at: datetime
    updated_at: datetime | None

    @property
    def zone(self) -> str | None:
        return self.metadata.get(ZONE)
