"""VLAN networks of two hosts on one wire: real 802.1Q tags, isolation from each other and from the flat network."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from iaas.context import Context
from iaas.db.engine import Database
from iaas.host import netlink
from iaas.ids import new_uuid
from iaas.model.network import NetworkRequest
from iaas.model.port import Port
from iaas.model.wiring import HostWiring, NetworkInventory, PortWiring, bridge_name, vlan_name
from iaas.network.controller import Controller
from iaas.network.drivers.linuxbridge import tc_bpf
from iaas.network.facade import NetworkFacade
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
from tests.integration.network_rig import Rig, missing
from tests.unit.network.fleet import ADMIN, ALICE, BOB, Fleet
from tests.unit.network.wishes import ZONE, group, network, port, rule, uid, wish

pytestmark = [pytest.mark.root, pytest.mark.skipif(missing() is not None, reason=str(missing()))]
CIDR = "10.5.0.0/24"
KINDS = {"red": ("vlan", 100), "blue": ("vlan", 200), "flat": ("flat", None)}
OPEN = group("open", rule())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.clear()


def _port(name: str, host: Host) -> PortWiring:
    return port(f"{name}-{host.number}", name, 16 * list(KINDS).index(name) + host.number, _ip(host), "open")


def _ip(host: Host) -> str:
    return f"10.5.0.{10 + host.number}"


def _wish(host: Host, *names: str, dhcp: bool = False) -> HostWiring:
    networks = tuple(
        network(name, CIDR, (_port(name, host),), zone=ZONE + 10 * list(KINDS).index(name), dhcp=dhcp,
                kind=KINDS[name][0], segmentation_id=KINDS[name][1], physical_network="physnet1", mtu=1500)
        for name in names
    )  # fmt: skip
    return wish(networks, tuple(_port(name, host) for name in names), (OPEN,))


def _bridge(host: Host, name: str) -> str:
    return str(host.run(_physical)) if name == "flat" else bridge_name(uid(name))


def _physical(rig: Rig) -> str:
    return rig.physical["physnet1"]


def _tags(wire: socket.socket, source: str) -> set[int | None]:
    """The VLANs of the frames with that source MAC; None for a frame without a tag."""
    found: set[int | None] = set()
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        try:
            frame, extra, _, _ = wire.recvmsg(2048, 256)
        except BlockingIOError:
            time.sleep(0.01)
            continue
        if frame[6:12].hex(":") == source:
            status, tag = next((struct.unpack("=I12xHxx", data[:20]) for _, kind, data in extra if kind == 8), (0, 0))
            found.add(tag & 0xFFF if status & 0x10 else None)
    return found


def test_frames_carry_the_tag_and_networks_with_the_same_addresses_never_meet(site: Site) -> None:
    """A-112"""
    one, two = site.host(), site.host()
    for host in (one, two):
        host.wire(_wish(host, *KINDS))
        for name in KINDS:
            host.guest(_port(name, host), _bridge(host, name), f"{_ip(host)}/24")
    with site.capture("br1") as wire:
        wire.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA: the kernel shows a tag beside the frame
        for name, (_, vid) in KINDS.items():
            assert one.pings(_port(name, one), _ip(two)), name
            assert _tags(wire, _port(name, one).mac) == {vid}
    for name in KINDS:
        two.run(remove_guest, _port(name, two))
        assert not one.pings(_port(name, one), _ip(two)), f"only {name}'s own guest may answer there"
        two.guest(_port(name, two), _bridge(two, name), f"{_ip(two)}/24")
    assert one.run(repairs_of_another_agent) == []


def test_a_bare_nic_may_carry_vlans(site: Site) -> None:
    one, two = site.host(), site.host()
    one.run(_carry_on_nic)
    for host in (one, two):
        host.wire(_wish(host, "red", "blue"))
        for name in ("red", "blue"):
            host.guest(_port(name, host), bridge_name(uid(name)), f"{_ip(host)}/24")
    with site.capture("br1") as wire:
        wire.setsockopt(263, 8, 1)
        for name in ("red", "blue"):
            assert one.pings(_port(name, one), _ip(two)), name
            assert _tags(wire, _port(name, one).mac) == {KINDS[name][1]}


def _carry_on_nic(rig: Rig) -> None:
    rig.ip("link", "set", "eth2", "nomaster")
    rig.physical["physnet1"] = "eth2"


def test_a_guest_of_the_flat_network_neither_sees_nor_sends_a_tag(site: Site) -> None:
    """S-077: no hop into a VLAN, also without port security"""
    one, two = site.host(), site.host()
    for host in (one, two):
        wanted = _wish(host, "red", "flat")
        host.wire(replace(wanted, ports=tuple(replace(item, port_security=False) for item in wanted.ports)))
        for name in ("red", "flat"):
            host.guest(_port(name, host), _bridge(host, name), f"{_ip(host)}/24")
    one.run(_listen, _port("flat", one))
    two.run(_listen, _port("red", two))
    one.run(_send_tagged, _port("flat", one), 100, b"hop into the vlan")
    one.run(_send_plain, _port("red", one), b"from the vlan")
    assert two.run(_hears, b"from the vlan"), "red hears its own"
    assert not two.run(_hears, b"hop into the vlan")
    assert not one.run(_hears, b"from the vlan")


_WIRES: list[socket.socket] = []
_SEEN: list[bytes] = []


def _listen(rig: Rig, port: PortWiring) -> None:
    _WIRES.append(guest_of(rig, port).capture())


def _hears(rig: Rig, marker: bytes) -> bool:
    _SEEN.extend(frames(_WIRES[-1]))
    return any(marker in frame for frame in _SEEN)


def _send_tagged(rig: Rig, port: PortWiring, vid: int, words: bytes) -> None:
    frame = b"\xff" * 6 + bytes.fromhex(port.mac.replace(":", "")) + struct.pack("!HH", 0x8100, vid) + b"\x88\xb5"
    guest_of(rig, port).send(*[frame + words.ljust(60, b"\0")] * 5)


def _send_plain(rig: Rig, port: PortWiring, words: bytes) -> None:
    frame = b"\xff" * 6 + bytes.fromhex(port.mac.replace(":", "")) + b"\x88\xb5"
    guest_of(rig, port).send(*[frame + words.ljust(60, b"\0")] * 5)


def test_a_lease_comes_from_another_host_across_the_vlan(site: Site) -> None:
    one, two = site.host(), site.host()
    served = _wish(two, "red", dhcp=True)
    one.wire(replace(served, ports=()))
    two.wire(_wish(two, "red"))
    two.guest(_port("red", two), bridge_name(uid("red")))


def test_what_somebody_destroys_of_a_vlan_is_back_at_the_next_look(site: Site) -> None:
    """F-74, and nothing is left when the network goes, not even a filter on the trunk"""
    one, two = site.host(), site.host()
    for host in (one, two):
        host.wire(_wish(host, "red"))
        host.guest(_port("red", host), bridge_name(uid("red")), f"{_ip(host)}/24")
    device, trunk = vlan_name(uid("red")), str(one.run(_physical))
    damages = [
        ("ip", "link", "delete", device),
        ("ip", "link", "set", device, "nomaster"),
        ("ip", "link", "set", device, "down"),
        ("ip", "link", "set", device, "mtu", "1000"),
    ]
    if one.run(_uses_bpf):
        damages += [
            ("tc", "qdisc", "delete", "dev", trunk, "clsact"),
            ("tc", "qdisc", "delete", "dev", device.replace("vl-", "vp-"), "clsact"),
            ("ip", "link", "set", trunk, "promisc", "off"),
        ]
    for damage in damages:
        one.shell(*damage)
        assert "EnsureVlan" in one.run(repairs), damage
        assert one.run(repairs) == [], damage
        assert one.pings(_port("red", one), _ip(two)), damage
    one.run(remove_guest, _port("red", one))
    one.wire(wish())
    assert "vl-" not in one.shell("ip", "-br", "link")
    assert one.run(_trunk) == ({}, False)


def _uses_bpf(rig: Rig) -> bool:
    return netlink.links()[vlan_name(uid("red"))].kind == "veth"


def _trunk(rig: Rig) -> tuple[dict[int, str], bool]:
    trunk = netlink.links()[_physical(rig)]
    return tc_bpf.filters(trunk.index), trunk.promiscuous


def test_a_tag_that_another_network_took_over_stays_with_it(site: Site) -> None:
    """S-091"""
    one, two = site.host(), site.host()
    one.wire(_wish(one, "red"))
    heir = _wish(one, "blue")
    heir = replace(heir, networks=(replace(heir.networks[0], segmentation_id=100),))
    one.wire(heir)
    two.wire(_wish(two, "red"))
    two.guest(_port("red", two), bridge_name(uid("red")), f"{_ip(two)}/24")
    one.guest(_port("blue", one), bridge_name(uid("blue")), f"{_ip(one)}/24")
    assert one.pings(_port("blue", one), _ip(two))


def test_two_projects_that_ask_for_nothing_are_on_two_vlans_with_two_dhcp_servers_and_never_meet(
    site: Site, database: Database
) -> None:
    """A-092: from the rows that a boot with --nic auto makes to frames on the wire."""
    fleet, host = Fleet(database, "h1"), site.host()
    outside = {"kind": "flat", "physical_network": "physnet1", "external": True, "is_default": True}
    public = fleet.network(ADMIN, cidr=None, **outside)
    fleet.subnet(public, ADMIN, "203.0.113.0/24", enable_dhcp=False)
    settings = replace(
        fleet.settings, tenant_types=("vlan",), vlan_ranges=(("physnet1", 101, 102),),
        subnet_pool=IPv4Network("10.200.0.0/23"),
    )  # fmt: skip
    plugged = [_plugged(database, NetworkFacade(settings), context) for context in (ALICE, BOB)]
    wished = Controller(database, settings, lambda tx, servers: None).wiring("h1")
    host.wire(wished)
    ports = [next(item for item in wished.ports if item.id == port.id) for port in plugged]
    for item in ports:
        host.guest(item, bridge_name(item.network_id))  # by DHCP
    alice, bob = ports
    found = host.run(_inventory)
    assert set(found.dnsmasq) == {alice.network_id, bob.network_id}
    assert set(found.bridges) >= {bridge_name(alice.network_id), bridge_name(bob.network_id)}
    assert set(found.tunnels) == {vlan_name(alice.network_id), vlan_name(bob.network_id)}
    vids = {net.id: net.segmentation_id for net in wished.networks if net.kind == "vlan"}
    assert sorted(number or 0 for number in vids.values()) == [101, 102]
    for item, other in ((alice, bob), (bob, alice)):
        assert host.pings(item, OUTSIDE), "by the router that came with the network"
        assert not host.pings(item, other.ips[0])
    host.run(_listen, bob)
    with site.capture("br1") as wire:
        wire.setsockopt(263, 8, 1)  # PACKET_AUXDATA, as above
        taken = {fixed.ip for port in fleet.ports() for fixed in port.fixed_ips}
        nobody = next(str(ip) for ip in IPv4Network(f"{alice.ips[0]}/24", strict=False).hosts() if str(ip) not in taken)
        assert not host.pings(alice, nobody), "her question who that is goes to everybody there is"
        assert _tags(wire, alice.mac) == {vids[alice.network_id]}
    assert host.pings(bob, OUTSIDE)
    assert host.run(_hears, bytes.fromhex(bob.mac.replace(":", "")))
    assert not host.run(_hears, bytes.fromhex(alice.mac.replace(":", "")))


def _plugged(database: Database, facade: NetworkFacade, context: Context) -> Port:
    """The port on h1 of a server that was booted with --nic auto."""
    server = new_uuid()
    net = database.run(lambda tx: facade.automatic_network(tx, context))
    database.run(lambda tx: facade.allocate(tx, context, server, (NetworkRequest(network_id=net.id),)))
    database.run(lambda tx: facade.bind(tx, server, "h1"))
    with database.read() as tx:
        [port] = facade.interfaces(tx, server)
    return port


def _inventory(rig: Rig) -> NetworkInventory:
    return rig.driver.inventory()
