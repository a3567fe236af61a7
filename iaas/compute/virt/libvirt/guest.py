"""One libvirt domain seen as a guest: its marker, its power, and calls that bear repetition. Knows no
connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libvirt

from iaas import errors
from iaas.compute.virt.libvirt import domain_xml
from iaas.compute.virt.libvirt.domain_xml import Marker
from iaas.model.order import Guest, Power

_POWERS = {
    libvirt.VIR_DOMAIN_RUNNING: Power.RUNNING,
    libvirt.VIR_DOMAIN_BLOCKED: Power.RUNNING,
    libvirt.VIR_DOMAIN_PAUSED: Power.PAUSED,
    libvirt.VIR_DOMAIN_SHUTDOWN: Power.RUNNING,  # shutting down, not yet off
    libvirt.VIR_DOMAIN_SHUTOFF: Power.SHUTDOWN,
    libvirt.VIR_DOMAIN_CRASHED: Power.CRASHED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: Power.RUNNING,  # asleep by its own wish; domain_xml offers no such sleep
}
_SPOILED = "load of migration failed"  # QEMU's words for saved memory that it can't make sense of
_UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
)


def marker(domain: Any) -> Marker | None:
    """Our marker; None for somebody else's domain, and for one that went away meanwhile."""
    try:
        xml = domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, domain_xml.NAMESPACE, 0)
    except libvirt.libvirtError as error:
        if error.get_error_code() in (libvirt.VIR_ERR_NO_DOMAIN_METADATA, libvirt.VIR_ERR_NO_DOMAIN):
            return None
        raise
    return domain_xml.read_marker(xml)


def view(domain: Any) -> Guest | None:
    """The domain as a Guest, None when it is not ours or went away meanwhile."""
    mark = marker(domain)
    if mark is None:
        return None
    power = _unless(lambda: power_of(domain), libvirt.VIR_ERR_NO_DOMAIN)
    if power is None:
        return None
    stuck = power is Power.PAUSED and bool(_unless(lambda: io_error(domain), libvirt.VIR_ERR_NO_DOMAIN))
    return Guest(server_id=domain.UUIDString(), power=power, fence=mark.fence, io_error=stuck)


def io_error(domain: Any) -> bool:
    """Whether QEMU itself has paused the guest, because a disk did not answer."""
    state, reason = domain.state(0)
    return bool(state == libvirt.VIR_DOMAIN_PAUSED and reason == libvirt.VIR_DOMAIN_PAUSED_IOERROR)


def power_of(domain: Any) -> Power:
    power = _POWERS.get(domain.state(0)[0], Power.NONE)
    if power is Power.SHUTDOWN and domain.hasManagedSaveImage(0):
        return Power.SUSPENDED
    return power


def find(connection: Any, server_id: str) -> Any:
    """The domain of a server if it carries our marker, else None."""
    domain = _unless(lambda: connection.lookupByUUIDString(server_id), libvirt.VIR_ERR_NO_DOMAIN)
    return domain if domain is not None and marker(domain) is not None else None


def mark(domain: Any, fence: int) -> None:
    """Changes the fence in the marker, in the running guest and in the definition."""
    old = marker(domain)
    if old is None or old.fence == fence:
        return
    xml = domain_xml.marker_xml(Marker(fence, old.project_id, old.name))

    def write(flags: int) -> None:
        kind, uri = libvirt.VIR_DOMAIN_METADATA_ELEMENT, domain_xml.NAMESPACE
        domain.setMetadata(kind, xml, domain_xml.PREFIX, uri, flags)

    write(libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    if domain.isActive():  # it may stop in this instant: then the definition is all there is to mark
        _unless(lambda: write(libvirt.VIR_DOMAIN_AFFECT_LIVE), libvirt.VIR_ERR_OPERATION_INVALID)


def start(domain: Any) -> None:
    """Starts it unless it runs; a lost race against another start is no error."""
    if domain.isActive():
        return
    try:
        domain.create()
    except libvirt.libvirtError:
        if not domain.isActive():
            raise


def stop(domain: Any) -> None:
    _unless(lambda: domain.destroyFlags(0), libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN)
    if _unless(lambda: domain.hasManagedSaveImage(0), libvirt.VIR_ERR_NO_DOMAIN):
        _unless(lambda: domain.managedSaveRemove(0), libvirt.VIR_ERR_NO_DOMAIN)


def pause(domain: Any) -> None:
    _live(domain)
    domain.suspend()  # no error for one that is paused


def unpause(domain: Any) -> None:
    if _live(domain) is Power.PAUSED:
        domain.resume()


def save(domain: Any) -> None:
    if power_of(domain) is not Power.SUSPENDED:
        _live(domain)
        domain.managedSave(0)


def restore(domain: Any) -> bool:
    """Whether the guest goes on with its memory. Memory is given up only when it is the memory that can't be used: a
    start that fails for another reason (no bridge, no disk, libvirtd gone) leaves it saved.
    """
    if domain.isActive():
        return True
    saved = bool(domain.hasManagedSaveImage(0))
    if saved and not _readable(domain):
        domain.managedSaveRemove(0)
        saved = False
    try:
        start(domain)
    except libvirt.libvirtError as error:
        if not saved or _SPOILED not in str(error):
            raise
        domain.managedSaveRemove(0)
        start(domain)
        return False
    return saved


def _readable(domain: Any) -> bool:
    """False for a file that was not written to its end, or is none of libvirt's: libvirt itself would ignore the
    first in silence, and fail for ever on the second.
    """
    try:
        domain.managedSaveGetXMLDesc(0)
    except libvirt.libvirtError as error:
        if error.get_error_domain() == libvirt.VIR_FROM_QEMU:
            return False
        raise
    return True


def _live(domain: Any) -> Power:
    power = power_of(domain)
    if power not in (Power.RUNNING, Power.PAUSED):
        raise errors.Conflict("The guest is not running.")
    return power


def press_button(domain: Any) -> None:
    flags = libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
    _unless(lambda: domain.shutdownFlags(flags), libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN)


def forget(domain: Any) -> None:
    _unless(lambda: domain.undefineFlags(_UNDEFINE), libvirt.VIR_ERR_NO_DOMAIN)


def taps(domain: Any) -> list[str]:
    """Tap devices of a running domain."""
    xml = _unless(lambda: domain.XMLDesc(0) if domain.isActive() else None, libvirt.VIR_ERR_NO_DOMAIN)
    return domain_xml.read_taps(xml) if xml else []


def _unless(act: Callable[[], Any], *codes: int) -> Any:
    """The result, or None for one of the error codes: what was wanted is so already, or the domain is
    gone.
    """
    try:
        return act()
    except libvirt.libvirtError as error:
        if error.get_error_code() in codes:
            return None
        raise
