"""Live migration by libvirt, from daemon to daemon: what is begun goes on when ours dies, and its job tells of it.

The source's libvirtd connects to the destination's with the host's certificate; memory and disks go from QEMU to QEMU
under TLS. Disks are copied whole into empty files (docs/decisions/0016).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libvirt

from iaas import errors
from iaas.compute.virt.libvirt import guest as domains
from iaas.compute.virt.libvirt import migration_xml
from iaas.compute.virt.libvirt.connection import Connection
from iaas.model.order import Peer

_LOG = logging.getLogger(__name__)
_ON = (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_BLOCKED, libvirt.VIR_DOMAIN_PAUSED)
_SECURE = libvirt.VIR_DOMAIN_XML_SECURE | libvirt.VIR_DOMAIN_XML_MIGRATABLE
_FLAGS = (
    libvirt.VIR_MIGRATE_LIVE
    | libvirt.VIR_MIGRATE_PEER2PEER
    | libvirt.VIR_MIGRATE_PERSIST_DEST
    | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
    | libvirt.VIR_MIGRATE_AUTO_CONVERGE
    | libvirt.VIR_MIGRATE_ABORT_ON_ERROR
)
_NUMBERS = ("memory_total", "memory_processed", "memory_remaining", "disk_total", "disk_processed", "disk_remaining")


@dataclass(frozen=True, kw_only=True)
class Route:
    """How libvirtd reaches another host's: ``uri`` with ``{address}`` in it. ``tls`` False: QEMU's own connections go
    in the clear, for tests without certificates."""

    uri: str
    tls: bool = True


class LibvirtMigrations:
    """The part of the driver that migrates. What each call means is said in virt/migrations.py."""

    _connection: Connection
    _host_ip: str
    _route: Route
    _moving: dict[str, threading.Thread]  # server -> the call that its migration is, while this daemon lives

    def start_migration(self, server_id: str, peer: Peer, directory: Path) -> None:
        def ask(connection: Any) -> tuple[Any, dict[str, Any], int]:
            domain = domains.find(connection, server_id)
            if domain is None or domain.state(0)[0] not in _ON:
                raise errors.NotFound.of("guest", server_id)
            return domain, *self._parameters(domain, peer, str(directory))

        domain, parameters, flags = self._connection.use(ask, "The hypervisor does not describe the guest.")
        uri = self._route.uri.format(address=peer.address)
        thread = threading.Thread(
            target=self._migrate, args=(server_id, domain, uri, parameters, flags), name="migration", daemon=True
        )
        self._moving[server_id] = thread
        thread.start()

    def migration(self, server_id: str) -> Mapping[str, int] | None:
        def ask(connection: Any) -> Mapping[str, int] | None:
            domain = domains.find(connection, server_id)
            return _job(domain) if domain else None

        found = self._connection.use(ask, "The hypervisor does not tell how far the migration is.")
        thread = self._moving.get(server_id)
        if thread is not None and not thread.is_alive():
            self._moving.pop(server_id, None)
        return {} if found is None and thread is not None and thread.is_alive() else found

    def abort_migration(self, server_id: str) -> None:
        self._on_job(server_id, lambda domain: domain.abortJob())

    def hasten_migration(self, server_id: str) -> None:
        self._on_job(server_id, lambda domain: domain.suspend())

    def _on_job(self, server_id: str, act: Any) -> None:
        def ask(connection: Any) -> None:
            domain = domains.find(connection, server_id)
            if domain is None or _job(domain) is None:
                raise errors.Conflict("The guest is not being migrated.")
            act(domain)

        self._connection.use(ask, "The hypervisor refused to change the migration.")

    def _parameters(self, domain: Any, peer: Peer, directory: str) -> tuple[dict[str, Any], int]:
        live, kept = domain.XMLDesc(_SECURE), domain.XMLDesc(_SECURE | libvirt.VIR_DOMAIN_XML_INACTIVE)
        paths, addresses = (directory, peer.directory), (self._host_ip, peer.address)
        parameters: dict[str, Any] = {
            libvirt.VIR_MIGRATE_PARAM_URI: f"tcp://{peer.address}",
            libvirt.VIR_MIGRATE_PARAM_DEST_XML: migration_xml.elsewhere(live, paths, addresses),
            libvirt.VIR_MIGRATE_PARAM_PERSIST_XML: migration_xml.elsewhere(kept, paths, addresses),
        }
        flags = _FLAGS | (libvirt.VIR_MIGRATE_TLS if self._route.tls else 0)
        disks = migration_xml.disks_below(live, directory)
        if disks:
            parameters[libvirt.VIR_MIGRATE_PARAM_MIGRATE_DISKS] = disks
            flags |= libvirt.VIR_MIGRATE_NON_SHARED_DISK
        return parameters, flags

    def _migrate(self, server_id: str, domain: Any, uri: str, parameters: dict[str, Any], flags: int) -> None:
        """Runs in a thread of its own until libvirt is done; who wants to know looks where the guest is."""
        try:
            domain.migrateToURI3(uri, parameters, flags)
            _LOG.info("server %s has left", server_id)
        except libvirt.libvirtError as error:
            _LOG.error("migration of server %s: %s", server_id, error)


def _job(domain: Any) -> Mapping[str, int] | None:
    """The numbers of a migration that is under way; None when no job is, or another one."""
    try:
        stats = domain.jobStats()
    except libvirt.libvirtError as error:
        if error.get_error_code() in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID):
            return None
        raise
    if stats.get("type") not in (libvirt.VIR_DOMAIN_JOB_BOUNDED, libvirt.VIR_DOMAIN_JOB_UNBOUNDED):
        return None
    return {name: int(stats[name]) for name in _NUMBERS if name in stats}
