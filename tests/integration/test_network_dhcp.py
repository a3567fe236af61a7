"""A network on a real host: addresses by DHCP from a real client, leases that come and go, repair,
removal."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from iaas.host import netns
from iaas.model.wiring import HostWiring, bridge_name, dhcp_namespace, tap_name
from tests.integration.network_rig import Rig, eventually, missing
from tests.unit.network.wishes import ZONE, network, port, small, uid, wish

pytestmark = [pytest.mark.root, pytest.mark.skipif(missing() is not None, reason=str(missing()))]
NET = uid("net")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path, small(1, 2))
    yield rig
    rig.clear()


def _pid(rig: Rig) -> int:
    return int((rig.settings.state_dir / NET / "pid").read_text())


def test_a_guest_gets_its_address_routes_mtu_and_name_and_its_port_is_reported(rig: Rig) -> None:
    assert rig.loop.round()
    first = rig.controller.wish.ports[0]
    assert rig.controller.told() == {item.id: 1 for item in rig.controller.wish.ports}
    guest = rig.guest(first, bridge_name(NET))
    given = guest.lease(rig.directory)
    assert given is not None
    assert given["ip"] == "10.77.0.11"
    assert given["mtu"] == "1450"
    assert given["name"] == "host-10-77-0-11"
    assert given["dns"] == "10.77.0.2"
    routes = guest.run("ip", "route")[1]
    assert "169.254.169.254 via 10.77.0.2" in routes
    assert "default via 10.77.0.1" in routes
    assert guest.pings("10.77.0.2")
    assert rig.driver.inventory().leases == ((NET, first.mac, "10.77.0.11"),)


def test_a_removed_port_leaves_no_lease_and_its_address_is_usable_at_once(rig: Rig) -> None:
    """F-77"""
    rig.loop.round()
    first = rig.controller.wish.ports[0]
    guest = rig.guest(first, bridge_name(NET))
    assert guest.lease(rig.directory)
    guest.remove()
    heir = replace(first, id=uid("heir"), mac="fa:16:3e:00:aa:aa")
    rig.controller.wish = wish(
        (network("net", "10.77.0.0/24", (heir,), zone=ZONE),), (heir,), rig.controller.wish.groups
    )
    rig.loop.look()
    assert rig.loop.round()
    assert rig.driver.inventory().leases == ()
    given = rig.guest(heir, bridge_name(NET)).lease(rig.directory)
    assert given is not None
    assert given["ip"] == "10.77.0.11"


def test_a_killed_dhcp_server_is_back_at_the_next_patrol_with_its_leases(rig: Rig) -> None:
    """F-71, also while the controller does not answer"""
    rig.loop.round()
    guest = rig.guest(rig.controller.wish.ports[0], bridge_name(NET))
    assert guest.lease(rig.directory)
    before = _pid(rig)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: not rig.driver.inventory().dnsmasq, what="death of dnsmasq")
    rig.controller.error = TimeoutError("no controller")
    assert rig.loop.round()
    assert _pid(rig) != before
    assert rig.driver.inventory().dnsmasq == (NET,)
    assert rig.driver.inventory().leases != ()
    given = guest.lease(rig.directory)
    assert given is not None
    assert given["ip"] == "10.77.0.11"


def test_a_restarted_agent_with_an_unchanged_wish_touches_nothing(rig: Rig) -> None:
    """F-75"""
    rig.loop.round()
    before = _pid(rig)
    rig.restart()
    steps: list[str] = []
    apply = rig.driver.apply
    rig.driver.apply = lambda step: (steps.append(type(step).__name__), apply(step))[1]  # type: ignore[method-assign]
    assert rig.loop.round()
    assert steps == ["ServeMetadata"]  # the sockets were the old process's own
    assert _pid(rig) == before
    assert rig.controller.reports[-1].wired == rig.controller.reports[0].wired


@pytest.mark.parametrize("drift", ["namespace", "bridge", "nft", "mtu", "address", "veth"])
def test_what_somebody_destroys_by_hand_is_repaired_at_the_next_look(rig: Rig, drift: str) -> None:
    """F-74"""
    rig.loop.round()
    guest = rig.guest(rig.controller.wish.ports[0], bridge_name(NET))
    name, inner = dhcp_namespace(NET), "ns-" + uid("net-dhcp")[:11]
    table = f"iaas_{rig.settings.mark}"
    commands = {
        "namespace": ["ip", "netns", "delete", name],
        "bridge": ["ip", "link", "delete", bridge_name(NET)],
        "nft": ["nft", "flush", "table", "inet", table],
        "mtu": ["ip", "-n", name, "link", "set", inner, "mtu", "1300"],
        "address": ["ip", "-n", name, "address", "flush", "dev", inner],
        "veth": ["ip", "link", "delete", "dp-" + uid("net-dhcp")[:11]],
    }
    rig.runner.run(commands[drift], timeout=10)
    rig.settle()
    given = guest.lease(rig.directory)
    assert given is not None
    assert given["ip"] == "10.77.0.11"
    assert guest.pings("10.77.0.2")
    listing = rig.runner.run(["nft", "list", "table", "inet", table], timeout=10).stdout
    assert "egress_hook" in listing
    assert "counter packets" in listing


def test_an_unwanted_network_is_removed_only_when_it_is_missing_twice(rig: Rig) -> None:
    """C-12, C-13; afterwards nothing at all is left (I-16)"""
    rig.loop.round()
    pid = _pid(rig)
    rig.controller.wish = wish()
    rig.loop.look()
    rig.loop.round()
    assert bridge_name(NET) in rig.ip("-br", "link")
    rig.settle()
    assert bridge_name(NET) not in rig.ip("-br", "link")
    assert "dp-" + uid("net-dhcp")[:11] not in rig.ip("-br", "link")
    assert dhcp_namespace(NET) not in netns.names()
    assert not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes()
    assert sorted(path.name for path in rig.settings.state_dir.rglob("*")) == ["filter.json", "routers"]
    inventory = rig.driver.inventory()
    assert (inventory.bridges, inventory.namespaces, inventory.filtered_ports) == ((), (), ())


def test_things_of_another_agent_and_of_nobody_are_never_touched(rig: Rig, tmp_path: Path) -> None:
    other = Rig(tmp_path / "other", small(1, name="other-net", zone=ZONE + 90, cidr="10.78.0.0/24"))
    stray = "brq" + uid("nobody")[:11]
    try:
        other.loop.round()
        rig.loop.round()
        rig.ip("link", "add", stray, "type", "bridge")
        rig.controller.wish = wish()
        rig.settle()
        other.loop.look()
        assert other.loop.round()
        assert bridge_name(uid("other-net")) in rig.ip("-br", "link")
        assert other.driver.found().filter_in_force
        assert stray in rig.ip("-br", "link")
        guest = other.guest(other.controller.wish.ports[0], bridge_name(uid("other-net")))
        assert guest.lease(other.directory)
    finally:
        other.clear()
        rig.ip("link", "delete", stray)


def test_one_network_that_cannot_be_wired_does_not_stop_the_others(rig: Rig) -> None:
    """S-087"""
    flat = network("flat", "10.80.0.0/24", kind="flat", physical_network="nowhere", dhcp=False)
    lost = port("lost", "flat", 99, "10.80.0.10", "default")
    good = rig.controller.wish
    rig.controller.wish = HostWiring(networks=(flat, *good.networks), ports=(lost, *good.ports), groups=good.groups)
    assert not rig.loop.round()
    assert rig.controller.told() == {item.id: 1 for item in good.ports}


def test_a_flat_network_uses_the_operators_bridge_and_leaves_it_standing(rig: Rig) -> None:
    bridge = rig.physical["physnet1"]
    rig.ip("link", "add", bridge, "type", "bridge")
    rig.ip("link", "set", bridge, "up")
    rig.ip("address", "add", "10.81.0.1/24", "dev", bridge)
    member = port("flat-1", "flat", 7, "10.81.0.10", "default")
    flat = network("flat", "10.81.0.0/24", (member,), kind="flat", physical_network="physnet1", zone=ZONE + 90)
    rig.controller.wish = wish((flat,), (member,), rig.controller.wish.groups)
    rig.settle()
    guest = rig.guest(member, bridge)
    assert guest.lease(rig.directory)
    host = rig.runner.run(["busybox", "ping", "-c", "1", "-W", "2", "10.81.0.10"], timeout=10, ok_codes=(0, 1))
    assert host.code == 0, "the host may reach its guests of a flat network"
    assert not guest.pings("10.81.0.1"), "S-082: a guest may not reach the host"
    guest.remove()
    rig.controller.wish = wish()
    rig.settle()
    assert bridge in rig.ip("-br", "link")
    assert tap_name(member.id) not in rig.driver.inventory().filtered_ports
