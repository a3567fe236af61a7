"""What a host is told of the others on a tunnelled network (A-116, A-123): who they are, and what is behind them."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from iaas.db import services
from iaas.db.engine import Database
from iaas.model.network import Network
from iaas.model.port import DHCP_OWNER
from iaas.model.wiring import NetworkWiring, TunnelWiring
from iaas.network.controller import Controller
from tests.unit.network.fleet import BOB, Fleet

ENDS = {"h1": "192.0.2.1", "h2": "192.0.2.2", "h3": "192.0.2.3"}


@pytest.fixture
def fleet(database: Database) -> Fleet:
    fleet = Fleet(database)
    for host, address in ENDS.items():
        fleet.database.run(lambda tx, at=(host, address): services.touch(tx, "iaas-network", at[0], "b", 1, 1, at[1]))
    return fleet


def boot(fleet: Fleet, net: Network, host: str, quiet: bool = False) -> tuple[str, str]:
    server, [port] = fleet.allocate(net)
    if quiet:
        fleet.rung.clear()
    fleet.database.run(lambda tx: fleet.facade.bind(tx, server, host))
    return server, port.id


def seen(fleet: Fleet, host: str, net: Network) -> NetworkWiring:
    wish = Controller(fleet.database, fleet.settings, lambda tx, servers: None).wiring(host)
    [network] = [network for network in wish.networks if network.id == net.id]
    return network


def tunnel(fleet: Fleet, host: str, net: Network) -> TunnelWiring:
    found = seen(fleet, host, net).tunnel
    assert found is not None
    return found


def test_each_host_knows_the_ports_of_the_others_and_where_they_are(fleet: Fleet) -> None:
    net = fleet.network()
    ports = {host: fleet.get(boot(fleet, net, host)[1]) for host in ("h1", "h2")}
    [server] = [port for port in fleet.ports() if port.device_owner == DHCP_OWNER]
    assert server.host == "h1"
    there = tunnel(fleet, "h2", net)
    assert there.peers == (ENDS["h1"],)
    assert {(remote.mac, remote.ips, remote.address) for remote in there.remotes} == {
        (port.mac, tuple(fixed.ip for fixed in port.fixed_ips), ENDS["h1"]) for port in (ports["h1"], server)
    }
    assert [remote.mac for remote in tunnel(fleet, "h1", net).remotes] == [ports["h2"].mac]


def test_the_segment_travels_with_the_network(fleet: Fleet) -> None:
    net = fleet.network()
    boot(fleet, net, "h2")
    wiring = seen(fleet, "h2", net)
    assert (wiring.kind, wiring.mtu) == ("vxlan", 1450)
    assert 1001 <= (wiring.segmentation_id or 0) <= 65535


def test_networks_of_one_host_have_no_tunnel(fleet: Fleet) -> None:
    net = fleet.network(kind="flat", physical_network="physnet1")
    boot(fleet, net, "h1")
    boot(fleet, net, "h2")
    assert seen(fleet, "h1", net).tunnel is None


def test_a_host_that_has_told_no_address_is_left_out_until_it_does(fleet: Fleet) -> None:
    net = fleet.network()
    fleet.beat("h4")
    boot(fleet, net, "h4")
    assert tunnel(fleet, "h1", net).peers == ()
    fleet.database.run(lambda tx: services.touch(tx, "iaas-network", "h4", "boot", 1, 1, "192.0.2.4"))
    assert tunnel(fleet, "h1", net).peers == ("192.0.2.4",)


def test_hosts_of_a_network_are_rung_when_a_port_comes_or_goes_elsewhere(fleet: Fleet) -> None:
    net, other = fleet.network(), fleet.network(BOB)
    boot(fleet, net, "h2")
    fleet.rung.clear()
    server, _ = boot(fleet, net, "h3")
    assert {"h1", "h2", "h3"} == set(fleet.rung)
    fleet.rung.clear()
    fleet.database.run(lambda tx: fleet.facade.unbind(tx, server))
    assert {"h1", "h2", "h3"} == set(fleet.rung)
    boot(fleet, net, "h3")
    fleet.rung.clear()
    server, _ = boot(fleet, net, "h3", quiet=True)
    assert set(fleet.rung) == {"h1", "h3"}  # what h2 has not heard of is flooded to it
    fleet.rung.clear()
    fleet.database.run(lambda tx: fleet.facade.release(tx, server))
    assert {"h1", "h2", "h3"} == set(fleet.rung)  # what went must not be answered for
    fleet.rung.clear()
    server, [_] = fleet.allocate(other, context=BOB)
    fleet.database.run(lambda tx: fleet.facade.bind(tx, server, "h1"))
    assert set(fleet.rung) == {"h1", "h2"}  # the guest's and the DHCP server's


def test_a_port_that_moves_is_told_at_both_its_hosts(fleet: Fleet) -> None:
    net = fleet.network()
    boot(fleet, net, "h3")
    server, port = boot(fleet, net, "h1")
    mac = fleet.get(port).mac
    fleet.database.run(lambda tx: fleet.facade.bind_also(tx, server, "h2"))

    def place(host: str) -> list[str]:
        return [remote.address for remote in tunnel(fleet, host, net).remotes if remote.mac == mac]

    assert place("h3") == [ENDS["h1"], ENDS["h2"]]
    assert (place("h1"), place("h2")) == ([ENDS["h2"]], [ENDS["h1"]])
    assert tunnel(fleet, "h3", net).peers == (ENDS["h1"], ENDS["h2"])
    assert ENDS["h2"] in tunnel(fleet, "h1", net).peers
    fleet.database.run(lambda tx: fleet.facade.activate(tx, server, "h2"))
    assert place("h3") == place("h1") == [ENDS["h2"]]
    assert place("h2") == []


def test_a_dhcp_server_that_moves_is_known_to_have_moved(fleet: Fleet) -> None:
    net = fleet.network()
    boot(fleet, net, "h3")
    fleet.beat("h2")
    with fleet.database.read() as tx:
        [agent] = services.all_of(tx, "iaas-network", "h1")
    fleet.database.run(lambda tx: services.change(tx, agent.id, {"forced_down": True}))
    fleet.rung.clear()
    Controller(fleet.database, fleet.settings, lambda tx, servers: None).repair()
    assert {"h1", "h3"} <= set(fleet.rung)


def test_tunnels_cost_the_same_number_of_queries_for_few_ports_and_for_many(fleet: Fleet) -> None:
    statements: list[str] = []
    net = fleet.network()
    boot(fleet, net, "h1")
    boot(fleet, net, "h2")
    event.listen(fleet.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def cost() -> int:
        statements.clear()
        tunnel(fleet, "h1", net)
        return len(statements)

    few = cost()
    for _ in range(5):
        boot(fleet, net, "h2")
        boot(fleet, fleet.network(), "h3")
    assert cost() == few
