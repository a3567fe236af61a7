"""Quotas of the volume service: limits, what is used, and changing the limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iaas.db import quotas
from iaas.db.engine import Tx
from iaas.volume.service import VolumeServices


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """By resource; a limit of -1 is none."""

    limits: Mapping[str, int]
    used: Mapping[str, int]


def of_project(service: VolumeServices, project_id: str) -> Quotas:
    with service.database.read() as tx:
        used = quotas.usage(tx, project_id)
        limits = quotas.limits(tx, project_id, service.quota)
    return Quotas(limits=limits, used={name: used.get(name, 0) for name in limits})


def update(service: VolumeServices, project_id: str, wanted: Mapping[str, int]) -> Mapping[str, int]:
    """A limit may be below what is used: nothing is taken away, nothing more is given."""

    def write(tx: Tx) -> Mapping[str, int]:
        quotas.set_limits(tx, project_id, wanted)
        return quotas.limits(tx, project_id, service.quota)

    return service.database.run(write)


def reset(service: VolumeServices, project_id: str) -> None:
    """Back to the defaults."""
    service.database.run(lambda tx: quotas.clear_limits(tx, project_id, tuple(service.quota)))
