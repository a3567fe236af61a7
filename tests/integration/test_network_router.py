"""Routers on a real host: who reaches whom through them, at which address, and what ends when that changes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iaas.host import netns
from iaas.model.wiring import HostWiring, PortWiring, RouterWiring, bridge_name, router_namespace
from iaas.network.drivers.linuxbridge.metadata_request import signature
from tests.integration.network_host import (
    OUTSIDE,
    Host,
    Site,
    frames,
    guest_of,
    remove_guest,
    repairs,
    repairs_of_another_agent,
)
from tests.integration.network_rig import SECRET, Rig, missing
from tests.integration.test_network_metadata import Api
from tests.unit.network.wishes import ZONE, group, network, outside, port, router, rule, tunnelled, uid, wish

pytestmark = [pytest.mark.root, pytest.mark.skipif(missing() is not None, reason=str(missing()))]
RED, BLUE = "10.0.0.0/24", "10.1.0.0/24"
GATEWAY, FLOATING, ANOTHER = "203.0.113.10", "203.0.113.50", "203.0.113.51"
OPEN = group("open", rule())
FIRST, SECOND = (port(f"red-{n}", "red", n, f"10.0.0.1{n}", "open") for n in (1, 2))
THIRD = port("blue-1", "blue", 3, "10.1.0.11", "open")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.clear()


@pytest.fixture
def host(site: Site) -> Host:
    return site.host()


def _router(floating: dict[str, str] | None = None, **changes: Any) -> RouterWiring:
    return router("r1", ("red", "10.0.0.1"), ("blue", "10.1.0.1"), gateway=GATEWAY, floating=floating, **changes)


def _wish(*routers: RouterWiring) -> HostWiring:
    """Two guests on red, one on blue, nobody's DHCP."""
    networks = (
        network("red", RED, zone=ZONE, dhcp=False),
        network("blue", BLUE, zone=ZONE + 10, dhcp=False),
        outside(),
    )
    return wish(networks, (FIRST, SECOND, THIRD), (OPEN,), routers)


def _guests(host: Host) -> None:
    for item in (FIRST, SECOND, THIRD):
        host.guest(item, bridge_name(item.network_id), f"{item.ips[0]}/24")
        host.run(_default, item, item.ips[0].rsplit(".", 1)[0] + ".1")


def _default(rig: Rig, port: PortWiring, gateway: str) -> None:
    assert guest_of(rig, port).run("ip", "route", "replace", "default", "via", gateway)[0] == 0


_SOCKETS: dict[str, socket.socket] = {}


def _listen(rig: Rig, port: PortWiring, number: int) -> None:
    _SOCKETS[port.id] = guest_of(rig, port).listen(number)


def _accept(rig: Rig, port: PortWiring) -> str:
    """The caller's address as the guest sees it; the connection stays open."""
    _SOCKETS[port.id].settimeout(3)
    connection, (ip, _) = _SOCKETS[port.id].accept()
    _SOCKETS[f"{port.id} in"] = connection
    return str(ip)


def _hears(rig: Rig, port: PortWiring, timeout: float) -> bytes:
    connection = _SOCKETS[f"{port.id} in"]
    connection.settimeout(timeout)
    try:
        return connection.recv(100)
    except TimeoutError:
        return b""


def _calls(rig: Rig, port: PortWiring, ip: str, number: int) -> None:
    """The guest opens a connection, which stays open."""
    made = netns.inside(guest_of(rig, port).name, lambda: socket.create_connection((ip, number), 3))
    _SOCKETS[f"{port.id} out"] = made


def _says(rig: Rig, port: PortWiring, words: bytes) -> None:
    _SOCKETS[f"{port.id} out"].sendall(words)


def _called(site: Site, host: Host, item: PortWiring) -> str:
    """The address at which the outside sees the guest."""
    with site.listen(8000) as server:
        server.settimeout(3)
        host.run(_calls, item, OUTSIDE, 8000)
        connection, (ip, _) = server.accept()
        connection.close()
    return str(ip)


def test_guests_go_out_at_the_routers_address_and_nobody_comes_in(site: Site, host: Host) -> None:
    """A-117"""
    host.wire(_wish(_router()))
    _guests(host)
    assert _called(site, host, FIRST) == GATEWAY
    assert host.pings(THIRD, FIRST.ips[0]), "its networks are one behind it"
    host.run(_listen, FIRST, 8080)
    site.runner.run(["ip", "-n", site.wire, "route", "add", RED, "via", GATEWAY], timeout=5)
    assert not _answers(site, "10.0.0.1"), "another router has the same address inside"
    assert _answers(site, GATEWAY)
    with pytest.raises(OSError, match="timed out"):
        site.connect(FIRST.ips[0], 8080, 0.5)
    host.wire(_wish(_router(snat=False)))
    with site.connect(FIRST.ips[0], 8080):
        assert host.run(_accept, FIRST) == OUTSIDE, "without SNAT the networks are a part of the world"
    assert _called(site, host, SECOND) == SECOND.ips[0]


