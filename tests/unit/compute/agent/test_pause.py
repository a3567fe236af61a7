"""PAUSE, UNPAUSE, SUSPEND and RESUME on a fake hypervisor."""

from __future__ import annotations

import pytest

from iaas.model.order import Action, Power
from tests.unit.compute.agent.bench import Host, order, spec

WAYS = [
    (Action.PAUSE, Power.RUNNING, Power.PAUSED),
    (Action.UNPAUSE, Power.PAUSED, Power.RUNNING),
    (Action.SUSPEND, Power.RUNNING, Power.SUSPENDED),
    (Action.RESUME, Power.SUSPENDED, Power.RUNNING),
]


@pytest.mark.parametrize(("action", "before", "after"), WAYS)
def test_each_verb_leads_where_it_should_and_again_and_leaves_its_fence(
    host: Host, action: Action, before: Power, after: Power
) -> None:
    guest = host.build()
    host.hypervisor.change(guest.server_id, before)
    for fence in (2, 3):
        report = host.give(order(action, guest, fence=fence))
        assert report and (report.power, report.error) == (after, None)
        assert host.hypervisor.domains[guest.server_id].fence == fence


@pytest.mark.parametrize("action", [Action.PAUSE, Action.UNPAUSE, Action.SUSPEND])
def test_a_guest_that_is_off_or_gone_is_said_to_be(host: Host, action: Action) -> None:
    guest = host.build()
    host.hypervisor.stops(guest.server_id)
    report = host.give(order(action, guest, fence=2))
    assert report and (report.error_kind, report.power) == ("conflict", Power.SHUTDOWN)
    report = host.give(order(action, spec(), fence=2))
    assert report and (report.error, report.power) == ("The server is not on this host.", Power.NONE)


def test_a_resume_says_whether_the_memory_was_there(host: Host) -> None:
    guest = host.build()
    host.hypervisor.change(guest.server_id, Power.SUSPENDED)
    report = host.give(order(Action.RESUME, guest, fence=2))
    assert report and report.data == {"restored": True}
    host.hypervisor.change(guest.server_id, Power.SUSPENDED)
    host.hypervisor.spoiled.add(guest.server_id)
    report = host.give(order(Action.RESUME, guest, fence=3))
    assert report and (report.data, report.power) == ({"restored": False}, Power.RUNNING)
    del host.hypervisor.domains[guest.server_id]  # F-54
    report = host.give(order(Action.RESUME, guest, fence=4))
    assert report and (report.data, report.power) == ({"restored": False}, Power.RUNNING)
