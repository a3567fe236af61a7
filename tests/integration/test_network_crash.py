"""The agent dies at every named point of its work; the next one finishes it and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from iaas import failpoints
from iaas.errors import Internal, NotFound
from iaas.host import netlink, netns
from iaas.host.exec import Runner
from iaas.model.wiring import HostWiring, bridge_name, vlan_name
from iaas.network.agent.plan import plan
from tests.integration.network_host import Host, Site
from tests.integration.network_rig import Rig, eventually, missing
from tests.unit.network.wishes import ZONE, network, outside, port, router, small, tunnelled, uid, wish

pytestmark = [pytest.mark.root, pytest.mark.skipif(missing() is not None, reason=str(missing()))]
NET = uid("net")
OURS = {"brq", "tap", "vx-", "dp-", "rp-", "vl-", "vp-"}
HERE, THERE = "198.18.0.1", "198.18.0.2"
EBPF = {"network.agent.after_vlan_tag", "network.agent.after_vlan_untag"}  # where the kernel lacks 8021q
POINTS = [point for point in failpoints.points() if point.startswith("network.agent.")]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    site = Site(tmp_path)
    yield site.host()
    site.clear()


def _wanted(*numbers: int, floating: bool = False) -> HostWiring:
    """A VXLAN network with DHCP, ports here, one on another host, and a router to the outside."""
    local = small(*numbers)
    far = port("far", "net", 99, "10.77.0.99", "default")
    net = tunnelled("net", "10.77.0.0/24", 77, HERE, {HERE: local.ports, THERE: (far,)}, dhcp_on=HERE)
    leads = {"203.0.113.50": "10.77.0.11"} if floating else {}
    r1 = router("r1", ("net", "10.77.0.1"), gateway="203.0.113.10", floating=leads)
    vlan = network(
        "vlan", "10.5.0.0/24", dhcp=False, kind="vlan", segmentation_id=100, physical_network="physnet1", zone=ZONE + 9
    )
    return replace(local, networks=(net, outside(), vlan), routers=(r1,))


def _reach(rig: Rig, wanted: HostWiring) -> bool:
    """Until all is as wanted, with a new agent after every death; whether one died."""
    rig.controller.wish = wanted
    died = False
    for _ in range(3):
        try:
            rig.settle()
        except failpoints.Crash:
            died = True
            rig.restart()
        else:
            assert plan(wanted, rig.driver.found(), rig.physical).steps == ()
            return died
    raise AssertionError("it dies again and again")


@pytest.mark.parametrize("point", POINTS)
def test_a_death_at_any_point_is_made_good_by_the_next_agent(host: Host, point: str) -> None:
    host.run(_dies_at, point)


def _dies_at(rig: Rig, point: str) -> None:
    failpoints.arm(f"{point}=crash")
    died = [_reach(rig, _wanted(1, 2, floating=True))]
    guest = rig.guest(_wanted(1, 2).ports[1], bridge_name(NET))
    assert guest.lease(rig.directory)
    guest.remove()
    by_kernel = netlink.links()[vlan_name(uid("vlan"))].kind == "vlan"
    died.append(_reach(rig, _wanted(1)))
    inventory = rig.driver.inventory()
    assert (inventory.leases, inventory.floating_ips, inventory.routers) == ((), (), (uid("r1"),))
    died.append(_reach(rig, wish()))
    assert any(died) or (by_kernel and point in EBPF), "the point was never reached"
    assert {name for name in netlink.links() if name[:3] in OURS} == set()
    assert [name for name in netns.names() if not name.startswith("gst-")] == []
    assert sorted(path.name for path in rig.settings.state_dir.rglob("*")) == ["filter.json", "routers"]
    eventually(lambda: not _servers(rig), what="the end of dnsmasq")


def _servers(rig: Rig) -> list[str]:
    """Live processes with a file of this rig on their command line."""
    mark = str(rig.settings.state_dir).encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in path.read_bytes():
                found.append(str(path))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_a_namespace_is_entered_by_one_thread_only_and_errors_come_back() -> None:
    runner, name = Runner(), f"t-{uid('ns')[:8]}"
    host = netns.identity("/proc/self/ns/net")
    with pytest.raises(NotFound):
        netns.inside(name, lambda: None)
    netns.create(runner, name)
    try:
        netns.create(runner, name)
        assert netns.inside(name, lambda: netns.identity("/proc/thread-self/ns/net")) == netns.identity(name)
        assert netns.identity("/proc/thread-self/ns/net") == host
        assert netns.identity(name) != host
        with pytest.raises(Internal, match="from inside"):
            netns.inside(name, _fail)
        assert name in netns.names()
    finally:
        netns.delete(runner, name)
        netns.delete(runner, name)
    assert name not in netns.names()
    assert netns.identity(name) is None


def _fail() -> None:
    raise Internal("from inside")
