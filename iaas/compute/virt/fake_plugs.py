"""The volumes of the guests of the hypervisor in memory (fake.py). Its docstrings specify every driver's plugs.

- A guest runs with what its definition had when it was started, and with what was plugged into it since.
- A deaf guest (``obeys_unplug`` False) keeps its volume, and the definition keeps it, too.
- While storage is away (``storage_away``), a guest that goes on is paused again at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from iaas import errors
from iaas.model.order import PluggedVolume, Power, VolumeConnection

if TYPE_CHECKING:
    from iaas.compute.virt.fake import FakeDomain, FakeHypervisor


class FakePlugs:
    def __init__(self, hypervisor: FakeHypervisor) -> None:
        self._hypervisor = hypervisor

    def plugged(self, server_id: str | None = None) -> tuple[PluggedVolume, ...]:
        self._hypervisor.enter("plugged")
        with self._hypervisor.lock:
            wanted = sorted(self._hypervisor.domains) if server_id is None else [server_id]
            domains = [(id, self._hypervisor.domains[id]) for id in wanted if id in self._hypervisor.domains]
        return tuple(plug for id, domain in domains for plug in _plugs(id, domain))

    def plug(self, server_id: str, volume: VolumeConnection) -> None:
        self._hypervisor.enter("plug", server_id)
        with self._hypervisor.lock:
            domain = self._hypervisor.domains.get(server_id)
            if domain is None:
                return
            for there in (*domain.live, *domain.guest.volumes):
                if there.volume_id == volume.volume_id and there.export != volume.export:
                    raise errors.Conflict("The volume is plugged in under another export.")
            defined = _with(domain.guest.volumes, volume)
            live = domain.live if domain.power is Power.SHUTDOWN else _with(domain.live, volume)
            changed = replace(domain, guest=replace(domain.guest, volumes=defined), live=live)
            self._hypervisor.domains[server_id] = changed

    def unplug(self, server_id: str, volume_id: str) -> bool:
        self._hypervisor.enter("unplug", server_id)
        with self._hypervisor.lock:
            domain = self._hypervisor.domains.get(server_id)
            if domain is None:
                return True
            runs_with_it = any(volume.volume_id == volume_id for volume in domain.live)
            if runs_with_it and (domain.power is not Power.RUNNING or not self._hypervisor.obeys_unplug):
                return False
            defined = _without(domain.guest.volumes, volume_id)
            changed = replace(
                domain, guest=replace(domain.guest, volumes=defined), live=_without(domain.live, volume_id)
            )
            self._hypervisor.domains[server_id] = changed
            return True

    def recover(self, server_id: str) -> None:
        self._hypervisor.enter("recover", server_id)
        with self._hypervisor.lock:
            domain = self._hypervisor.domains.get(server_id)
            if domain is None or not domain.io_error or self._hypervisor.storage_away:
                return
        self._hypervisor.change(server_id, Power.RUNNING)


def _plugs(server_id: str, domain: FakeDomain) -> list[PluggedVolume]:
    live = {volume.volume_id: volume.export for volume in domain.live}
    defined = {volume.volume_id: volume.export for volume in domain.guest.volumes}
    return [
        PluggedVolume(
            server_id=server_id, volume_id=id, export={**defined, **live}[id], live=id in live, defined=id in defined
        )
        for id in sorted({*live, *defined})
    ]


def _with(volumes: tuple[VolumeConnection, ...], volume: VolumeConnection) -> tuple[VolumeConnection, ...]:
    return (*_without(volumes, volume.volume_id), volume)


def _without(volumes: tuple[VolumeConnection, ...], volume_id: str) -> tuple[VolumeConnection, ...]:
    return tuple(volume for volume in volumes if volume.volume_id != volume_id)
