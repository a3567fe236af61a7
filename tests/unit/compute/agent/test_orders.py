"""Fences, repetitions, one order at a time: what makes at-least-once delivery harmless."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from iaas import context, errors, failpoints
from iaas.model.order import Action, Power
from tests.unit.compute.agent.bench import Host, Later, image, order, spec


def test_an_order_is_answered_with_its_operation_step_and_fence(host: Host) -> None:
    asked = order(Action.BUILD, spec(), fence=4)
    report = host.give(asked)
    assert report
    assert (report.operation_id, report.step, report.fence) == (asked.operation_id, asked.step, 4)
    assert (report.server_id, report.host, report.done) == (asked.server_id, "host1", True)
    assert (report.power, report.error, report.stale) == (Power.RUNNING, None, False)


def test_a_lower_fence_is_refused_and_changes_nothing(host: Host) -> None:
    """C-08."""
    guest = host.build(fence=5)
    before = dict(host.hypervisor.domains)
    report = host.give(order(Action.DESTROY, guest, fence=4))
    assert report and report.stale and report.done
    assert host.hypervisor.domains == before


def test_a_lower_fence_is_refused_after_a_restart_of_the_agent(host: Host) -> None:
    guest = host.build(fence=5)
    host.reboot_agent()
    report = host.give(order(Action.DESTROY, guest, fence=4))
    assert report and report.stale


def test_an_old_build_that_arrives_after_the_delete_is_refused(host: Host) -> None:
    """F-83, S-104: gone for good, even if the agent was restarted in between."""
    guest = host.build(fence=1)
    host.give(order(Action.DESTROY, guest, fence=2))
    host.reboot_agent()
    report = host.give(order(Action.BUILD, guest, fence=1))
    assert report and report.stale
    assert host.leftovers() == []


def test_the_same_order_again_is_answered_from_memory(host: Host) -> None:
    """C-19: delivered twice, done once."""
    asked = order(Action.BUILD, spec())
    first = host.give(asked)
    calls = len(host.hypervisor.calls)
    assert host.give(replace(asked, attempt=2)) == first
    assert len(host.hypervisor.calls) == calls


def test_a_failed_order_sent_anew_is_tried_anew_and_its_duplicate_is_not(host: Host) -> None:
    """F-06: a delete that failed once must not fail for ever."""
    guest = host.build(fence=1)
    host.hypervisor.fail("undefine", errors.Internal("no"), times=1)
    asked = order(Action.DESTROY, guest, fence=2)
    first = host.give(asked)
    assert first and first.error
    assert host.give(asked) == first, "delivered twice: answered from memory"
    again = host.give(replace(asked, attempt=2))
    assert again and again.error is None
    assert host.leftovers() == []


def test_the_same_order_while_at_work_gives_a_sign_of_life_only(host: Host) -> None:
    later = Later()
    host.reboot_agent(later)
    asked = order(Action.BUILD, spec())
    assert host.give(asked) is None
    assert host.give(replace(asked, attempt=2)) is None
    assert len(later.jobs) == 1
    assert [report.done for report in host.post.reports] == [False]
    later.go()
    assert [report.done for report in host.post.reports] == [False, True]


def test_after_a_restart_an_order_is_done_again_without_harm(host: Host) -> None:
    """C-06: convergent."""
    asked = order(Action.BUILD, spec())
    host.give(asked)
    host.reboot_agent()
    report = host.give(replace(asked, attempt=2))
    assert report and report.power is Power.RUNNING and report.error is None
    assert len(host.hypervisor.domains) == 1


def test_a_newer_order_waits_for_the_older_and_makes_it_stop(host: Host) -> None:
    """F-83: delete during build. The build stops at its next checkpoint and reports nothing."""
    later = Later()
    host.reboot_agent(later)
    guest = spec()
    build, destroy = order(Action.BUILD, guest, fence=1), order(Action.DESTROY, guest, fence=2)
    host.give(build)
    host.give(destroy)
    assert len(later.jobs) == 1  # one at a time
    later.go()
    later.go()
    assert [report.operation_id for report in host.post.final] == [destroy.operation_id]
    assert host.leftovers() == []


def test_of_several_waiting_orders_the_newest_counts(host: Host) -> None:
    later = Later()
    host.reboot_agent(later)
    guest = spec()
    asked = [order(Action.BUILD, guest, fence=1), order(Action.STOP, guest, fence=2),
             order(Action.DESTROY, guest, fence=3)]  # fmt: skip
    for one in asked:
        host.give(one)
    while later.jobs:
        later.go()
    assert [report.operation_id for report in host.post.final] == [asked[2].operation_id]


def test_orders_for_different_servers_do_not_wait_for_each_other(host: Host) -> None:
    later = Later()
    host.reboot_agent(later)
    host.give(order(Action.BUILD, spec()))
    host.give(order(Action.BUILD, spec()))
    assert len(later.jobs) == 2


@pytest.mark.parametrize("point", ["compute.order.before_report", "compute.order.after_report"])
def test_a_report_lost_in_a_crash_is_made_again(host: Host, point: str) -> None:
    """F-05: the daemon dies beside its report."""
    asked = order(Action.BUILD, spec())
    failpoints.arm(f"{point}=crash")
    with pytest.raises(failpoints.Crash):
        host.give(asked)
    host.reboot_agent()
    report = host.give(replace(asked, attempt=2))
    assert report and report.power is Power.RUNNING


def test_a_reboot_runs_once_however_often_it_is_asked_for(host: Host) -> None:
    """C-18, F-14."""
    guest = host.build()
    asked = order(Action.REBOOT_HARD, guest, fence=2)
    host.give(asked)
    host.reboot_agent()
    for attempt in (1, 2, 3):  # attempt 1 again is the broker's own redelivery
        report = host.give(replace(asked, attempt=attempt))
        assert report and report.power is Power.RUNNING
    assert [call for call in host.hypervisor.calls if call[0] == "power_off"] == [("power_off", guest.server_id)]


def test_a_reboot_that_died_half_way_is_not_repeated_but_observed(host: Host) -> None:
    guest = host.build()
    asked = order(Action.REBOOT_HARD, guest, fence=2)
    failpoints.arm("compute.reboot.after_power_off=crash")
    with pytest.raises(failpoints.Crash):
        host.give(asked)
    host.reboot_agent()
    report = host.give(replace(asked, attempt=2))
    assert report and report.power is Power.SHUTDOWN and report.error is None


def test_a_hypervisor_that_is_back_in_time_costs_nothing(host: Host) -> None:
    """F-55."""
    host.hypervisor.fail("define", errors.Unavailable("The hypervisor does not answer.", resource="hypervisor"), 5)
    report = host.give(order(Action.BUILD, spec()))
    assert report and report.error is None


def test_a_hypervisor_that_stays_away_fails_the_order_as_unavailable(host: Host) -> None:
    host.in_touch()
    host.hypervisor.available = False
    report = host.give(order(Action.BUILD, spec()))
    assert report and report.error_kind == "unavailable"
    host.hypervisor.available = True
    assert host.leftovers() != []  # nothing could be undone: the conductor's DESTROY does it
    assert host.give(order(Action.DESTROY, report.server_id, fence=2))
    assert host.leftovers() == []


def test_an_unexpected_failure_is_reported_without_its_details(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """S-071: the words for the user name no path; the log has them."""
    host.disks.fail(ValueError("/var/lib/iaas/secret"))
    report = host.give(order(Action.BUILD, spec()))
    assert report and report.error_kind == "internal"
    assert report.error == "The host failed unexpectedly; the operator finds the cause in its log."
    assert any("/var/lib/iaas/secret" in str(record.exc_info) for record in caplog.records)


def test_a_full_disk_is_said_to_be_full(host: Host) -> None:
    """F-61."""
    host.disks.fail(OSError(28, "No space left on device", "/var/lib/iaas/x"))
    report = host.give(order(Action.BUILD, spec()))
    assert report and (report.error, report.error_kind) == ("The host's disk is full.", "unavailable")
    assert host.leftovers() == []


def test_a_damaged_record_of_the_fence_refuses_instead_of_guessing(host: Host) -> None:
    guest = host.build()
    (host.instances.directory(guest.server_id) / "fence").write_text("{")
    host.reboot_agent()
    report = host.give(order(Action.STOP, guest, fence=9))
    assert report and report.error_kind == "internal" and "damaged" in (report.error or "")


def test_the_token_of_an_image_is_never_logged(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """S-123."""
    caplog.set_level(logging.DEBUG)
    host.disks.fail(errors.NotFound.of("image", "x"))
    guest = spec(image=image(token="canary-4711"))
    host.give(order(Action.BUILD, guest))
    assert "canary-4711" not in caplog.text + repr(guest)


def test_work_runs_in_the_context_of_its_request(host: Host) -> None:
    """C-22: also a report that is sent later."""
    seen: list[str | None] = []
    send = host.post.send

    def watch(*arguments: object) -> None:
        caller = context.current()
        seen.append(caller.request_id if caller else None)
        send(*arguments)  # type: ignore[arg-type]

    host.in_touch()
    host.post.send = watch  # type: ignore[assignment,method-assign]
    caller = context.system("req-11111111-1111-1111-1111-111111111111")
    host.post.down = True
    with context.use(caller):
        host.give(order(Action.BUILD, spec()))
    host.post.down = False
    host.agent.outbox.flush()
    assert seen == [caller.request_id] * 2


def test_reports_wait_for_the_broker_and_leave_in_order(host: Host) -> None:
    """F-22: the broker is away when the work ends."""
    host.post.down = True
    asked = [order(Action.BUILD, spec()) for _ in range(3)]
    for one in asked:
        host.give(one)
    assert len(host.agent.outbox) == 3
    host.agent.beat()
    assert len(host.agent.outbox) == 3
    host.post.down = False
    host.agent.beat()
    assert [report.operation_id for report in host.post.final] == [one.operation_id for one in asked]
    assert len(host.agent.outbox) == 0


def test_waiting_reports_are_bounded(host: Host) -> None:
    host.post.down = True
    for number in range(1100):
        host.give(order(Action.STOP, f"00000000-0000-4000-8000-{number:012d}"))
    assert len(host.agent.outbox) == 1000


def test_an_id_that_is_no_id_reaches_no_file(host: Host, tmp_path: Path) -> None:
    """S-019."""
    report = host.give(order(Action.DESTROY, "../../canary"))
    assert report and report.error_kind == "invalid"
