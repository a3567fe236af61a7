"""The volume daemons as the volume API lists them, and taking them out of service."""

from __future__ import annotations

from dataclasses import dataclass

from iaas.db import services
from iaas.errors import NotFound
from iaas.model.service import Service
from iaas.volume.service import VolumeServices

OURS, THEIRS = "iaas-volume", "cinder-volume"


@dataclass(frozen=True, kw_only=True)
class Daemon:
    service: Service
    up: bool


def all_of(service: VolumeServices, binary: str | None = None, host: str | None = None) -> list[Daemon]:
    """``binary``: the published name or ours; another finds nothing."""
    if binary not in (None, OURS, THEIRS):
        return []
    with service.database.read() as tx:
        now = services.judgement_time(tx)
        return [Daemon(service=item, up=item.is_up(now)) for item in services.all_of(tx, OURS, host)]


def disable(service: VolumeServices, binary: str, host: str, disabled: bool, reason: str | None) -> None:
    """Raises NotFound."""
    found = all_of(service, binary, host)
    if not found:
        raise NotFound(f"Service {binary[:64]} could not be found on host {host[:64]}.")
    values = {"disabled": disabled, "disabled_reason": reason}
    service.database.run(lambda tx: services.change(tx, found[0].service.id, values))
