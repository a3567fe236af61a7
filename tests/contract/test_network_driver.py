"""One suite for every data plane: what iaas/network/drivers/driver.py promises holds for each of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from iaas.errors import Conflict, NotFound
from iaas.model.wiring import (
    HostWiring,
    PortWiring,
    bridge_name,
    dhcp_namespace,
    tap_name,
    tunnel_name,
    vlan_name,
)
from iaas.network.agent import steps
from iaas.network.agent.plan import plan
from iaas.network.drivers.driver import Found, NetworkDriver
from iaas.network.drivers.fake import FakeDriver
from tests.integration.network_rig import Guest, Rig, eventually, missing
from tests.unit.network.wishes import ZONE, network, outside, port, router, small, tunnelled, uid, wish

NET = uid("net")


@dataclass
class Bench:
    """A driver with the other actors of its host."""

    driver: NetworkDriver
    restart: Callable[[], NetworkDriver]
    physical: dict[str, str]
    plug: Callable[[PortWiring, str], None]
    unplug: Callable[[PortWiring], None]
    lease: Callable[[PortWiring], str | None]
    kill_dhcp: Callable[[], None]
    flush: Callable[[], None]

    def reach(self, wanted: HostWiring) -> list[steps.Step]:
        """Carries out the plan for the wish and whatever is unwanted; returns the steps."""
        first = plan(wanted, self.driver.found(), self.physical)
        planned = plan(wanted, self.driver.found(), self.physical, first.suspects)
        assert planned.problems == ()
        for step in planned.steps:
            self.driver.apply(step)
        return list(planned.steps)


def _ours(found: Found) -> Found:
    """Without the devices of other tests that run on the machine at the same time."""
    names = {bridge_name(NET)}
    taps = {tap_name(item.id) for item in small(1, 2).ports}
    return replace(
        found,
        bridges=tuple(bridge for bridge in found.bridges if bridge.name in names),
        taps=tuple(tap for tap in found.taps if tap[0] in taps),
    )


def _fake() -> Bench:
    driver = FakeDriver()

    def restart() -> FakeDriver:
        driver.close()
        return driver

    return Bench(
        driver=driver,
        restart=restart,
        physical={"physnet1": "br-ex"},
        plug=lambda item, bridge: driver.plug(tap_name(item.id), bridge),
        unplug=lambda item: driver.unplug(tap_name(item.id)),
        lease=lambda item: driver.lease(item.network_id, item.mac),
        kill_dhcp=lambda: driver.lose(network_id=NET, dhcp=True),
        flush=driver.lose,
    )


def _real(rig: Rig) -> Bench:
    guests: dict[str, Guest] = {}
    bridge = rig.physical["physnet1"]
    rig.ip("link", "add", bridge, "type", "bridge")
    rig.ip("link", "set", bridge, "up")

    def restart() -> NetworkDriver:
        rig.restart()
        return rig.driver

    def plug(item: PortWiring, bridge: str) -> None:
        guests[item.id] = rig.guest(item, bridge)

    def lease(item: PortWiring) -> str | None:
        given = guests[item.id].lease(rig.directory, tries=2)
        return given["ip"] if given else None

    def kill() -> None:
        os.kill(int((rig.settings.state_dir / NET / "pid").read_text()), signal.SIGKILL)
        eventually(lambda: not rig.driver.inventory().dnsmasq, what="death of dnsmasq")

    def flush() -> None:
        rig.runner.run(["nft", "flush", "table", "inet", f"iaas_{rig.settings.mark}"], timeout=10)

    return Bench(
        driver=rig.driver,
        restart=restart,
        physical=rig.physical,
        plug=plug,
        unplug=lambda item: guests.pop(item.id).remove(),
        lease=lease,
        kill_dhcp=kill,
        flush=flush,
    )


@pytest.fixture(params=["fake", pytest.param("linuxbridge", marks=pytest.mark.root)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "fake":
        yield _fake()
        return
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    rig = Rig(tmp_path, wish())
    yield _real(rig)
    rig.clear()


def test_a_new_host_has_nothing_of_ours(bench: Bench) -> None:
    found = bench.driver.found()
    assert (found.networks, found.namespaces, found.dhcp, found.leases, found.metadata) == ((), (), (), (), ())
    assert found.filter is None
    inventory = bench.driver.inventory()
    assert (inventory.bridges, inventory.namespaces, inventory.filtered_ports) == ((), (), ())


def test_what_was_applied_is_found_so_the_next_plan_is_empty(bench: Bench) -> None:
    assert bench.reach(small(1, 2))
    assert bench.reach(small(1, 2)) == []
    inventory = bench.driver.inventory()
    assert inventory.bridges == (bridge_name(NET),)
    assert inventory.namespaces == (dhcp_namespace(NET),)
    assert inventory.dnsmasq == (NET,)
    assert inventory.filtered_ports == tuple(sorted(tap_name(item.id) for item in small(1, 2).ports))
    assert sorted(inventory.dhcp_hosts) == sorted((NET, item.mac) for item in small(1, 2).ports)


def test_a_repeated_step_changes_nothing(bench: Bench) -> None:
    applied = bench.reach(small(1))
    before = _ours(bench.driver.found())
    for step in applied:
        bench.driver.apply(step)
    assert _ours(bench.driver.found()) == before


def test_a_step_without_what_it_needs_is_not_found(bench: Bench) -> None:
    wanted = small(1).networks[0]
    for planned in plan(small(1), bench.driver.found(), bench.physical).steps:
        if isinstance(planned, steps.EnsureNamespace | steps.EnsureDhcp | steps.ServeMetadata):
            with pytest.raises(NotFound):
                bench.driver.apply(planned)
    with pytest.raises(NotFound):
        bench.driver.apply(steps.EnsureBridge(network_id=wanted.id, name="no-such-bridge", mtu=1500, own=False))


def test_the_dhcp_server_answers_its_clients_and_nobody_else(bench: Bench) -> None:
    bench.reach(small(1))
    known, unknown = small(1, 2).ports
    bench.plug(known, bridge_name(NET))
    assert bench.lease(known) == "10.77.0.11"
    assert bench.driver.found().leases == ((NET, known.mac, "10.77.0.11"),)
    open_tap = replace(unknown, port_security=False)
    both = small(1)
    bench.reach(replace(both, ports=(*both.ports, open_tap)))
    bench.plug(open_tap, bridge_name(NET))
    assert bench.lease(open_tap) is None
    bench.reach(small(1, 2))
    assert bench.lease(unknown) == "10.77.0.12"


def test_a_released_lease_frees_its_address_for_another_client(bench: Bench) -> None:
    bench.reach(small(1))
    old = small(1).ports[0]
    bench.plug(old, bridge_name(NET))
    assert bench.lease(old)
    bench.unplug(old)
    heir = replace(old, id=uid("heir"), mac="fa:16:3e:00:bb:bb")
    served = network("net", "10.77.0.0/24", (heir,), zone=ZONE)
    done = bench.reach(wish((served,), (heir,), small(1).groups))
    assert steps.ReleaseLease(network_id=NET, mac=old.mac, ip="10.77.0.11") in done
    assert bench.driver.found().leases == ()
    bench.plug(heir, bridge_name(NET))
    assert bench.lease(heir) == "10.77.0.11"


def test_a_dead_dhcp_server_and_flushed_rules_are_seen_and_repaired(bench: Bench) -> None:
    bench.reach(small(1))
    bench.plug(small(1).ports[0], bridge_name(NET))
    assert bench.lease(small(1).ports[0])
    bench.kill_dhcp()
    bench.flush()
    found = bench.driver.found()
    assert found.dhcp == ()
    assert not found.filter_in_force
    assert found.filter is not None
    assert {type(step) for step in bench.reach(small(1))} == {steps.LoadFilter, steps.EnsureDhcp}
    assert bench.driver.found().leases != ()
    assert bench.lease(small(1).ports[0]) == "10.77.0.11"


def test_a_restart_loses_the_metadata_sockets_and_nothing_else(bench: Bench) -> None:
    bench.reach(small(1))
    before = _ours(bench.driver.found())
    bench.driver = bench.restart()
    assert _ours(bench.driver.found()) == replace(before, metadata=())
    assert bench.reach(small(1)) == [steps.ServeMetadata(door=steps.Door(network_id=NET))]


def test_a_network_with_a_guest_in_its_bridge_is_not_removed(bench: Bench) -> None:
    bench.reach(small(1))
    guest = small(1).ports[0]
    bench.plug(guest, bridge_name(NET))
    before = _ours(bench.driver.found())
    with pytest.raises(Conflict):
        bench.driver.apply(steps.RemoveNetwork(network_id=NET))
    assert _ours(bench.driver.found()) == before
    bench.unplug(guest)
    bench.driver.apply(steps.RemoveNetwork(network_id=NET))
    assert bench.driver.found().networks == ()
    bench.driver.apply(steps.RemoveNetwork(network_id=NET))


def test_an_unplugged_tap_is_plugged_in_again(bench: Bench) -> None:
    bench.reach(small(1))
    guest = small(1).ports[0]
    bench.plug(guest, bridge_name(NET))
    other = small(1, name="other", zone=ZONE + 90, cidr="10.79.0.0/24")
    bench.reach(HostWiring(networks=small(1).networks + other.networks, ports=small(1).ports, groups=()))
    bench.driver.apply(steps.PlugTap(network_id=NET, tap=tap_name(guest.id), bridge=bridge_name(uid("other"))))
    assert dict(bench.driver.found().taps)[tap_name(guest.id)] == bridge_name(uid("other"))
    done = bench.reach(small(1))
    assert steps.PlugTap(network_id=NET, tap=tap_name(guest.id), bridge=bridge_name(NET)) in done
    assert dict(bench.driver.found().taps)[tap_name(guest.id)] == bridge_name(NET)


def test_dhcp_that_moves_away_leaves_the_bridge(bench: Bench) -> None:
    bench.reach(small(1))
    moved = small(1)
    bench.reach(replace(moved, networks=(replace(moved.networks[0], dhcp=None),)))
    found = bench.driver.found()
    assert (found.networks, found.with_dhcp, found.namespaces) == ((NET,), (), ())
    assert bridge_name(NET) in {bridge.name for bridge in found.bridges}


def test_another_dhcp_port_replaces_the_first_one_wholly(bench: Bench) -> None:
    bench.reach(small(1))
    first = small(1)
    dhcp = first.networks[0].dhcp
    assert dhcp is not None
    second = replace(first.networks[0], dhcp=replace(dhcp, port_id=uid("second"), mac="fa:16:3e:00:cc:cc"))
    bench.reach(replace(first, networks=(second,)))
    assert [space.port_id for space in bench.driver.found().namespaces] == [uid("second")]
    assert bench.reach(replace(first, networks=(second,))) == []
    bench.plug(first.ports[0], bridge_name(NET))
    assert bench.lease(first.ports[0]) == "10.77.0.11"


def test_a_flat_network_lives_on_the_operators_bridge(bench: Bench) -> None:
    member = port("flat-1", "flat", 7, "10.81.0.10")
    flat = network("flat", "10.81.0.0/24", (member,), kind="flat", physical_network="physnet1", zone=ZONE + 90)
    wanted = wish((flat,), (member,))
    assert bench.reach(wanted)
    assert bench.reach(wanted) == []
    bench.plug(member, bench.physical["physnet1"])
    assert bench.lease(member) == "10.81.0.10"
    bench.unplug(member)
    bench.reach(wish())
    found = bench.driver.found()
    assert found.networks == ()
    assert bench.physical["physnet1"] in {bridge.name for bridge in found.bridges}


def _routed(**changes: object) -> HostWiring:
    """Two networks without DHCP behind a router with a gateway."""
    networks = (
        network("net", "10.77.0.0/24", zone=ZONE, dhcp=False),
        network("net2", "10.78.0.0/24", zone=ZONE + 90, dhcp=False),
        outside(),
    )
    legs = (("net", "10.77.0.1"), ("net2", "10.78.0.1"))
    floating = {"203.0.113.50": "10.77.0.11"}
    return wish(networks, routers=(router("r1", *legs, gateway="203.0.113.10", floating=floating, **changes),))


def test_a_router_is_found_as_it_was_wanted_and_its_doors_are_open(bench: Bench) -> None:
    done = bench.reach(_routed())
    assert [type(step) for step in done[-3:]] == [steps.EnsureRouter, steps.ServeMetadata, steps.ServeMetadata]
    assert bench.reach(_routed()) == []
    inventory = bench.driver.inventory()
    assert (inventory.routers, inventory.floating_ips) == ((uid("r1"),), ((uid("r1"), "203.0.113.50"),))
    assert {door.network_id for door in bench.driver.found().metadata} == {NET, uid("net2")}
    bench.driver = bench.restart()
    assert {type(step) for step in bench.reach(_routed())} == {steps.ServeMetadata}


def test_a_changed_router_is_made_so_and_an_unwanted_one_goes_with_its_doors(bench: Bench) -> None:
    bench.reach(_routed())
    assert bench.reach(_routed(floating_ips=(), snat=False))
    assert bench.driver.inventory().floating_ips == ()
    bench.reach(replace(_routed(), routers=()))
    found = bench.driver.found()
    assert (found.router_ids, found.routers, found.metadata) == ((), (), ())
    assert bench.driver.inventory().routers == ()
    bench.driver.apply(steps.RemoveRouter(router_id=uid("r1")))


def test_a_router_without_a_bridge_of_its_networks_is_not_found(bench: Bench) -> None:
    planned = plan(_routed(), bench.driver.found(), bench.physical)
    router_step = next(step for step in planned.steps if isinstance(step, steps.EnsureRouter))
    with pytest.raises(NotFound):
        bench.driver.apply(router_step)
    bench.driver.apply(steps.RemoveRouter(router_id=uid("r1")))
    assert bench.driver.found().router_ids == ()


def test_a_vlan_is_found_as_it_was_wanted_and_goes_with_its_network(bench: Bench) -> None:
    vlan = network("net", "10.77.0.0/24", dhcp=False, kind="vlan", segmentation_id=77, physical_network="physnet1")
    assert steps.EnsureVlan in {type(step) for step in bench.reach(wish((vlan,)))}
    assert bench.reach(wish((vlan,))) == []
    assert bench.driver.inventory().tunnels == (vlan_name(NET),)
    assert {type(step) for step in bench.reach(wish((replace(vlan, segmentation_id=78),)))} == {steps.EnsureVlan}
    bench.reach(wish())
    assert (bench.driver.found().vlans, bench.driver.inventory().tunnels) == ((), ())


def test_a_tunnel_is_found_as_it_was_wanted_and_goes_with_its_network(bench: Bench) -> None:
    there = port("there", "net", 5, "10.77.0.15")
    net = tunnelled("net", "10.77.0.0/24", ZONE, "198.18.0.1", {"198.18.0.2": (there,)})
    assert steps.EnsureTunnel in {type(step) for step in bench.reach(wish((net,)))}
    assert bench.reach(wish((net,))) == []
    assert bench.driver.inventory().tunnels == (tunnel_name(NET),)
    assert net.tunnel is not None
    alone = replace(net, tunnel=replace(net.tunnel, remotes=(), peers=("198.18.0.3",)))
    assert bench.reach(wish((alone,)))
    assert bench.driver.found().tunnels[0].peers == ("198.18.0.3",)
    bench.reach(wish())
    assert (bench.driver.found().tunnels, bench.driver.inventory().tunnels) == ((), ())
