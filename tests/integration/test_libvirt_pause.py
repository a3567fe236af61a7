"""Paused and suspended real guests: they go on where they were, whatever became of libvirtd and the agent meanwhile."""

from __future__ import annotations

import os
import signal
import threading

from iaas.model.order import Action, Power
from tests.integration.libvirtd import eventually, libvirtd, tiny_image
from tests.integration.test_libvirt_guests import BOOTED, Host, host, image

__all__ = ["host", "image", "libvirtd", "tiny_image"]  # fixtures, used by name


def test_a_guest_goes_on_where_it_was(host: Host) -> None:
    """Paused, saved, libvirtd and agent gone meanwhile: never booted again, and it still obeys its power button."""
    guest = host.boot(host.spec())
    assert host.give(Action.PAUSE, guest).power is Power.PAUSED
    host.libvirtd.kill()
    host.libvirtd.start()
    assert host.power(guest) is Power.PAUSED
    assert host.give(Action.UNPAUSE, guest).power is Power.RUNNING
    assert host.give(Action.SUSPEND, guest).power is Power.SUSPENDED
    assert host.libvirtd.qemus(guest.server_id) == []
    host.libvirtd.kill()
    host.libvirtd.start()
    assert host.power(guest) is Power.SUSPENDED
    report = host.give(Action.RESUME, guest)
    assert (report.power, report.data) == (Power.RUNNING, {"restored": True})
    assert host.give(Action.STOP, guest, timeout_s=60).power is Power.SHUTDOWN
    assert "power button" in host.console(guest)
    assert host.console(guest).count(BOOTED) == 1


def test_libvirtd_killed_while_it_saves_costs_time_only(host: Host) -> None:
    """F-55: the order waits for libvirtd and ends with the memory saved, or the guest runs on and says so."""
    guest = host.boot(host.spec())
    restart = threading.Timer(1.5, host.libvirtd.start)
    killer = threading.Timer(0.05, lambda: (host.libvirtd.kill(), restart.start()))
    killer.start()
    assert host.give(Action.SUSPEND, guest).power is Power.SUSPENDED
    killer.join()
    restart.join()
    assert host.give(Action.RESUME, guest).data == {"restored": True}
    assert host.console(guest).count(BOOTED) == 1


def test_a_qemu_that_dies_paused_is_seen_as_off_and_started_anew(host: Host) -> None:
    """F-56."""
    guest = host.boot(host.spec())
    host.give(Action.PAUSE, guest)
    (pid,) = host.libvirtd.qemus(guest.server_id)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: host.power(guest) is Power.SHUTDOWN, 15, "the guest is off")
    assert host.give(Action.START, guest).power is Power.RUNNING
