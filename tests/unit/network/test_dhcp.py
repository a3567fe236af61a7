"""Where DHCP servers run, and that they move when their host dies (F-72)."""

from __future__ import annotations

from iaas.clock import ManualClock
from iaas.db import services
from iaas.db.engine import Database
from iaas.db.network import hosts
from iaas.model.network import Network
from iaas.model.port import DHCP_OWNER, Port
from iaas.network.controller import Controller
from tests.unit.network.fleet import Fleet


def server_of(fleet: Fleet, net: Network) -> Port | None:
    found = [port for port in fleet.ports() if port.network_id == net.id and port.device_owner == DHCP_OWNER]
    assert len(found) <= 1
    return found[0] if found else None


def host_of(fleet: Fleet, net: Network) -> str | None:
    with fleet.database.read() as tx:
        placed = hosts.dhcp_host(tx, net.id)
    server = server_of(fleet, net)
    assert placed == (server.host if server else None)
    return placed


def repair(fleet: Fleet) -> list[str]:
    return Controller(fleet.database, fleet.settings, lambda tx, servers: None).repair()


def test_networks_are_spread_over_the_living(database: Database) -> None:
    fleet = Fleet(database, "h1", "h2", "h3")
    placed = [host_of(fleet, fleet.network()) for _ in range(6)]
    assert sorted(placed) == ["h1", "h1", "h2", "h2", "h3", "h3"]  # type: ignore[type-var]


def test_a_dead_hosts_networks_move_and_keep_their_address_f72(database: Database, clock: ManualClock) -> None:
    fleet = Fleet(database, "h1", "h2")
    nets = [fleet.network() for _ in range(4)]
    before = {net.id: server_of(fleet, net) for net in nets}
    clock.advance(11)
    fleet.beat("h2")
    fleet.rung.clear()
    assert len(repair(fleet)) == 2
    for net in nets:
        server, old = server_of(fleet, net), before[net.id]
        assert host_of(fleet, net) == "h2"
        assert server and old and (server.id, server.mac, server.fixed_ips) == (old.id, old.mac, old.fixed_ips)
    assert {"h1", "h2"} <= set(fleet.rung)
    assert repair(fleet) == []


def test_nothing_moves_while_nobody_is_well(database: Database, clock: ManualClock) -> None:
    fleet = Fleet(database, "h1")
    net = fleet.network()
    clock.advance(60)
    assert repair(fleet) == []
    assert host_of(fleet, net) == "h1"


def test_a_network_made_before_any_agent_gets_its_server_later(database: Database) -> None:
    fleet = Fleet(database)
    net = fleet.network()
    assert host_of(fleet, net) is None
    fleet.beat("h9")
    assert repair(fleet) == [net.id]
    assert host_of(fleet, net) == "h9"


def test_a_local_network_is_served_where_its_first_guest_is(database: Database) -> None:
    fleet = Fleet(database, "h1", "h2")
    net = fleet.network(kind="local")
    assert host_of(fleet, net) == "h1"
    server, _ = fleet.allocate(net)
    fleet.database.run(lambda tx: fleet.facade.bind(tx, server, "h2"))
    assert host_of(fleet, net) == "h2"
    second, _ = fleet.allocate(net)
    fleet.database.run(lambda tx: fleet.facade.bind(tx, second, "h1"))
    assert host_of(fleet, net) == "h2"


def test_a_flat_networks_server_stays_where_it_is(database: Database) -> None:
    fleet = Fleet(database, "h1", "h2")
    net = fleet.network(kind="flat", physical_network="physnet1")
    server, _ = fleet.allocate(net)
    fleet.database.run(lambda tx: fleet.facade.bind(tx, server, "h2"))
    assert host_of(fleet, net) == "h1"


def test_a_full_subnet_is_served_all_the_same(database: Database) -> None:
    fleet = Fleet(database, "h1")
    net = fleet.network(cidr=None)
    subnet = fleet.subnet(net, cidr="10.0.0.0/30", enable_dhcp=False)
    fleet.port(net)
    from iaas.network import subnets

    fleet.database.run(lambda tx: subnets.update(tx, fleet.settings, subnet, {"enable_dhcp": True}))
    server = server_of(fleet, net)
    assert server is not None
    assert server.fixed_ips == ()


def test_nothing_moves_for_a_silence_that_is_the_brokers_c11(database: Database, clock: ManualClock) -> None:
    """While no conductor's beat comes through, nobody is judged: the first to be heard again would get everything."""
    fleet = Fleet(database, "h1", "h2")
    database.run(lambda tx: services.touch(tx, "iaas-conductor", "c1", "boot", 1, 1))
    nets = [fleet.network() for _ in range(2)]
    before = [host_of(fleet, net) for net in nets]
    clock.advance(60)
    fleet.beat("h2")
    assert repair(fleet) == []
    assert [host_of(fleet, net) for net in nets] == before
