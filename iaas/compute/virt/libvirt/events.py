"""libvirt's event loop in one daemon thread of the process, and lifecycle events in our words."""

from __future__ import annotations

import logging
import threading

import libvirt

from iaas.model.order import Power

_LOG = logging.getLogger(__name__)
_started = threading.Lock()
_running = False

_LIFECYCLE = {
    libvirt.VIR_DOMAIN_EVENT_UNDEFINED: Power.NONE,
    libvirt.VIR_DOMAIN_EVENT_STARTED: Power.RUNNING,
    libvirt.VIR_DOMAIN_EVENT_SUSPENDED: Power.PAUSED,
    libvirt.VIR_DOMAIN_EVENT_RESUMED: Power.RUNNING,
    libvirt.VIR_DOMAIN_EVENT_STOPPED: Power.SHUTDOWN,  # by itself, by order, or because its process died
    libvirt.VIR_DOMAIN_EVENT_PMSUSPENDED: Power.SUSPENDED,
    libvirt.VIR_DOMAIN_EVENT_CRASHED: Power.CRASHED,
}


def lifecycle_power(event: int) -> Power | None:
    """The power after an event; None for events that change none (defined, shutting down)."""
    return _LIFECYCLE.get(event)


def start_loop() -> None:
    """Starts the loop once; must be called before the first connection is opened, else it hears nothing."""
    global _running
    with _started:
        if _running:
            return
        libvirt.registerErrorHandler(_quiet, None)
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=_loop, name="libvirt-events", daemon=True).start()
        _running = True


def _loop() -> None:
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except libvirt.libvirtError as error:
            _LOG.warning("libvirt event loop: %s", error)


def _quiet(context: object, error: object) -> None:
    """libvirt prints every error on standard error unless told otherwise; ours are raised and logged."""