def _answers(site: Site, ip: str) -> bool:
    """ARP on the outer network."""
    argv = ["busybox", "arping", "-c", "1", "-w", "1", "-I", "br1", ip]
    return site.runner.run(argv, timeout=5, ok_codes=(0, 1), netns=site.wire).code == 0


def test_a_floating_address_leads_to_its_guest_and_the_guest_out_by_it(site: Site, host: Host) -> None:
    """A-118"""
    host.wire(_wish(_router({FLOATING: FIRST.ips[0]})))
    _guests(host)
    host.run(_listen, FIRST, 8080)
    with site.connect(FLOATING, 8080):
        assert host.run(_accept, FIRST) == OUTSIDE
    assert _called(site, host, FIRST) == FLOATING
    assert _called(site, host, SECOND) == GATEWAY
    host.run(_calls, SECOND, FLOATING, 8080)
    assert host.run(_accept, FIRST) == "10.0.0.1", "hairpin: a neighbour calls it by its outer name"
    host.run(_calls, THIRD, FLOATING, 8080)
    host.run(_accept, FIRST)
    assert host.run(_floating) == ((uid("r1"), FLOATING),)


def _floating(rig: Rig) -> tuple[tuple[str, str], ...]:
    return rig.driver.inventory().floating_ips


@pytest.mark.parametrize("moved", [False, True], ids=["removed", "moved"])
def test_an_open_connection_ends_with_its_floating_address_and_no_other_one_does(
    site: Site, host: Host, moved: bool
) -> None:
    """S-080; a change of the rules cuts nobody else's flow"""
    host.wire(_wish(_router({FLOATING: FIRST.ips[0], ANOTHER: SECOND.ips[0]})))
    _guests(host)
    for item in (FIRST, SECOND):
        host.run(_listen, item, 8080)
    with site.connect(FLOATING, 8080) as doomed, site.connect(ANOTHER, 8080) as other:
        for item, connection in ((FIRST, doomed), (SECOND, other)):
            host.run(_accept, item)
            connection.sendall(b"one")
            assert host.run(_hears, item, 2.0) == b"one"
        left = {ANOTHER: SECOND.ips[0]} | ({FLOATING: THIRD.ips[0]} if moved else {})
        host.wire(_wish(_router(left)))
        for connection in (doomed, other):
            connection.sendall(b"two")
        assert host.run(_hears, SECOND, 2.0) == b"two"
        assert host.run(_hears, FIRST, 0.6) == b""
    if moved:
        host.run(_listen, THIRD, 8080)
        with site.connect(FLOATING, 8080):
            assert host.run(_accept, THIRD) == OUTSIDE


def test_a_new_address_is_announced_at_once(site: Site, host: Host) -> None:
    host.wire(_wish(_router()))
    with site.capture("br1") as wire:
        host.wire(_wish(_router({FLOATING: FIRST.ips[0]})))
        arp = [frame for frame in frames(wire) if frame[12:14] == b"\x08\x06"]
    told = [frame for frame in arp if frame[28:32] == frame[38:42] == socket.inet_aton(FLOATING)]
    assert {frame[21] for frame in told} == {1, 2}
    assert not [frame for frame in arp if frame[28:32] == socket.inet_aton(GATEWAY)], "what was there before is not"


def test_extra_routes_come_and_go(site: Site, host: Host) -> None:
    host.wire(_wish(_router(routes=(("192.168.7.0/24", SECOND.ips[0]), ("192.168.8.0/24", "10.9.9.9")))))
    table = host.shell("ip", "-n", router_namespace(uid("r1")), "route")
    assert f"192.168.7.0/24 via {SECOND.ips[0]}" in table
    assert "192.168.8.0" not in table, "no leg reaches that hop"
    host.wire(_wish(_router()))
    table = host.shell("ip", "-n", router_namespace(uid("r1")), "route")
    assert "192.168.7.0" not in table
    assert f"default via {OUTSIDE}" in table


def test_what_somebody_destroys_of_a_router_is_back_at_the_next_look(site: Site, host: Host) -> None:
    """F-73, F-74; and a new agent touches nothing"""
    host.wire(_wish(_router({FLOATING: FIRST.ips[0]})))
    _guests(host)
    host.run(_listen, FIRST, 8080)
    name, leg, gateway = router_namespace(uid("r1")), "qr-" + uid("r1-red")[:11], "qg-" + uid("r1-outside")[:11]
    inside = ("ip", "-n", name)
    for damage in (
        ("ip", "netns", "delete", name),
        ("ip", "link", "delete", "rp-" + uid("r1-red")[:11]),
        ("ip", "link", "set", "rp-" + uid("r1-outside")[:11], "nomaster"),
        (*inside, "address", "delete", f"{FLOATING}/32", "dev", gateway),
        (*inside, "address", "add", "203.0.113.99/32", "dev", gateway),
        (*inside, "link", "set", leg, "down"),
        (*inside, "link", "set", leg, "mtu", "1000"),
        (*inside, "route", "delete", "default"),
        (*inside, "link", "add", "qr-stray", "type", "bridge"),
        ("nsenter", f"--net=/run/netns/{name}", "nft", "flush", "ruleset"),
        ("nsenter", f"--net=/run/netns/{name}", "nft", "add rule ip iaas forward accept"),
        ("nsenter", f"--net=/run/netns/{name}", "busybox", "sysctl", "-w", "net.ipv4.ip_forward=0"),
    ):
        host.shell(*damage)
        assert host.run(repairs)[0] == "EnsureRouter", damage
        assert host.run(repairs) == [], damage
        with site.connect(FLOATING, 8080):
            assert host.run(_accept, FIRST) == OUTSIDE
    assert host.run(repairs_of_another_agent) == ["ServeMetadata"] * 2


