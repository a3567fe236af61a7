"""The checks by themselves, where a database's constraints keep the damage from being planted in a whole cloud, and
what they must not say."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from iaas.audit.evidence import Evidence
from iaas.audit.invariants import lasting, violations
from iaas.audit.violation import Violation
from iaas.clock import ManualClock
from iaas.db.audit import Facts
from iaas.model.order import ComputeInventory, Guest, Power

NOTHING = Facts(
    networks=[], auto_topologies=[],
    routers=[],
    floating_ips=[],
    now=ManualClock().now(), servers=[], nodes=[], allocations=[], groups=[], migrations=[],
    aggregates={}, ports=[], addresses=[], dhcp_hosts={},
    dhcp_subnets=set(), images=[], locations=[], image_tasks=[], promised={}, volumes=[], snapshots=[], attachments=[],
    backends=[],
    operations=[], usage={}, counted={},
)  # fmt: skip
SERVER = SimpleNamespace(group_id=None, id="s", state="active", task=None, host="h", fence=3, flavor={}, project_id="p")


def found(**facts: Any) -> list[tuple[str, str, str]]:
    hosts = facts.pop("compute", {})
    evidence = Evidence(facts=replace(NOTHING, **facts), compute=hosts)
    return [(item.invariant, item.subject, item.text) for item in violations(evidence)]


def port(id: str, mac: str = "m") -> SimpleNamespace:
    return SimpleNamespace(
        id=id, network_id="n", mac=mac, host=None, next_host=None, server_id=None, router_id=None,
        admin_state_up=True, device_owner="",
    )  # fmt: skip


def inventory(*guests: Guest) -> ComputeInventory:
    dirs = tuple(guest.server_id for guest in guests)
    return ComputeInventory(guests=guests, instance_dirs=dirs, cached_images=("x",), partial_files=(), taps=())


def test_nothing_is_wrong_with_nothing() -> None:
    assert found() == []


def test_an_address_given_twice_is_reported_once() -> None:
    """I-05. The primary key forbids it; a restored or merged database may have it."""
    twice = [SimpleNamespace(port_id=id, subnet_id="net", ip="10.0.0.5") for id in ("a", "b")]
    assert found(addresses=twice, ports=[port("a", "1"), port("b", "2")]) == [
        ("I-05", "address 10.0.0.5 of net", "is given 2 times")
    ]


def test_a_mac_given_twice_in_a_network_is_reported() -> None:
    assert found(ports=[port("a"), port("b")]) == [("I-05", "MAC m of n", "is given 2 times")]


def test_an_address_without_a_port_is_reported() -> None:
    stray = SimpleNamespace(port_id="gone", subnet_id="net", ip="10.0.0.5")
    assert found(addresses=[stray]) == [("I-05", "address 10.0.0.5 of net", "belongs to no port")]


def test_a_server_under_an_operation_is_in_transit_and_may_be_anywhere() -> None:
    """A migration's guest is on two hosts for a while, but runs only on one (F-13)."""
    guests = {
        "h": inventory(Guest(server_id="s", power=Power.RUNNING, fence=3)),
        "other": inventory(Guest(server_id="s", power=Power.PAUSED, fence=3)),
    }
    now = NOTHING.now
    work = SimpleNamespace(
        id="o", fence=1, params={}, kind="server.migrate", resource_type="server", resource_id="s", state="running",
        lease_until=now, wake_at=None, deadline=None, created_at=now,
    )  # fmt: skip
    moving = SimpleNamespace(**{**vars(SERVER), "task": "migrating"})
    assert found(servers=[moving], operations=[work], compute=guests) == []
    settled = [("I-02", "guest s on other", "belongs on h"), ("I-03", "disk of s on other", "has no server there")]
    reports = found(servers=[SERVER], compute=guests)
    assert [report for report in reports if report[0] in ("I-01", "I-02", "I-03")] == settled


def test_an_older_fence_on_a_guest_is_no_fault() -> None:
    """Operations that don't touch the guest raise the row's fence, too."""
    guests = {"h": inventory(Guest(server_id="s", power=Power.RUNNING, fence=1))}
    assert not [report for report in found(servers=[SERVER], compute=guests) if report[0] in ("I-01", "I-02")]


def test_what_is_wrong_in_one_look_only_is_not_reported() -> None:
    """Between the look at the hosts and the look at the database something was deleted."""

    def wrong(subject: str, text: str = "") -> Violation:
        return Violation(invariant="I-02", subject=subject, text=text)

    before, after = [wrong("guest a"), wrong("guest b", "one")], [wrong("guest b", "two"), wrong("guest c")]
    assert lasting(before, after) == [wrong("guest b", "two")]
    assert lasting([], after) == []


def test_a_segment_given_twice_is_reported() -> None:
    """I-05. A unique column forbids it; a restored or merged database may have it."""
    two = [
        SimpleNamespace(
            id=id, project_id="p", kind="vxlan", physical_network=None, segmentation_id=7, segment="vxlan/7"
        )
        for id in ("a", "b")
    ]
    assert found(networks=two) == [("I-05", "segment vxlan/7", "is of 2 networks")]
    assert found(networks=[replace_in(two[0], segment="vxlan/8")]) == [
        ("I-05", "network a", "holds vxlan/8, and is vxlan/7")
    ]


def replace_in(row: SimpleNamespace, **values: Any) -> SimpleNamespace:
    return SimpleNamespace(**{**vars(row), **values})
