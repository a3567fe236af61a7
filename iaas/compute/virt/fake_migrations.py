"""Migrations between hypervisors in memory (fake.py). Its docstrings specify every driver's migrations.

- Hypervisors that know each other (``peers``, by address) are on one network; another one is not reached.
- A migration is over after ``migration_looks`` looks at it (0: at once), an abort, or the death of the guest. While
  ``migrations_fail`` it ends where it began.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from iaas import errors
from iaas.model.order import Peer, Power

if TYPE_CHECKING:
    from iaas.compute.virt.fake import FakeHypervisor

_ON = (Power.RUNNING, Power.PAUSED)
_WHOLE = {"memory_total": 1 << 27, "memory_processed": 1 << 26, "memory_remaining": 1 << 26,
          "disk_total": 1 << 30, "disk_processed": 1 << 29, "disk_remaining": 1 << 29}  # fmt: skip


class FakeMigrations:
    _hypervisor: FakeHypervisor

    def start_migration(self, server_id: str, peer: Peer, directory: Path) -> None:
        self._hypervisor.enter("start_migration", server_id)
        with self._hypervisor.lock:
            domain = self._hypervisor.domains.get(server_id)
            if domain is None or domain.power not in _ON:
                raise errors.NotFound.of("guest", server_id)
            self._hypervisor.migrating[server_id] = peer.address
            self._hypervisor.looks[server_id] = self._hypervisor.migration_looks
        if not self._hypervisor.migration_looks:
            finish_migration(self._hypervisor, server_id)

    def migration(self, server_id: str) -> Mapping[str, int] | None:
        self._hypervisor.enter("migration")
        with self._hypervisor.lock:
            if server_id not in self._hypervisor.migrating:
                return None
            self._hypervisor.looks[server_id] -= 1
            over = self._hypervisor.looks[server_id] < 0
        if over:
            finish_migration(self._hypervisor, server_id)
        return None if over else _WHOLE

    def abort_migration(self, server_id: str) -> None:
        self._hypervisor.enter("abort_migration", server_id)
        with self._hypervisor.lock:
            if self._hypervisor.migrating.pop(server_id, None) is None:
                raise errors.Conflict("The guest is not being migrated.")

    def hasten_migration(self, server_id: str) -> None:
        self._hypervisor.enter("hasten_migration", server_id)
        with self._hypervisor.lock:
            if server_id not in self._hypervisor.migrating:
                raise errors.Conflict("The guest is not being migrated.")
        finish_migration(self._hypervisor, server_id)


def finish_migration(hypervisor: FakeHypervisor, server_id: str) -> None:
    """The memory is over there: the guest goes on there, if that hypervisor is reached; else it goes on here."""
    with hypervisor.lock:
        address = hypervisor.migrating.pop(server_id, "")
        there = None if hypervisor.migrations_fail else hypervisor.peers.get(address)
        domain = hypervisor.domains.get(server_id)
        if there is None or not there.available or domain is None or domain.power not in _ON:
            return
        del hypervisor.domains[server_id]
        with there.lock:
            there.domains[server_id] = replace(domain)
    hypervisor.tell(server_id, Power.NONE)
    there.tell(server_id, domain.power)
