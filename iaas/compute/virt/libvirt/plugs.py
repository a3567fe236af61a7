"""Volumes plugged into libvirt's domains: network disks over NBD with TLS, known by their serial number.

QEMU takes the certificates from the directory that qemu.conf names (nbd_tls_x509_cert_dir): the keys are in no XML.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any

import libvirt

from iaas import errors
from iaas.compute.virt.libvirt import guest as domains
from iaas.compute.virt.libvirt import volume_xml
from iaas.compute.virt.libvirt.connection import Connection
from iaas.model.order import PluggedVolume, VolumeConnection

_LIVE, _CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
_PENDING = "in the process of unplug"  # QEMU's word for a request that the guest has not answered yet


class LibvirtPlugs:
    """The part of the driver that plugs. What each call means is said in virt/plugs.py."""

    _connection: Connection

    def plugged(self, server_id: str | None = None) -> tuple[PluggedVolume, ...]:
        def ask(connection: Any) -> tuple[PluggedVolume, ...]:
            if server_id is None:
                ours = [domain for domain in connection.listAllDomains(0) if domains.marker(domain)]
            else:
                ours = [domain for domain in (domains.find(connection, server_id),) if domain]
            found = [plug for domain in ours for plug in _plugs(domain)]
            return tuple(sorted(found, key=lambda plug: (plug.server_id, plug.volume_id)))

        return self._connection.use(ask, "The hypervisor does not list the guest's volumes.")

    def plug(self, server_id: str, volume: VolumeConnection) -> None:
        xml = volume_xml.disk(volume)

        def act(connection: Any) -> None:
            domain = domains.find(connection, server_id)
            if domain is None:
                return
            there = _disks(domain)
            for disk in (there.live, there.defined):
                known = disk.get(volume.volume_id)
                if known is not None and volume_xml.export_of(known) != volume.export:
                    raise errors.Conflict("The volume is plugged in under another export.")
            if there.active and volume.volume_id not in there.live:
                domain.attachDeviceFlags(xml, _LIVE)
            if volume.volume_id not in there.defined:
                domain.attachDeviceFlags(xml, _CONFIG)

        self._connection.use(act, "The hypervisor could not plug the volume in.")

    def unplug(self, server_id: str, volume_id: str) -> bool:
        def act(connection: Any) -> bool:
            domain = domains.find(connection, server_id)
            if domain is None:
                return True
            there = _disks(domain)
            if volume_id in there.live:
                _request(domain, there.live[volume_id])
                if volume_id in _disks(domain).live:
                    return False
            if volume_id in there.defined:
                domain.detachDeviceFlags(_text(there.defined[volume_id]), _CONFIG)
            return True

        return self._connection.use(act, "The hypervisor could not unplug the volume.")

    def recover(self, server_id: str) -> None:
        def act(connection: Any) -> None:
            domain = domains.find(connection, server_id)
            if domain is not None and domains.io_error(domain):
                domain.resume()

        self._connection.use(act, "The hypervisor could not let the guest go on.")


@dataclass(frozen=True)
class _Disks:
    """The volumes of a domain as disk elements by volume id; ``live`` is empty when it is off."""

    active: bool
    live: dict[str, ET.Element]
    defined: dict[str, ET.Element]


def _disks(domain: Any) -> _Disks:
    defined = volume_xml.volumes(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    active = bool(domain.isActive())
    return _Disks(active, volume_xml.volumes(domain.XMLDesc(0)) if active else {}, defined)


def _plugs(domain: Any) -> list[PluggedVolume]:
    try:
        there = _disks(domain)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:  # it went away meanwhile
            return []
        raise
    return [
        PluggedVolume(
            server_id=domain.UUIDString(), volume_id=id,
            export=volume_xml.export_of({**there.defined, **there.live}[id]),
            live=id in there.live, defined=id in there.defined,
        )
        for id in sorted({*there.live, *there.defined})
    ]  # fmt: skip


def _request(domain: Any, disk: ET.Element) -> None:
    """Asks the guest to let go; libvirt itself waits some seconds for it. No error when it was asked before, has let
    go, or stopped meanwhile.
    """
    try:
        domain.detachDeviceFlags(_text(disk), _LIVE)
    except libvirt.libvirtError as error:
        gone = (libvirt.VIR_ERR_DEVICE_MISSING, libvirt.VIR_ERR_OPERATION_INVALID)
        if error.get_error_code() not in gone and _PENDING not in str(error):
            raise


def _text(disk: ET.Element) -> str:
    return ET.tostring(disk, encoding="unicode")
