"""A host aggregate: a named set of compute hosts with metadata for the scheduler. A zone is one of its keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
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


def ratio(resource: str, metadata: Sequence[Mapping[str, str]], default: float) -> float:
    """How much of a host's ``cpu``, ``ram`` or ``disk`` may be promised: the least ``…_allocation_ratio`` of its
    aggregates, or the default when none says it in a positive number."""
    found = []
    for item in metadata:
        with suppress(ValueError):
            number = float(item.get(f"{resource}_allocation_ratio", ""))
            if 0 < number <= 10**4:
                found.append(number)
    return min(found, default=default)
