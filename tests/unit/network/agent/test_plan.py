"""The plan is pure: wishes and finds in, steps out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iaas.errors import Invalid
from iaas.model.wiring import (
    FixedIp,
    FloatingIpWiring,
    HostWiring,
    NetworkWiring,
    PortWiring,
    RouterWiring,
    bridge_name,
    tap_name,
)
from iaas.network.agent.plan import Plan, physical_bridges, plan
from iaas.network.agent.steps import (
    EnsureBridge,
    EnsureDhcp,
    EnsureNamespace,
    EnsureRouter,
    EnsureTunnel,
    LoadFilter,
    PlugTap,
    ReleaseLease,
    RemoveDhcp,
    RemoveNetwork,
    RemoveRouter,
    ServeMetadata,
)
from iaas.network.drivers.driver import Found
from iaas.network.drivers.fake import FakeDriver
from tests.unit.network.wishes import ZONE, network, outside, port, router, small, subnet, tunnelled, uid, wish

PHYSICAL = {"physnet1": "br-ex"}
NET = uid("net")
HERE, THERE = "198.18.0.1", "198.18.0.2"


def _settled(wanted: HostWiring) -> FakeDriver:
    driver = FakeDriver()
    for step in plan(wanted, driver.found(), PHYSICAL).steps:
        driver.apply(step)
    return driver


def _kinds(planned: Plan) -> list[type]:
    return [type(step) for step in planned.steps]


def test_rules_stand_before_anything_is_plugged_and_dhcp_comes_last() -> None:
    """S-078"""
    planned = plan(small(1), FakeDriver().found(), PHYSICAL)
    assert _kinds(planned) == [LoadFilter, EnsureBridge, EnsureNamespace, EnsureDhcp, ServeMetadata]
    assert (planned.problems, planned.suspects) == ((), frozenset())


def test_a_host_that_is_as_wanted_gets_no_step() -> None:
    """F-75"""
    assert plan(small(1, 2), _settled(small(1, 2)).found(), PHYSICAL) == Plan(
        steps=(), problems=(), suspects=frozenset()
    )


def test_the_order_in_which_the_controller_lists_things_means_nothing() -> None:
    wanted = small(1, 2, 3)
    net = wanted.networks[0]
    assert net.dhcp is not None
    shuffled = replace(
        wanted,
        ports=wanted.ports[::-1],
        groups=tuple(replace(item, rules=item.rules[::-1], members=item.members[::-1]) for item in wanted.groups),
        networks=(replace(net, dhcp=replace(net.dhcp, hosts=net.dhcp.hosts[::-1])),),
    )
    assert plan(shuffled, _settled(wanted).found(), PHYSICAL).steps == ()


def test_a_new_revision_alone_needs_no_step() -> None:
    wanted = small(1)
    again = replace(wanted, ports=(replace(wanted.ports[0], revision=9),))
    assert plan(again, _settled(wanted).found(), PHYSICAL).steps == ()


def test_one_more_port_changes_the_filter_and_the_dhcp_hosts_only() -> None:
    assert _kinds(plan(small(1, 2), _settled(small(1)).found(), PHYSICAL)) == [LoadFilter, EnsureDhcp]


def test_a_lease_of_nobody_is_released_after_the_server_forgot_the_client() -> None:
    driver = _settled(small(1, 2))
    gone = small(1, 2).ports[1]
    assert driver.lease(NET, gone.mac)
    planned = plan(small(1), driver.found(), PHYSICAL)
    assert _kinds(planned) == [LoadFilter, EnsureDhcp, ReleaseLease]
    assert planned.steps[-1] == ReleaseLease(network_id=NET, mac=gone.mac, ip="10.77.0.12")


def test_a_tunnel_stands_before_anything_is_plugged_and_drift_of_it_is_planned_against() -> None:
    there = port("there", "net", 5, "10.77.0.15", "default")
    wanted = replace(small(1), networks=(_tunnelled(small(1).ports, there),))
    planned = plan(wanted, FakeDriver().found(), PHYSICAL)
    assert _kinds(planned) == [LoadFilter, EnsureBridge, EnsureTunnel, EnsureNamespace, EnsureDhcp, ServeMetadata]
    settled = _settled(wanted).found()
    assert plan(wanted, settled, PHYSICAL).steps == ()
    assert settled.tunnels[0].remotes == ((there.mac, THERE),)
    assert settled.tunnels[0].neighbours == (("10.77.0.15", there.mac),)
    assert settled.filter is not None
    assert settled.filter.peers == (THERE,)
    assert _kinds(plan(wanted, replace(settled, tunnels=()), PHYSICAL)) == [EnsureTunnel]


def test_a_port_on_two_hosts_at_once_is_left_to_the_flood() -> None:
    """a migration: whoever it is at gets its frames"""
    net = _tunnelled(small(1).ports, port("there", "net", 5, "10.77.0.15"))
    assert net.tunnel is not None
    again = replace(net.tunnel.remotes[0], address="198.18.0.3")
    moving = replace(net, tunnel=replace(net.tunnel, remotes=(*net.tunnel.remotes, again)))
    found = _settled(replace(small(1), networks=(moving,))).found()
    assert found.tunnels[0].remotes == ()
    assert found.tunnels[0].neighbours == (("10.77.0.15", again.mac),)


def _tunnelled(here: tuple[PortWiring, ...], there: PortWiring) -> NetworkWiring:
    return tunnelled("net", "10.77.0.0/24", 7, HERE, {HERE: here, THERE: (there,)}, dhcp_on=HERE)


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ({"filter_in_force": False}, [LoadFilter]),
        ({"bridges": ()}, [EnsureBridge]),
        ({"namespaces": ()}, [EnsureNamespace, EnsureDhcp, ServeMetadata]),
        ({"dhcp": ()}, [EnsureDhcp]),
        ({"metadata": ()}, [ServeMetadata]),
        ({"networks": ()}, [EnsureBridge]),
    ],
)
def test_every_kind_of_drift_is_planned_against(change: dict[str, object], steps: list[type]) -> None:
    """F-74"""
    found: Found = replace(_settled(small(1)).found(), **change)  # type: ignore[arg-type]
    assert _kinds(plan(small(1), found, PHYSICAL)) == steps


def test_a_bridge_with_another_mtu_or_unfiltered_is_put_right() -> None:
    found = _settled(small(1)).found()
    own = next(bridge for bridge in found.bridges if bridge.name == bridge_name(NET))
    for wrong in (replace(own, mtu=1400), replace(own, filtered=False), replace(own, quiet=False)):
        planned = plan(small(1), replace(found, bridges=(wrong,)), PHYSICAL)
        assert planned.steps == (EnsureBridge(network_id=NET, name=own.name, mtu=1450, own=True),)


def test_an_unwanted_network_is_a_suspect_first_and_removed_when_confirmed() -> None:
    """C-12, C-13"""
    found = _settled(small(1)).found()
    first = plan(wish(), found, PHYSICAL)
    assert RemoveNetwork not in _kinds(first)
    assert first.suspects == {f"network:{NET}"}
    assert plan(wish(), found, PHYSICAL, first.suspects).steps[-1] == RemoveNetwork(network_id=NET)


def test_a_network_with_a_guest_plugged_in_stays_until_the_guest_is_gone() -> None:
    driver = _settled(small(1))
    driver.plug("tapguest", bridge_name(NET))
    assert RemoveNetwork not in _kinds(plan(wish(), driver.found(), PHYSICAL, frozenset({f"network:{NET}"})))


def test_dhcp_that_is_another_hosts_now_is_removed_when_confirmed() -> None:
    found = _settled(small(1)).found()
    moved = replace(small(1), networks=(replace(small(1).networks[0], dhcp=None),))
    key = frozenset({f"dhcp:{NET}"})
    assert plan(moved, found, PHYSICAL).suspects == key
    assert plan(moved, found, PHYSICAL, key).steps == (RemoveDhcp(network_id=NET),)


def test_a_loose_tap_is_plugged_only_when_confirmed() -> None:
    """The hypervisor may be just about to plug it; two cannot."""
    driver = _settled(small(1))
    tap = tap_name(small(1).ports[0].id)
    driver.plug(tap, None)
    first = plan(small(1), driver.found(), PHYSICAL)
    assert (first.steps, first.suspects) == ((), {f"tap:{tap}"})
    again = plan(small(1), driver.found(), PHYSICAL, first.suspects)
    assert again.steps == (PlugTap(network_id=NET, tap=tap, bridge=bridge_name(NET)),)


def test_a_flat_network_uses_the_mapped_bridge_and_no_zone() -> None:
    member = port("flat-1", "flat", 1, "10.81.0.10")
    flat = network("flat", "10.81.0.0/24", (member,), kind="flat", physical_network="physnet1")
    planned = plan(wish((flat,), (member,)), FakeDriver().found(), PHYSICAL)
    load = planned.steps[0]
    assert isinstance(load, LoadFilter)
    assert load.filter.flat == ("br-ex",)
    assert load.filter.zones == ()
    assert load.filter.ports[0].bridge == "br-ex"
    assert planned.steps[1] == EnsureBridge(network_id=flat.id, name="br-ex", mtu=1450, own=False)


@pytest.mark.parametrize(
    "broken",
    [
        network("bad", "10.90.0.0/24", kind="flat", physical_network="nowhere"),
        network("bad", "10.90.0.0/24", kind="gre", segmentation_id=7),
        network("bad", "10.90.0.0/24", subnets=()),
        network("bad", "10.90.0.0/24", subnets=(subnet("bad-subnet", "nonsense", gateway_ip=None),)),
        network("bad", "10.90.0.0/24", subnets=(subnet("bad-subnet", "10.90.0.0/24", gateway_ip="x"),)),
    ],
)
def test_a_network_that_cannot_be_wired_is_a_problem_of_its_own(broken: object) -> None:
    """S-087; and its ports are unknown to the filter, so that nothing passes"""
    good = small(1)
    stray = port("stray", "bad", 9, "10.90.0.9")
    both = HostWiring(networks=(broken, *good.networks), ports=(stray, *good.ports), groups=good.groups)  # type: ignore[arg-type]
    planned = plan(both, FakeDriver().found(), PHYSICAL)
    assert [id for id, _ in planned.problems] == [uid("bad")]
    assert planned.steps == plan(good, FakeDriver().found(), PHYSICAL).steps


def test_the_namespace_has_the_servers_addresses_and_the_metadata_address() -> None:
    v6 = subnet("net-v6", "fd00:77::/64", ip_version=6, gateway_ip="fd00:77::1")
    wanted = network("net", "10.77.0.0/24", zone=ZONE)
    assert wanted.dhcp is not None
    server = replace(wanted.dhcp, ips=(*wanted.dhcp.ips, FixedIp(subnet_id=v6.id, ip="fd00:77::2")))
    both = replace(wanted, subnets=(*wanted.subnets, v6), dhcp=server)
    steps = plan(wish((both,)), FakeDriver().found(), PHYSICAL).steps
    space = next(step.namespace for step in steps if isinstance(step, EnsureNamespace))
    assert space.addresses == ("10.77.0.2/24", "169.254.169.254/32", "fd00:77::2/64")
    assert space.gateway == "10.77.0.1"
    assert space.mac == server.mac


def test_the_option_physical_networks_is_checked() -> None:
    assert physical_bridges(["physnet1:br-ex", "other:br-2"]) == {"physnet1": "br-ex", "other": "br-2"}
    for wrong in ("physnet1", ":br", "a:", "a:br ex", "a:" + "b" * 16, "a:br\nlink"):
        with pytest.raises(Invalid):
            physical_bridges([wrong])


def _routed(*routers: RouterWiring) -> HostWiring:
    net = network("net", "10.77.0.0/24", dhcp=False)
    return HostWiring(networks=(net, outside()), ports=(), groups=(), routers=routers)


def test_a_router_comes_after_its_networks_and_goes_before_them() -> None:
    wanted = _routed(router("r1", ("net", "10.77.0.1"), gateway="203.0.113.10"))
    kinds = _kinds(plan(wanted, FakeDriver().found(), PHYSICAL))
    assert kinds == [LoadFilter, EnsureBridge, EnsureBridge, EnsureRouter, ServeMetadata]
    found = _settled(wanted).found()
    assert plan(wanted, found, PHYSICAL).steps == ()
    first = plan(wish(), found, PHYSICAL)
    assert f"router:{uid('r1')}" in first.suspects
    assert _kinds(plan(wish(), found, PHYSICAL, first.suspects)) == [LoadFilter, RemoveRouter, *[RemoveNetwork] * 2]


def test_a_router_on_a_network_that_is_not_wired_here_is_a_problem_of_its_own() -> None:
    """S-087"""
    lost = router("lost", ("nowhere", "10.9.0.1"))
    good = router("r1", ("net", "10.77.0.1"))
    planned = plan(_routed(lost, good), FakeDriver().found(), PHYSICAL)
    assert [id for id, _ in planned.problems] == [uid("lost")]
    assert [step.router.id for step in planned.steps if isinstance(step, EnsureRouter)] == [uid("r1")]


@pytest.mark.parametrize(
    "changes",
    [
        {"floating_ips": (FloatingIpWiring(id="f", floating_ip="x", fixed_ip="10.77.0.2"),)},
        {"next_hops": ("x",)},
        {"routes": (("10.9.0.0/99", "10.77.0.2"),)},
    ],
)
def test_odd_addresses_of_a_router_are_its_own_problem(changes: dict[str, object]) -> None:
    odd = router("odd", ("net", "10.77.0.1"), gateway="203.0.113.10", **changes)
    planned = plan(_routed(odd), FakeDriver().found(), PHYSICAL)
    assert [id for id, _ in planned.problems] == [uid("odd")]
    assert EnsureRouter not in _kinds(planned)