def test_a_router_that_is_wanted_no_more_leaves_nothing(site: Site, host: Host) -> None:
    """I-16; an interface that is taken away takes its leg with it"""
    host.wire(_wish(_router({FLOATING: FIRST.ips[0]})))
    smaller = router("r1", ("red", "10.0.0.1"))
    host.wire(_wish(smaller))
    left = host.shell("ip", "-n", router_namespace(uid("r1")), "-br", "link")
    assert "qg-" not in left
    assert left.count("qr-") == 1
    host.wire(_wish())
    assert "rp-" not in host.shell("ip", "-br", "link")
    assert router_namespace(uid("r1")) not in host.shell("ip", "netns")
    assert host.run(_routers) == ()


def _routers(rig: Rig) -> tuple[str, ...]:
    return rig.driver.inventory().routers


def test_a_router_on_another_host_serves_guests_over_the_tunnel(site: Site) -> None:
    """F-73 by hand: the router moves to the other host, and its addresses work there at once"""
    one, two = site.host(), site.host()
    far = (port("router-leg", "red", 60, "10.0.0.1"),)
    legs = router("r1", ("red", "10.0.0.1"), gateway=GATEWAY, floating={FLOATING: FIRST.ips[0]})
    far = (replace(far[0], mac=legs.interfaces[0].mac),)

    def wishes(at: Host) -> dict[Host, HostWiring]:
        ports = {
            host.address: [*((FIRST,) if host is two else ()), *(far if host is at else ())] for host in (one, two)
        }
        nets = {host: tunnelled("red", RED, 77, host.address, ports) for host in (one, two)}
        return {
            host: wish(
                (nets[host], outside()), (FIRST,) if host is two else (), (OPEN,), (legs,) if host is at else ()
            )
            for host in (one, two)
        }  # fmt: skip

    for host, wanted in wishes(at=one).items():
        host.wire(wanted)
    two.guest(FIRST, bridge_name(FIRST.network_id), "10.0.0.11/24")
    two.run(_default, FIRST, "10.0.0.1")
    assert _called(site, two, FIRST) == FLOATING
    for host, wanted in wishes(at=two).items():
        host.wire(wanted)
    assert _called(site, two, FIRST) == FLOATING
    assert one.run(_routers) == ()
    two.run(remove_guest, FIRST)


def test_metadata_comes_by_the_router_where_no_dhcp_server_is_and_names_the_right_network(site: Site) -> None:
    """S-085: the same router, two networks, and a packet's way in says which"""
    host = site.host(metadata_url=f"http://127.0.0.1:{API_PORT}")
    host.run(_start_api)
    host.wire(_wish(_router()))
    _guests(host)
    for item in (FIRST, THIRD):
        assert host.run(_asks, item).endswith(b"i-00000001")
    told = [{name.lower(): value for name, value in headers} for _, _, headers, _ in host.run(_asked)]
    assert [(head["x-network-id"], head["x-forwarded-for"]) for head in told] == [
        (FIRST.network_id, FIRST.ips[0]), (THIRD.network_id, THIRD.ips[0])
    ]  # fmt: skip
    assert told[0]["x-iaas-signature"] == signature(SECRET, FIRST.network_id, FIRST.ips[0])
    host.shell("ip", "link", "delete", "rp-" + uid("r1-red")[:11])
    assert host.run(repairs)[0] == "EnsureRouter"
    assert host.run(_asks, FIRST).endswith(b"i-00000001"), "the door is open at the new interface too"
    assert host.run(_asks, THIRD).endswith(b"i-00000001")
    with pytest.raises(AssertionError):  # nothing else of the namespace is open to guests
        host.run(_calls, FIRST, "10.0.0.1", 80)


API_PORT = 28775
_APIS: list[Api] = []


def _start_api(rig: Rig) -> None:
    _APIS.append(Api(API_PORT))


def _asked(rig: Rig) -> list[tuple[str, str, list[tuple[str, str]], bytes]]:
    return _APIS[0].asked


def _asks(rig: Rig, port: PortWiring) -> bytes:
    def connect() -> socket.socket:
        return socket.create_connection(("169.254.169.254", 80), 3)

    with netns.inside(guest_of(rig, port).name, connect) as connection:
        connection.settimeout(5)
        connection.sendall(b"GET /latest/meta-data/instance-id HTTP/1.1\r\n\r\n")
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer
