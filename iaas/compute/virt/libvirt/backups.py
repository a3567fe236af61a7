"""A copy of one disk of a running domain: libvirt's backup job in push mode, which is point-in-time and flat.

libvirt keeps the job through its own restarts. One that nobody waits for any more (our daemon was killed) is ended
before the next begins.
"""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import libvirt

from iaas import errors

_ABORT_S = 10.0  # a job that was told to end takes moments
_OFF = "The guest is not running."


def begin(domain: Any, disk: Path, target: Path) -> bool:
    """Begins anew, whatever was under way; ``target`` must not exist. Raises Conflict for a guest that is off."""
    if domain is None or not domain.isActive():
        raise errors.Conflict(_OFF)
    give_up(domain)
    target.unlink(missing_ok=True)
    try:
        domain.backupBegin(_xml(_device(domain, disk), target), None, 0)
    except libvirt.libvirtError as error:
        if not domain.isActive():
            raise errors.Conflict(_OFF) from error
        raise
    return True


def ended(domain: Any) -> bool:
    """Whether the copy is complete. Raises Conflict when the guest went off, Internal when the job failed."""
    if domain is None or not domain.isActive():
        raise errors.Conflict(_OFF)
    if _busy(domain):
        return False
    last = domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED | libvirt.VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED)
    if last.get("operation") != libvirt.VIR_DOMAIN_JOB_OPERATION_BACKUP or not last.get("success"):
        raise errors.Internal("The copy of the guest's disk failed.")
    return True


def give_up(domain: Any) -> bool:
    """Ends a copy that is under way; nothing without one."""
    if domain is None or not domain.isActive() or not _busy(domain):
        return True
    try:
        domain.abortJob()
    except libvirt.libvirtError:
        if domain.isActive() and _busy(domain):
            raise
    deadline = time.monotonic() + _ABORT_S
    while domain.isActive() and _busy(domain):
        if time.monotonic() >= deadline:
            raise errors.Unavailable("The hypervisor is busy.", resource="hypervisor")
        time.sleep(0.05)
    return True


def _busy(domain: Any) -> bool:
    stats = domain.jobStats(0)
    running = stats.get("type", libvirt.VIR_DOMAIN_JOB_NONE) != libvirt.VIR_DOMAIN_JOB_NONE
    return bool(running and stats.get("operation") == libvirt.VIR_DOMAIN_JOB_OPERATION_BACKUP)


def _device(domain: Any, disk: Path) -> str:
    for element in ET.fromstring(domain.XMLDesc(0)).iterfind("devices/disk"):  # noqa: S314  (written by libvirt)
        source, target = element.find("source"), element.find("target")
        if source is not None and target is not None and source.get("file") == str(disk):
            return target.get("dev", "")
    raise errors.NotFound("A disk of the server is not on this host.", resource="disk")


def _xml(device: str, target: Path) -> str:
    """One disk is named, so the others have no part in it."""
    root = ET.Element("domainbackup", mode="push")
    disk = ET.SubElement(ET.SubElement(root, "disks"), "disk", name=device, type="file", backup="yes")
    ET.SubElement(disk, "driver", type="qcow2")
    ET.SubElement(disk, "target", file=str(target))
    return ET.tostring(root, encoding="unicode")
