"""The Driver on libvirt and QEMU, with KVM or emulated. What each call means is said in virt/driver.py."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from socket import socket
from typing import Any

import libvirt

from iaas import errors
from iaas.compute.virt.driver import Disk, OnEvent
from iaas.compute.virt.libvirt import backups, domain_xml, host
from iaas.compute.virt.libvirt import guest as domains
from iaas.compute.virt.libvirt.connection import Connection
from iaas.compute.virt.libvirt.domain_xml import Marker
from iaas.compute.virt.libvirt.events import lifecycle_power
from iaas.compute.virt.libvirt.migrations import LibvirtMigrations, Route
from iaas.compute.virt.libvirt.plugs import LibvirtPlugs
from iaas.host import files
from iaas.model.order import Guest, GuestSpec, Resources

_LOG = logging.getLogger(__name__)


class LibvirtDriver(LibvirtPlugs, LibvirtMigrations):
    """``state_dir`` is where disks will be: its file system is the host's disk. ``virt_type``: auto,
    kvm, qemu.
    """

    def __init__(self, uri: str, *, virt_type: str, state_dir: Path, host_ip: str, route: Route | None = None) -> None:
        self._state_dir = files.directory(state_dir)
        self._host_ip = host_ip
        self._route = route or Route(uri=f"qemu+tls://{{address}}/system?pkipath={state_dir}/pki")
        self._moving = {}
        self._host = domain_xml.Host(
            kvm=host.use_kvm(virt_type, host.cpuinfo()),
            arch=platform.machine(),
            cache=host.cache_mode(state_dir),
        )
        self._callbacks: list[OnEvent] = []
        self._connection = Connection(uri, self._listen)

    def resources(self) -> Resources:
        def ask(connection: Any) -> Resources:
            arch, _, cpus = connection.getInfo()[:3]
            return Resources(
                vcpus=cpus,
                ram_mb=host.ram_mb(),
                disk_gb=host.disk_gb(self._state_dir),
                hypervisor_type="KVM" if self._host.kvm else "QEMU",
                hypervisor_version=connection.getVersion(),
                hypervisor_hostname=connection.getHostname(),
                cpu_arch=arch,
                host_ip=self._host_ip,
            )

        return self._connection.use(ask, "The hypervisor does not tell its resources.")

    def guests(self) -> tuple[Guest, ...]:
        def ask(connection: Any) -> tuple[Guest, ...]:
            views = (domains.view(domain) for domain in connection.listAllDomains(0))
            return tuple(sorted(filter(None, views), key=lambda found: found.server_id))

        return self._connection.use(ask, "The hypervisor does not list its guests.")

    def find(self, server_id: str) -> Guest | None:
        def ask(connection: Any) -> Guest | None:
            domain = domains.find(connection, server_id)
            return domains.view(domain) if domain else None

        return self._connection.use(ask, "The hypervisor does not tell the guest's state.")

    def taps(self) -> tuple[str, ...]:
        def ask(connection: Any) -> tuple[str, ...]:
            ours = [domain for domain in connection.listAllDomains(0) if domains.marker(domain)]
            return tuple(sorted(tap for domain in ours for tap in domains.taps(domain)))

        return self._connection.use(ask, "The hypervisor does not list its devices.")

    def define(self, guest: GuestSpec, disks: Sequence[Disk], console: Path, fence: int) -> None:
        marker = Marker(fence, guest.project_id, guest.name)
        xml = domain_xml.domain(guest, disks, console, marker, self._host)

        def act(connection: Any) -> None:
            domains.mark(connection.defineXML(xml), fence)  # a running guest keeps its live marker otherwise

        self._connection.use(act, "The hypervisor refused the definition of the guest.")

    def mark(self, server_id: str, fence: int) -> None:
        def act(connection: Any) -> None:
            domain = domains.find(connection, server_id)
            if domain:
                domains.mark(domain, fence)

        self._connection.use(act, "The hypervisor could not mark the guest.")

    def power_on(self, server_id: str) -> None:
        def act(connection: Any) -> None:
            domain = domains.find(connection, server_id)
            if not domain:
                raise errors.NotFound.of("guest", server_id)
            domains.start(domain)

        self._connection.use(act, "The hypervisor could not start the guest.")

    def press_power_button(self, server_id: str) -> None:
        self._on_domain(server_id, domains.press_button, "The hypervisor could not press the power button.")

    def power_off(self, server_id: str) -> None:
        self._on_domain(server_id, domains.stop, "The hypervisor could not stop the guest.")

    def pause(self, server_id: str) -> None:
        self._on_domain(server_id, domains.pause, "The hypervisor could not pause the guest.")

    def unpause(self, server_id: str) -> None:
        self._on_domain(server_id, domains.unpause, "The hypervisor could not let the guest go on.")

    def save(self, server_id: str) -> None:
        self._on_domain(server_id, domains.save, "The hypervisor could not save the guest's memory.")

    def restore(self, server_id: str) -> bool:
        def act(connection: Any) -> bool:
            domain = domains.find(connection, server_id)
            if not domain:
                raise errors.NotFound.of("guest", server_id)
            return domains.restore(domain)

        return self._connection.use(act, "The hypervisor could not resume the guest.")

    def copy_disk(self, server_id: str, disk: Path, target: Path, wait: Callable[[], None]) -> None:
        refusal = "The hypervisor could not copy the guest's disk."

        def use(act: Callable[[Any], bool]) -> bool:
            return self._connection.use(lambda connection: act(domains.find(connection, server_id)), refusal)

        use(lambda domain: backups.begin(domain, disk, target))
        try:
            while not use(backups.ended):
                wait()
        except BaseException:
            with suppress(errors.Error):  # a job that goes on is ended before the next one begins
                use(backups.give_up)
            raise

    def open_display(self, server_id: str) -> socket:
        def act(connection: Any) -> int:
            domain = domains.find(connection, server_id)
            if domain is None or not domain.isActive():
                raise errors.Conflict("The guest is not running.")
            if "<graphics " not in domain.XMLDesc(0):
                raise errors.Conflict("The guest has no screen until it is rebooted hard.")
            return int(domain.openGraphicsFD(0, libvirt.VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH))

        return socket(fileno=self._connection.use(act, "The hypervisor could not open the guest's screen."))

    def undefine(self, server_id: str) -> None:
        def act(domain: Any) -> None:
            if domain.isActive():  # libvirt would leave it running, without a definition
                raise errors.Conflict("The guest is running.")
            domains.forget(domain)

        self._on_domain(server_id, act, "The hypervisor could not remove the guest.")

    def on_event(self, callback: OnEvent) -> None:
        self._callbacks.append(callback)  # heard from the next opened connection on, or the open one

    def alive(self) -> bool:
        return self._connection.alive()

    def close(self) -> None:
        """Lets go of the connection (tests; a daemon just ends). Guests run on."""
        self._connection.close()

    def _on_domain(self, server_id: str, act: Any, refusal: str) -> None:
        def ask(connection: Any) -> None:
            domain = domains.find(connection, server_id)
            if domain:
                act(domain)

        self._connection.use(ask, refusal)

    def _listen(self, connection: Any) -> None:
        kind = libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE
        connection.domainEventRegisterAny(None, kind, self._lifecycle, None)

    def _lifecycle(self, connection: Any, domain: Any, event: int, detail: int, opaque: Any) -> None:
        """Runs in libvirt's event thread: hand over and return, and never ask libvirt anything from here."""
        power = lifecycle_power(event)
        if power is None:
            return
        for callback in self._callbacks:
            try:
                callback(domain.UUIDString(), power)
            except Exception:  # noqa: BLE001  (a listener must not end the event thread)
                _LOG.exception("listener of guest events")
