"""START, STOP and reboots on a fake hypervisor."""

from __future__ import annotations

from iaas import errors
from iaas.model.order import Action, Power
from tests.unit.compute.agent.bench import Host, order, spec


def verbs(host: Host) -> list[str]:
    return [method for method, _ in host.hypervisor.calls if method != "mark"]


def test_a_stop_asks_before_it_forces(host: Host) -> None:
    guest = host.build()
    host.hypervisor.calls.clear()
    report = host.give(order(Action.STOP, guest, fence=2))
    assert report and report.power is Power.SHUTDOWN and report.error is None
    assert verbs(host) == ["press_power_button"]


def test_a_deaf_guest_is_forced_off_at_the_timeout(host: Host) -> None:
    guest = host.build()
    host.hypervisor.obeys_power_button = False
    host.hypervisor.calls.clear()
    started = host.clock.monotonic()
    report = host.give(order(Action.STOP, guest, fence=2, timeout_s=25))
    assert report and report.power is Power.SHUTDOWN
    assert 25 <= host.clock.monotonic() - started < 27
    assert verbs(host) == ["press_power_button"] * 3 + ["power_off"]
    assert [one.done for one in host.post.reports[-3:]] == [False, False, True]  # signs of life meanwhile


def test_a_timeout_of_zero_pulls_the_plug(host: Host) -> None:
    guest = host.build()
    host.hypervisor.calls.clear()
    host.give(order(Action.STOP, guest, fence=2, timeout_s=0))
    assert verbs(host) == ["power_off"]


def test_a_paused_guest_is_not_asked(host: Host) -> None:
    guest = host.build()
    host.hypervisor.change(guest.server_id, Power.PAUSED)
    host.hypervisor.calls.clear()
    report = host.give(order(Action.STOP, guest, fence=2))
    assert report and report.power is Power.SHUTDOWN and verbs(host) == ["power_off"]


def test_stopping_what_is_off_or_gone_succeeds(host: Host) -> None:
    guest = host.build()
    host.hypervisor.stops(guest.server_id)
    report = host.give(order(Action.STOP, guest, fence=2))
    assert report and (report.power, report.error) == (Power.SHUTDOWN, None)
    report = host.give(order(Action.STOP, spec(), fence=2))
    assert report and (report.power, report.error) == (Power.NONE, None)


def test_every_verb_leaves_its_fence_on_the_guest(host: Host) -> None:
    """C-08, I-01: the domain carries the server's fence."""
    guest = host.build(fence=1)
    actions = (Action.STOP, Action.START, Action.REBOOT_SOFT, Action.REBOOT_HARD)
    for fence, action in enumerate(actions, start=2):
        report = host.give(order(action, guest, fence=fence))
        assert report and report.error is None
        assert host.hypervisor.domains[guest.server_id].fence == fence
        assert host.instances.claim_of(guest.server_id).fence == fence


def test_a_start_defines_a_lost_guest_anew(host: Host) -> None:
    """F-54."""
    guest = host.build()
    del host.hypervisor.domains[guest.server_id]
    report = host.give(order(Action.START, guest, fence=2))
    assert report and (report.power, report.error) == (Power.RUNNING, None)
    assert host.hypervisor.domains[guest.server_id].fence == 2


def test_a_start_without_disks_fails_in_words(host: Host) -> None:
    report = host.give(order(Action.START, spec(), fence=2))
    assert report and (report.error_kind, report.power) == ("not_found", Power.NONE)
    report = host.give(order(Action.START, spec().server_id, fence=2))
    assert report and report.error == "The server is not on this host."


def test_a_soft_reboot_of_a_deaf_guest_becomes_a_hard_one(host: Host) -> None:
    guest = host.build()
    host.hypervisor.obeys_power_button = False
    host.hypervisor.calls.clear()
    report = host.give(order(Action.REBOOT_SOFT, guest, fence=2, timeout_s=5))
    assert report and report.power is Power.RUNNING
    assert verbs(host) == ["press_power_button", "power_off", "power_on"]


def test_a_hard_reboot_starts_with_the_new_definition(host: Host) -> None:
    guest = host.build()
    host.hypervisor.calls.clear()
    report = host.give(order(Action.REBOOT_HARD, guest, fence=2))
    assert report and report.power is Power.RUNNING
    assert verbs(host) == ["power_off", "define", "power_on"]


def test_a_reboot_survives_a_short_absence_of_the_hypervisor(host: Host) -> None:
    """F-55: each call insists, though the whole is not repeated."""
    guest = host.build()
    gone = errors.Unavailable("The hypervisor does not answer.", resource="hypervisor")
    host.hypervisor.fail("power_on", gone, times=3)
    report = host.give(order(Action.REBOOT_HARD, guest, fence=2))
    assert report and (report.power, report.error) == (Power.RUNNING, None)
