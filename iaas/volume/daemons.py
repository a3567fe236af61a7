"""The daemons behind volumes as the volume API lists them, and taking them out of service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iaas.db import services
from iaas.errors import NotFound
from iaas.model.service import Service
from iaas.volume.service import VolumeServices

# ours -> the name under which existing tools look for it; the conductor is who places volumes
PUBLISHED: Mapping[str, str] = {"iaas-volume": "cinder-volume", "iaas-conductor": "cinder-scheduler"}


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """``binary``: the published name."""

    binary: str
    service: Service
    up: bool


def all_of(service: VolumeServices, binary: str | None = None, host: str | None = None) -> list[Daemon]:
    """``binary``: the published name or ours; another finds nothing."""
    wanted = [ours for ours, theirs in PUBLISHED.items() if binary in (None, ours, theirs)]
    with service.database.read() as tx:
        now = services.judgement_time(tx)
        return [
            Daemon(binary=PUBLISHED[ours], service=item, up=item.is_up(now))
            for ours in wanted
            for item in services.all_of(tx, ours, host)
        ]


def disable(service: VolumeServices, binary: str, host: str, disabled: bool, reason: str | None) -> None:
    """``disabled`` False: back into service. Raises NotFound."""
    found = all_of(service, binary, host)
    if not found:
        raise NotFound(f"Service {binary[:64]} could not be found on host {host[:64]}.")
    values = {"disabled": disabled, "disabled_reason": reason}
    service.database.run(lambda tx: services.change(tx, found[0].service.id, values))
