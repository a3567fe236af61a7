"""The loop over the fake data plane: when it looks, what it removes, what it reports, what it survives."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import cast

import pytest

from iaas import failpoints
from iaas.clock import ManualClock
from iaas.errors import Internal, Timeout
from iaas.model.wiring import HostWiring, bridge_name, tap_name
from iaas.network.agent.loop import GRACE_SECONDS, REPEAT_SECONDS, Loop
from iaas.network.agent.manager import NetworkAgentManager
from iaas.network.agent.steps import PlugTap
from iaas.network.drivers.fake import FakeDriver
from iaas.rpc.network import NetworkAgentRpc, NetworkRpc
from tests.integration.network_rig import Controller, eventually
from tests.unit.network.wishes import network, port, router, small, uid, wish

NET = uid("net")


class Host:
    """A loop that is turned by hand."""

    def __init__(self, wanted: HostWiring) -> None:
        self.controller, self.driver, self.clock = Controller(wanted), FakeDriver(), ManualClock()
        self.loop = self.agent()

    def agent(self) -> Loop:
        rpc = cast(NetworkRpc, self.controller)
        return Loop(
            host="h1", rpc=rpc, driver=self.driver, physical={"physnet1": "br-ex"}, clock=self.clock,
            jitter=lambda: 0.5,
        )  # fmt: skip

    def look(self, wanted: HostWiring | None = None) -> bool:
        if wanted is not None:
            self.controller.wish = wanted
        self.loop.look()
        return self.loop.round()

    def later(self, seconds: float) -> bool:
        self.clock.advance(seconds)
        return self.loop.round()


@pytest.fixture
def host() -> Host:
    return Host(small(1))


def test_a_wired_port_is_reported_once_per_revision(host: Host) -> None:
    assert host.look()
    assert host.look()
    assert [report.wired for report in host.controller.reports] == [((uid("net-1"), 1),)]
    host.look(replace(small(1), ports=(replace(small(1).ports[0], revision=2),)))
    assert host.controller.reports[-1].wired == ((uid("net-1"), 2),)


def test_everything_is_reported_again_after_a_while_in_case_a_report_was_lost(host: Host) -> None:
    host.look()
    host.later(REPEAT_SECONDS + 1)
    assert len(host.controller.reports) == 2


def test_a_report_that_could_not_be_sent_is_sent_later(host: Host) -> None:
    sent = host.controller.wired
    host.controller.wired = _raise  # type: ignore[method-assign]
    with pytest.raises(Timeout):
        host.look()
    host.controller.wired = sent  # type: ignore[method-assign]
    host.loop.round()
    assert host.controller.told() == {uid("net-1"): 1}


def _raise(*_: object) -> None:
    raise Timeout("no broker")


def test_a_hint_is_answered_by_a_look_at_the_wish_and_patrols_use_the_last_one(host: Host) -> None:
    host.look()
    host.controller.wish = small(1, 2)
    host.later(1)
    assert uid("net-2") not in host.controller.told()
    host.look()
    assert uid("net-2") in host.controller.told()
    host.controller.wish = small(1, 2, 3)
    host.later(10)
    assert uid("net-3") in host.controller.told()


def test_many_hints_are_one_look() -> None:
    controller, driver = Controller(small(1)), FakeDriver()
    asked, gate, first = [], threading.Event(), threading.Event()

    def wiring(agent_host: str) -> HostWiring:
        asked.append(agent_host)
        first.set()
        assert gate.wait(5)
        return controller.wish

    controller.wiring = wiring  # type: ignore[method-assign]
    loop = Loop(host="h1", rpc=cast(NetworkRpc, controller), driver=driver, physical={})
    loop.start()
    try:
        assert first.wait(5)
        for _ in range(100):
            loop.look()
        controller.wish = small(1, 2)
        gate.set()
        eventually(lambda: uid("net-2") in controller.told(), what="the second port")
        assert len(asked) <= 3
    finally:
        loop.stop()


def test_drift_is_repaired_without_the_controller(host: Host) -> None:
    """F-71, F-74"""
    host.look()
    host.controller.error = Timeout("no controller")
    host.driver.lose(network_id=NET)
    host.driver.lose()
    assert host.later(3)
    found = host.driver.found()
    assert found.filter_in_force
    assert (len(found.dhcp), [door.network_id for door in found.metadata]) == (1, [NET])


def test_an_agent_without_any_wish_touches_nothing(host: Host) -> None:
    host.controller.error = Timeout("no controller")
    with pytest.raises(Timeout):
        host.look()
    assert host.driver.applied == []


def test_nothing_is_removed_on_the_word_of_an_old_wish(host: Host) -> None:
    """C-12"""
    host.look()
    host.look(wish())
    host.controller.error = Timeout("no controller")
    for _ in range(5):
        host.later(GRACE_SECONDS + 1)
    assert host.driver.found().networks == (NET,)
    host.controller.error = None
    host.later(GRACE_SECONDS)
    assert host.driver.found().networks == ()


def test_an_unwanted_network_must_be_missing_twice_and_for_the_time_of_grace(host: Host) -> None:
    """C-13"""
    host.look()
    host.look(wish())
    host.look()
    assert host.driver.found().networks == (NET,), "two looks at the same moment are not enough"
    host.look(small(1))
    host.clock.advance(GRACE_SECONDS)
    host.look(wish())
    assert host.driver.found().networks == (NET,), "it was wanted in between"
    host.later(GRACE_SECONDS)
    assert host.driver.found().networks == ()
    assert host.loop.suspects == frozenset({f"network:{NET}"})
    host.later(GRACE_SECONDS)
    assert host.loop.suspects == frozenset()


def test_a_failing_network_is_not_reported_and_disturbs_no_other(host: Host) -> None:
    """S-087"""
    bad = port("bad-1", "bad", 9, "10.90.0.9")
    both = HostWiring(
        networks=(network("bad", "10.90.0.0/24", (bad,)), *small(1).networks),
        ports=(bad, *small(1).ports),
        groups=(),
    )
    for failure in (Internal("a tool failed"), OSError("no space"), ValueError("a defect of ours")):
        host.driver.failures[uid("bad")] = failure
        assert not host.look(both)
        assert host.controller.told() == {uid("net-1"): 1}
    host.driver.failures.clear()
    assert host.later(0.5)
    assert host.controller.told() == {uid("net-1"): 1, uid("bad-1"): 1}


def test_without_rules_nothing_is_plugged_or_reported(host: Host) -> None:
    """S-078"""
    tap = tap_name(uid("net-1"))
    host.look()
    host.driver.plug(tap, None)
    host.look()
    host.driver.failures[None] = Internal("nft failed")
    host.driver.lose()
    host.controller.reports.clear()
    assert not host.later(GRACE_SECONDS + REPEAT_SECONDS)
    assert host.driver.taps[tap] is None
    assert host.controller.reports == []
    host.driver.failures.clear()
    assert host.later(1)
    assert host.driver.taps[tap] == bridge_name(NET)
    kinds = [type(step).__name__ for step in host.driver.applied]
    assert kinds[-2:] == ["LoadFilter", PlugTap.__name__]


def test_an_agent_that_dies_before_its_report_reports_after_its_restart(host: Host) -> None:
    failpoints.arm("network.agent.before_report=crash")
    try:
        with pytest.raises(failpoints.Crash):
            host.look()
    finally:
        failpoints.disarm()
    assert host.controller.reports == []
    applied = len(host.driver.applied)
    host.loop = host.agent()
    assert host.look()
    assert host.controller.told() == {uid("net-1"): 1}
    assert len(host.driver.applied) == applied, "and does nothing twice"


def test_the_thread_survives_what_a_look_raises() -> None:
    controller, driver = Controller(small(1)), FakeDriver()
    controller.error = ValueError("a defect")
    loop = Loop(host="h1", rpc=cast(NetworkRpc, controller), driver=driver, physical={})
    loop.start()
    try:
        controller.error = None
        eventually(lambda: controller.told(), what="the report after the failure")
    finally:
        loop.stop()


def test_the_endpoint_offers_exactly_what_the_contract_says(host: Host) -> None:
    manager = NetworkAgentManager(host.loop.round, host.driver)
    assert all(callable(getattr(manager, name)) for name in NetworkAgentRpc.methods())
    manager.look()
    assert manager.inventory().dnsmasq == (NET,)
    assert manager.inventory().bridges == (bridge_name(NET),)


def test_a_router_is_reported_with_its_revision_and_one_that_failed_is_not(host: Host) -> None:
    good, bad = router("good", ("net", "10.77.0.1")), router("bad", ("net", "10.77.0.9"), revision=3)
    host.driver.failures[bad.id] = Internal("no room")
    host.look(replace(small(1), routers=(good, bad)))
    assert {pair for report in host.controller.reports for pair in report.routers} == {(good.id, 1)}
    assert host.controller.told() == {uid("net-1"): 1}, "the guests of its networks are no worse off"
    del host.driver.failures[bad.id]
    host.look()
    assert host.controller.reports[-1].routers == ((bad.id, 3),)
