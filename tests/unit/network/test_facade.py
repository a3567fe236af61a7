"""What compute and conductor rely on: allocate, bind, wired, unbind, release; each may be repeated."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from iaas.db.engine import Database
from iaas.db.network import usage
from iaas.db.quotas import usage as counters
from iaas.errors import Conflict, Forbidden, Invalid, QuotaExceeded
from iaas.ids import new_uuid
from iaas.model.network import NetworkRequest
from iaas.model.wiring import WiringReport, bridge_name, tap_name
from iaas.network.controller import Controller
from tests.unit.network.fleet import ADMIN, ALICE, BOB, Fleet


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database, "h1")


def report(fleet: Fleet, host: str, *ports: Any, served: bool | None = None) -> list[str]:
    """The agent of the host reports the ports: wired and served, or one of the two."""
    woken: list[str] = []
    controller = Controller(fleet.database, fleet.settings, lambda tx, servers: woken.extend(servers))
    told = tuple((port.id, port.revision) for port in ports)
    controller.wired(WiringReport(host=host, wired=() if served else told, served=() if served is False else told))
    return woken


def bind(fleet: Fleet, server: str, host: str) -> Any:
    return fleet.database.run(lambda tx: fleet.facade.bind(tx, server, host))


def wired(fleet: Fleet, server: str) -> bool:
    with fleet.database.read() as tx:
        return fleet.facade.wired(tx, server)


def test_a_server_gets_its_interfaces_in_the_order_asked_for(fleet: Fleet) -> None:
    nets = [fleet.network(cidr=f"10.{n}.0.0/24") for n in range(4)]
    server, ports = fleet.allocate(*reversed(nets))
    assert [port.network_id for port in ports] == [net.id for net in reversed(nets)]
    assert all(port.server_id == port.device_id == server and port.made_for_server for port in ports)
    assert [nic.port_id for nic in bind(fleet, server, "h1")] == [port.id for port in ports]


def test_allocating_again_gives_the_same_ports_and_takes_nothing_more(fleet: Fleet) -> None:
    net = fleet.network()
    server, ports = fleet.allocate(net)
    again = fleet.database.run(
        lambda tx: fleet.facade.allocate(tx, ALICE, server, (NetworkRequest(network_id=net.id),))
    )
    assert [port.id for port in again] == [port.id for port in ports]
    with fleet.database.read() as tx:
        assert counters(tx, "p-alice")["ports"] == 1 == usage.counted(tx)[("p-alice", "ports")]


def test_a_nic_names_the_devices_that_the_agent_wires(fleet: Fleet) -> None:
    local, flat = fleet.network(), fleet.network(kind="flat", physical_network="physnet1", cidr="10.8.0.0/24")
    server, ports = fleet.allocate(local, flat)
    nics = bind(fleet, server, "h1")
    assert [nic.tap for nic in nics] == [tap_name(port.id) for port in ports]
    assert [nic.bridge for nic in nics] == [bridge_name(local.id), "br-ex"]
    assert [nic.mtu for nic in nics] == [1450, 1500]  # VXLAN takes fifty bytes of a frame


def test_ports_are_down_until_the_agent_reports_exactly_what_is_wished_c24(fleet: Fleet) -> None:
    server, _ = fleet.allocate(fleet.network())
    assert not wired(fleet, server)
    bind(fleet, server, "h1")
    assert not wired(fleet, server)
    [port] = [port for port in fleet.ports() if port.server_id == server]
    assert report(fleet, "elsewhere", port) == []
    assert not wired(fleet, server)
    assert report(fleet, "h1", port) == [server]
    assert wired(fleet, server)
    assert report(fleet, "h1", port) == []  # nobody is woken twice


def test_a_port_is_active_when_its_host_and_the_dhcp_host_have_this_revision_c24(fleet: Fleet) -> None:
    server, _ = fleet.allocate(fleet.network())  # h1 serves the network
    bind(fleet, server, "h2")
    [port] = [port for port in fleet.ports() if port.server_id == server]
    assert report(fleet, "h2", port, served=False) == []
    assert report(fleet, "h2", port, served=True) == []  # it is not h2 that serves the network
    assert not wired(fleet, server)
    assert report(fleet, "h1", port, served=True) == [server]
    assert wired(fleet, server)


@pytest.mark.parametrize("subnet", [None, "10.0.0.0/24"])
def test_a_port_without_an_address_of_dhcp_waits_for_nobody_who_serves(fleet: Fleet, subnet: str | None) -> None:
    net = fleet.network(cidr=None)
    if subnet:
        fleet.subnet(net, cidr=subnet, enable_dhcp=False)
    port = fleet.port(net, host="h1")
    assert port.status == "DOWN"
    report(fleet, "h1", port, served=False)
    assert fleet.get(port.id).status == "ACTIVE"


def also(fleet: Fleet, server: str, host: str) -> bool:
    with fleet.database.read() as tx:
        return fleet.facade.wired_also(tx, server, host)


def test_during_a_live_migration_the_ports_are_wired_on_both_hosts_and_stay_active(fleet: Fleet) -> None:
    fleet.beat("h2")
    server, _ = fleet.allocate(fleet.network())
    bind(fleet, server, "h1")
    report(fleet, "h1", *fleet.facade_ports(server))
    before = fleet.facade_ports(server)
    fleet.rung.clear()
    nics = fleet.database.run(lambda tx: fleet.facade.bind_also(tx, server, "h2"))
    assert nics == fleet.database.run(lambda tx: fleet.facade.bind_also(tx, server, "h2"))  # may be repeated
    assert {"h1", "h2"} <= set(fleet.rung)
    assert wired(fleet, server)
    assert not also(fleet, server, "h2")
    [port] = fleet.facade_ports(server)
    assert (port.host, port.next_host, port.revision) == ("h1", "h2", before[0].revision + 1)
    assert report(fleet, "h2", *before, served=False) == []  # an older revision
    assert report(fleet, "h2", port, served=False) == [server]
    assert also(fleet, server, "h2")
    for _ in range(2):
        fleet.database.run(lambda tx: fleet.facade.activate(tx, server, "h2"))
        [port] = fleet.facade_ports(server)
        assert (port.host, port.next_host, port.status) == ("h2", None, "ACTIVE")
    assert also(fleet, server, "h2")


def test_a_live_migration_that_fails_leaves_the_ports_where_they_were(fleet: Fleet) -> None:
    server, _ = fleet.allocate(fleet.network())
    bind(fleet, server, "h1")
    report(fleet, "h1", *fleet.facade_ports(server))
    fleet.database.run(lambda tx: fleet.facade.bind_also(tx, server, "h2"))
    fleet.rung.clear()
    fleet.database.run(lambda tx: fleet.facade.unbind_also(tx, server))
    assert "h2" in fleet.rung
    [port] = fleet.facade_ports(server)
    assert (port.host, port.next_host, port.status) == ("h1", None, "ACTIVE")


def test_a_guest_on_a_host_that_never_wired_its_ports_has_none_that_are_active(fleet: Fleet) -> None:
    """An evacuation is bind; activate without a report of the new host must not pretend."""
    server, _ = fleet.allocate(fleet.network())
    bind(fleet, server, "h1")
    report(fleet, "h1", *fleet.facade_ports(server))
    fleet.database.run(lambda tx: fleet.facade.activate(tx, server, "h2"))
    [port] = fleet.facade_ports(server)
    assert (port.host, port.status) == ("h2", "DOWN")
    report(fleet, "h2", port, served=False)
    report(fleet, "h1", port, served=True)
    assert wired(fleet, server)


def test_a_stale_report_makes_nothing_active(fleet: Fleet) -> None:
    server, [before] = fleet.allocate(fleet.network())
    bind(fleet, server, "h1")
    assert report(fleet, "h1", before) == []
    assert not wired(fleet, server)


def test_binding_again_to_the_same_host_changes_nothing_and_to_another_starts_anew(fleet: Fleet) -> None:
    server, _ = fleet.allocate(fleet.network())
    first = bind(fleet, server, "h1")
    [port] = [port for port in fleet.ports() if port.server_id == server]
    report(fleet, "h1", port)
    assert bind(fleet, server, "h1") == first
    assert wired(fleet, server)
    fleet.rung.clear()
    bind(fleet, server, "h2")
    assert not wired(fleet, server)
    assert {"h1", "h2"} <= set(fleet.rung)  # the old host cleans up, the new one wires


def test_release_deletes_what_was_made_and_frees_what_was_taken(fleet: Fleet) -> None:
    net = fleet.network()
    own = fleet.port(net)
    server, _ = fleet.allocate(NetworkRequest(port_id=own.id), net)
    bind(fleet, server, "h1")
    for _ in range(2):
        fleet.database.run(lambda tx: fleet.facade.release(tx, server))
    after = fleet.get(own.id)
    assert (after.server_id, after.device_id, after.device_owner, after.host) == (None, "", "", None)
    assert after.fixed_ips == own.fixed_ips
    assert [port.id for port in fleet.ports(ALICE) if port.device_owner == ""] == [own.id]
    with fleet.database.read() as tx:
        assert counters(tx, "p-alice")["ports"] == 1
    fleet.allocate(NetworkRequest(port_id=own.id))


def test_unbind_keeps_ports_and_addresses(fleet: Fleet) -> None:
    server, [port] = fleet.allocate(fleet.network())
    bind(fleet, server, "h1")
    for _ in range(2):
        fleet.database.run(lambda tx: fleet.facade.unbind(tx, server))
    after = fleet.get(port.id)
    assert (after.host, after.status, after.fixed_ips) == (None, "DOWN", port.fixed_ips)
    with fleet.database.read() as tx:
        assert fleet.facade.addresses(tx, [server])[server][0].ip == port.fixed_ips[0].ip


def test_a_foreign_thing_is_the_requests_fault_and_nothing_is_left_s060(fleet: Fleet) -> None:
    net = fleet.network(BOB)
    port = fleet.port(net, BOB)
    for wanted in (NetworkRequest(network_id=net.id), NetworkRequest(port_id=port.id),
                   NetworkRequest(network_id=new_uuid())):  # fmt: skip
        with pytest.raises(Invalid):
            fleet.allocate(wanted)
    with pytest.raises(Invalid):
        fleet.allocate(fleet.network(), groups=("no-such-group",))
    assert [port for port in fleet.ports() if port.server_id] == []
    with fleet.database.read() as tx:
        assert counters(tx, "p-alice").get("ports", 0) == 0


def test_a_port_in_use_is_a_conflict(fleet: Fleet) -> None:
    net = fleet.network()
    port = fleet.port(net)
    fleet.allocate(NetworkRequest(port_id=port.id))
    with pytest.raises(Conflict):
        fleet.allocate(NetworkRequest(port_id=port.id))
    with pytest.raises(Invalid):
        fleet.allocate(NetworkRequest(port_id=fleet.port(net, fixed_ips=()).id))


def test_a_port_with_a_servers_id_written_by_a_user_is_not_the_servers(fleet: Fleet) -> None:
    """device_id is free text of the API (S-061): the facade must not take it for its own."""
    server, ports = fleet.allocate(fleet.network())
    trap = fleet.port(fleet.network(BOB), BOB, device_id=server, device_owner="compute:nova")
    assert [nic.port_id for nic in bind(fleet, server, "h1")] == [port.id for port in ports]
    assert fleet.get(trap.id).host is None
    with fleet.database.read() as tx:
        assert len(fleet.facade.addresses(tx, [server])[server]) == 1
        assert fleet.facade.server_by_address(tx, trap.network_id, trap.fixed_ips[0].ip) is None


def test_metadata_finds_a_server_by_network_and_address_s085(fleet: Fleet) -> None:
    one, two = fleet.network(), fleet.network(BOB)
    server, [port] = fleet.allocate(NetworkRequest(network_id=one.id, fixed_ip="10.0.0.5"))
    other, _ = fleet.allocate(NetworkRequest(network_id=two.id, fixed_ip="10.0.0.5"), context=BOB)
    with fleet.database.read() as tx:
        assert fleet.facade.server_by_address(tx, one.id, "10.0.0.5") == server
        assert fleet.facade.server_by_address(tx, two.id, "10.0.0.5") == other
        assert fleet.facade.server_by_address(tx, one.id, "10.0.0.6") is None
    assert port.fixed_ips[0].ip == "10.0.0.5"


def test_shared_networks_give_any_address_and_external_ones_none(fleet: Fleet) -> None:
    shared = fleet.network(ADMIN, shared=True)
    outside = fleet.network(ADMIN, external=True, cidr="10.7.0.0/24")
    fleet.allocate(shared)
    for wanted in (NetworkRequest(network_id=outside.id), NetworkRequest(network_id=shared.id, fixed_ip="10.0.0.9")):
        with pytest.raises(Forbidden):
            fleet.allocate(wanted)


def test_default_networks_are_own_and_shared_with_a_subnet(fleet: Fleet) -> None:
    fleet.network(BOB)
    fleet.network(cidr=None)
    fleet.network(ADMIN, external=True, cidr="10.7.0.0/24")
    own = fleet.network()
    shared = fleet.network(ADMIN, shared=True)
    with fleet.database.read() as tx:
        assert {net.id for net in fleet.facade.default_networks(tx, ALICE)} == {own.id, shared.id}


def test_validation_says_no_before_anything_is_taken(database: Database) -> None:
    fleet = Fleet(database, "h1", ports=1)
    net = fleet.network()
    wanted = (NetworkRequest(network_id=net.id),)
    with database.read() as tx:
        assert fleet.facade.validate_requests(tx, ALICE, wanted, ("default",)) == 1
        with pytest.raises(QuotaExceeded):
            fleet.facade.validate_requests(tx, ALICE, wanted * 2)
        with pytest.raises(Invalid):
            fleet.facade.validate_requests(tx, ALICE, wanted, ("nonsense",))
    fleet.allocate(net)
    with pytest.raises(QuotaExceeded):
        fleet.allocate(net)


def test_lists_of_servers_cost_one_query_each(fleet: Fleet) -> None:
    net = fleet.network()
    servers = [fleet.allocate(net)[0] for _ in range(5)]
    statements: list[str] = []
    event.listen(fleet.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    with fleet.database.read() as tx:
        fleet.facade.wired(tx, servers[0])  # the transaction has begun
        statements.clear()
        assert set(fleet.facade.addresses(tx, servers)) == set(servers)
        assert len(statements) == 1
        assert fleet.facade.group_names(tx, servers) == dict.fromkeys(servers, ("default",))
        assert len(statements) == 2
        assert fleet.facade.addresses(tx, []) == {}
