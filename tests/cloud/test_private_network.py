"""A private network, a router and a floating IP through the whole cloud in one process. A-116 … A-118, A-123, C-24."""

from __future__ import annotations

import pytest

from iaas import failpoints
from iaas.db.network import hosts as hosts_db
from iaas.model.server import State
from iaas.model.wiring import tunnel_name
from tests.cloud.harness import Cloud, arm, every
from tests.cloud.servers import boot, delete, order
from tests.cloud.sites import Site, network, other_project


@pytest.fixture
def site(cloud: Cloud) -> Site:
    return Site(cloud)


def run(cloud: Cloud, rounds: int = 6) -> None:
    for _ in range(rounds):
        cloud.tick()


def kinds(cloud: Cloud, server_id: str) -> list[tuple[str, str]]:
    with cloud.database.read() as tx:
        return [(address.kind, address.ip) for address in cloud.network.addresses(tx, [server_id])[server_id]]


def test_two_servers_on_two_hosts_share_a_network_over_a_tunnel(cloud: Cloud) -> None:
    net = network(cloud)
    servers = [boot(cloud, net) for _ in range(2)]
    assert {cloud.server(server).host for server in servers} == {"host1", "host2"}
    for host in cloud.hosts.values():
        assert tunnel_name(net) in host.network.inventory().tunnels
        [wished] = [item for item in cloud.controller.wiring(host.name).networks if item.id == net]
        assert wished.tunnel is not None
        assert wished.tunnel.peers == tuple(other.address for other in cloud.hosts.values() if other is not host)
    assert cloud.audit() == []
    for server in servers:
        delete(cloud, server)
    cloud.settle()
    assert cloud.audit() == []


def test_two_projects_use_the_same_addresses_and_never_meet(cloud: Cloud) -> None:
    mine, theirs = network(cloud), network(cloud, context=other_project(cloud))
    server = boot(cloud, mine)
    assert cloud.server(server).state is State.ACTIVE
    wishes = [cloud.controller.wiring(host) for host in cloud.hosts]
    numbers = {net.id: net.segmentation_id for wish in wishes for net in wish.networks}
    zones = {net.id: net.zone for wish in wishes for net in wish.networks}
    assert set(numbers) == {mine, theirs}
    assert len(set(numbers.values())) == len(set(zones.values())) == 2
    assert cloud.audit() == []


def test_a_floating_ip_comes_moves_and_goes(cloud: Cloud, site: Site) -> None:
    first, second = boot(cloud, site.private), boot(cloud, site.private)
    floating = site.floating(first)
    address = site.get(floating).ip
    run(cloud)
    assert site.router.status == site.get(floating).status == "ACTIVE"
    assert site.in_force() == {(site.router.host, address)}
    assert ("floating", address) in kinds(cloud, first)
    assert cloud.audit() == []
    site.lead(floating, second)
    run(cloud)
    assert ("floating", address) not in kinds(cloud, first)
    assert ("floating", address) in kinds(cloud, second)
    delete(cloud, second)
    cloud.settle()
    assert (site.get(floating).port_id, site.get(floating).status) == (None, "DOWN")
    assert site.in_force() == set()
    assert cloud.audit() == []


def test_everything_can_be_taken_away_again(cloud: Cloud, site: Site) -> None:
    server = boot(cloud, site.private)
    site.floating(server)
    run(cloud)
    delete(cloud, server)
    cloud.settle()
    site.remove()
    run(cloud)
    for host in cloud.hosts.values():
        inventory = host.network.inventory()
        assert (inventory.routers, inventory.namespaces, inventory.tunnels, inventory.bridges) == ((), (), (), ())
    assert cloud.audit() == []


def test_a_dead_hosts_router_is_taken_over_and_put_down_when_the_host_comes_back_f73(cloud: Cloud, site: Site) -> None:
    server = boot(cloud, site.private)
    floating = site.floating(server)
    run(cloud)
    old = site.router.host
    assert old
    cloud.hosts[old].wired = False  # its network agent dies; what it made stays
    run(cloud, 10)
    new = site.router.host
    assert new not in (old, None)
    assert site.router.status == "ACTIVE"
    address = site.get(floating).ip
    assert (new, address) in site.in_force()
    cloud.hosts[old].wired = True
    run(cloud)
    assert site.in_force() == {(new, address)}
    assert cloud.audit() == []


@pytest.mark.parametrize("point", every("network."))
def test_wherever_an_agent_dies_a_floating_ip_comes_and_goes(cloud: Cloud, site: Site, point: str) -> None:
    server = boot(cloud, site.private)
    arm(point)
    floating = site.floating(server)
    run(cloud, 8)
    failpoints.disarm()
    run(cloud)
    assert site.get(floating).status == "ACTIVE"
    assert site.in_force() == {(site.router.host, site.get(floating).ip)}
    arm(point)
    site.lead(floating, None)
    run(cloud, 8)
    failpoints.disarm()
    run(cloud)
    assert site.in_force() == set()
    assert cloud.audit() == []


def test_a_server_waits_for_the_host_that_serves_its_network_c24(cloud: Cloud) -> None:
    net = network(cloud)
    run(cloud)
    with cloud.database.read() as tx:
        serving = hosts_db.dhcp_host(tx, net)
    assert serving
    cloud.hosts[serving].loop.round = lambda: True  # type: ignore[method-assign]  alive, and does nothing
    server = order(cloud, net)
    for _ in range(4):
        cloud.tick()
    assert cloud.server(server).state is State.BUILDING
    cloud.hosts[serving].restart()
    cloud.settle()
    assert cloud.server(server).state is State.ACTIVE
