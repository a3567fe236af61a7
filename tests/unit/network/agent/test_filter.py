"""Which known flows end when the filter changes."""

from __future__ import annotations

from dataclasses import replace

from iaas.model.wiring import HostWiring, bridge_name, tap_name
from iaas.network.agent.filter import arriving, forgotten, wanted
from iaas.network.agent.steps import Filter
from tests.unit.network.wishes import ZONE, group, port, rule, small, tunnelled, uid, wish

BRIDGES = {uid("net"): bridge_name(uid("net"))}
SSH, WEB = (rule(protocol="tcp", port_min=number, port_max=number) for number in (22, 80))


def _filter(wiring: HostWiring) -> Filter:
    return wanted(wiring, BRIDGES)


def _with_rules(*rules: object) -> HostWiring:
    members = tuple(ip for item in small(1, 2).ports for ip in item.ips)
    return replace(small(1, 2), groups=(group("default", *rules, members=members),))  # type: ignore[arg-type]


def test_more_permissions_end_no_flow() -> None:
    assert forgotten(_filter(_with_rules(SSH)), _filter(_with_rules(SSH, WEB))) == ()
    assert forgotten(_filter(small(1)), _filter(small(1, 2))) == ()


def test_a_lost_rule_ends_the_flows_of_every_port_of_the_group() -> None:
    """S-080"""
    lost = forgotten(_filter(_with_rules(SSH, WEB)), _filter(_with_rules(WEB)))
    assert lost == ((ZONE, "10.77.0.11"), (ZONE, "10.77.0.12"))


def test_a_port_that_leaves_a_group_loses_its_flows_and_no_other_does() -> None:
    before = small(1, 2)
    after = replace(before, ports=(before.ports[0], replace(before.ports[1], groups=())))
    assert (ZONE, "10.77.0.12") in forgotten(_filter(before), _filter(after))
    assert (ZONE, "10.77.0.11") not in forgotten(_filter(before), _filter(after))


def test_a_removed_port_leaves_no_flow_for_the_heir_of_its_address() -> None:
    assert (ZONE, "10.77.0.12") in forgotten(_filter(small(1, 2)), _filter(small(1)))


def test_a_member_that_left_elsewhere_ends_only_its_own_flows() -> None:
    def members(*ips: str) -> HostWiring:
        within = rule(remote_group_id=uid("default"))
        return replace(small(1), groups=(group("default", within, members=ips),))

    lost = forgotten(_filter(members("10.77.0.11", "10.77.0.99")), _filter(members("10.77.0.11")))
    assert lost == ((ZONE, "10.77.0.99"),)


def test_security_switched_on_ends_what_was_open_and_switched_off_ends_nothing() -> None:
    secure = small(1)
    open_port = replace(secure, ports=(replace(secure.ports[0], port_security=False),))
    assert forgotten(_filter(open_port), _filter(secure)) == ((ZONE, "10.77.0.11"),)
    assert forgotten(_filter(secure), _filter(open_port)) == ()


def test_an_address_taken_from_a_port_is_forgotten() -> None:
    before = small(1)
    after = replace(before, ports=(replace(before.ports[0], ips=("10.77.0.50",)),))
    assert (ZONE, "10.77.0.11") in forgotten(_filter(before), _filter(after))


def test_a_port_on_a_network_that_cannot_be_wired_is_unknown_to_the_filter() -> None:
    stray = port("stray", "elsewhere", 9, "10.90.0.9")
    assert _filter(wish((), (stray,))).ports == ()


def test_a_guest_that_is_on_its_way_is_not_here_until_its_tap_was_or_the_other_host_has_let_go() -> None:
    """a migration, seen from where it leads to and from where it comes from"""
    here = small(1).ports
    elsewhere = {"198.18.0.1": (), "198.18.0.2": here}
    moving = replace(small(1), networks=(tunnelled("net", "10.77.0.0/24", 7, "198.18.0.1", elsewhere),))
    tap = tap_name(here[0].id)
    assert arriving(moving, set(), None) == {here[0].id}
    assert arriving(moving, {tap}, None) == set(), "it was here before: it is leaving"
    before = wanted(moving, {}, {here[0].id})
    assert arriving(moving, {tap}, before) == {here[0].id}, "its tap is here, and it may not run yet"
    assert arriving(small(1), {tap}, before) == set()
