"""VXLAN between hosts, each in a namespace of its own with the real driver: who reaches whom, and what is on the
wire."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from iaas.model.wiring import HostWiring, PortWiring, bridge_name, tunnel_name
from tests.integration.network_host import Host, Site, frames, guest_of, remove_guest, repairs, repairs_of_another_agent
from tests.integration.network_rig import Rig, eventually, missing
from tests.unit.network.wishes import ZONE, group, mac, port, rule, tunnelled, uid, wish

pytestmark = [pytest.mark.root, pytest.mark.skipif(missing() is not None, reason=str(missing()))]
CIDR = "10.0.0.0/24"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.clear()


class Tenant:
    """A VXLAN network with a guest on every host (10.0.0.10 + host), DHCP on the first one."""

    def __init__(self, name: str, vni: int, zone: int, hosts: tuple[Host, ...]) -> None:
        self.name, self.vni, self.zone, self.hosts = name, vni, zone, hosts
        self.bridge = bridge_name(uid(name))
        base = 16 * (zone - ZONE)
        self.ports = {
            host.address: [port(f"{name}-{host.number}", name, base + host.number, self.ip(host), f"sg-{name}")]
            for host in hosts
        }

    def ip(self, host: Host) -> str:
        return f"10.0.0.{10 + host.number}"

    def port(self, host: Host) -> PortWiring:
        return self.ports[host.address][0]

    def wish(self, here: Host, **changes: object) -> HostWiring:
        net = tunnelled(
            self.name, CIDR, self.vni, here.address, self.ports, zone=self.zone, dhcp_on=self.hosts[0].address
        )
        members = tuple(self.ip(host) for host in self.hosts)
        own = group(f"sg-{self.name}", rule(remote_group_id=uid(f"sg-{self.name}")), members=members)
        return wish((replace(net, **changes),), tuple(self.ports[here.address]), (own,))  # type: ignore[arg-type]


def _both(*wishes: HostWiring) -> HostWiring:
    return HostWiring(
        networks=tuple(net for item in wishes for net in item.networks),
        ports=tuple(item for wanted in wishes for item in wanted.ports),
        groups=tuple(item for wanted in wishes for item in wanted.groups),
    )


def test_two_tenants_with_the_same_addresses_reach_their_own_and_never_each_other(site: Site) -> None:
    """A-116, S-081, F-75: leases come across the tunnel, remote groups hold there"""
    one, two = site.host(), site.host()
    red, blue = Tenant("red", 1001, ZONE, (one, two)), Tenant("blue", 1002, ZONE + 90, (one, two))
    for host in (one, two):
        host.wire(_both(red.wish(host), blue.wish(host)))
    for host in (two, one):
        host.guest(red.port(host), red.bridge)
        host.guest(blue.port(host), blue.bridge)
    assert one.pings(red.port(one), red.ip(two))
    assert two.pings(blue.port(two), blue.ip(one))
    one.run(remove_guest, red.port(one))
    assert two.pings(blue.port(two), blue.ip(one))
    assert not two.pings(red.port(two), red.ip(one)), "the other tenant's guest has this address, and must not answer"
    assert one.run(repairs_of_another_agent) == ["ServeMetadata"] * 2, "a new agent touches nothing"


def test_a_known_address_is_answered_without_asking_the_other_host(site: Site) -> None:
    """and the packets of a tunnel are not tracked"""
    one, two = site.host(), site.host()
    red = Tenant("red", 1001, ZONE, (one, two))
    for host in (one, two):
        host.wire(red.wish(host))
        host.guest(red.port(host), red.bridge, f"{red.ip(host)}/24")
    wire = site.capture("br0")
    with wire:
        assert one.pings(red.port(one), red.ip(two))
        seen = frames(wire)
    inner = [frame[50:] for frame in seen if frame[12:14] == b"\x08\x00" and frame[36:38] == (4789).to_bytes(2, "big")]
    assert any(frame[12:14] == b"\x08\x00" for frame in inner), "the ping went through the tunnel"
    assert not [frame for frame in inner if frame[12:14] == b"\x08\x06"], "and no ARP did"
    assert "dport=4789" not in one.shell("conntrack", "-L")  # the bare number is a ping's id now and then


def test_a_full_sized_packet_passes_and_a_larger_one_is_refused_where_it_is_sent(site: Site) -> None:
    """the MTU that DHCP tells is what fits"""
    one, two = site.host(), site.host()
    red = Tenant("red", 1001, ZONE, (one, two))
    for host in (one, two):
        host.wire(red.wish(host))
        host.guest(red.port(host), red.bridge)
    assert one.run(_ping_sized, red.port(one), red.ip(two), 1450 - 28)
    assert not one.run(_ping_sized, red.port(one), red.ip(two), 1450 - 27)


def _ping_sized(rig: Rig, port: PortWiring, ip: str, size: int) -> bool:
    return guest_of(rig, port).run("ping", "-M", "do", "-c", "1", "-W", "1", "-s", str(size), ip)[0] == 0


def test_a_port_that_moves_is_found_on_its_new_host_and_forgotten_on_the_old(site: Site) -> None:
    """a migration: for a while two hosts have the port, the third reaches it on either; S-091: no stale entry"""
    one, two, three = site.host(), site.host(), site.host()
    red = Tenant("red", 1001, ZONE, (one, two, three))
    mover = red.port(two)
    for host in (one, two, three):
        host.wire(red.wish(host))
        host.guest(red.port(host), red.bridge, f"{red.ip(host)}/24")
    assert one.pings(red.port(one), red.ip(two))
    red.ports[three.address].append(mover)
    for host in (one, two, three):
        host.wire(red.wish(host))
    assert one.pings(red.port(one), red.ip(two)), "still on its old host"
    assert three.pings(red.port(three), red.ip(two)), "also from where it will be"
    three.run(_arrives, mover, red.bridge)
    three.shell("bridge", "fdb", "delete", mover.mac, "dev", tunnel_name(uid("red")), "master")  # as after a while
    assert one.pings(red.port(one), red.ip(two)), "also when its tap is there already"
    assert not three.run(_stored, mover), "where nothing is stored for a guest that does not run yet"
    two.run(remove_guest, mover)
    three.run(_runs, mover, f"{red.ip(two)}/24")
    assert one.pings(red.port(one), red.ip(two)), "at once, before any host is told"
    red.ports[two.address].clear()
    for host in (one, two, three):
        host.wire(red.wish(host))
    assert one.pings(red.port(one), red.ip(two))
    assert f"{mover.mac} dst {three.address}" in " ".join(_forwarding(one, red))
    red.ports[three.address].remove(mover)
    one.wire(red.wish(one))
    assert not [line for line in _forwarding(one, red) if mover.mac in line and ("dst" in line or "static" in line)]
    assert "10.0.0.12 " not in one.shell("ip", "neighbour", "show", "dev", red.bridge)


def _arrives(rig: Rig, port: PortWiring, bridge: str) -> None:
    _WIRES.append((rig.guest(port, bridge, silent=True).capture(), []))


def _stored(rig: Rig, port: PortWiring) -> list[bytes]:
    """What was sent to the guest (and not what the host says of its own devices)."""
    return [frame for frame in frames(_WIRES[-1][0]) if frame[:6].hex(":") == port.mac]


def _runs(rig: Rig, port: PortWiring, address: str) -> None:
    guest_of(rig, port).configure(address)
    _announce(rig, port)


def _announce(rig: Rig, port: PortWiring) -> None:
    """What QEMU sends where a guest arrives: RARP with the guest's own MAC."""
    own = bytes.fromhex(port.mac.replace(":", ""))
    body = b"\0\1\x08\0\6\4\0\3" + own + bytes(4) + own + bytes(4)
    guest_of(rig, port).send(b"\xff" * 6 + own + b"\x80\x35" + body.ljust(46, b"\0"))


def _forwarding(host: Host, tenant: Tenant) -> list[str]:
    return host.shell("bridge", "fdb", "show", "dev", tunnel_name(uid(tenant.name))).splitlines()


def test_what_somebody_destroys_of_a_tunnel_is_back_at_the_next_look(site: Site) -> None:
    """F-74"""
    one, two = site.host(), site.host()
    red = Tenant("red", 1001, ZONE, (one, two))
    for host in (one, two):
        host.wire(red.wish(host))
        host.guest(red.port(host), red.bridge, f"{red.ip(host)}/24")
    device, far = tunnel_name(uid("red")), red.port(two).mac
    for damage in (
        ("ip", "link", "delete", device),
        ("ip", "link", "set", device, "nomaster"),
        ("ip", "link", "set", device, "down"),
        ("ip", "link", "set", device, "mtu", "1000"),
        ("bridge", "link", "set", "dev", device, "neigh_suppress", "off"),
        ("bridge", "fdb", "replace", far, "dev", device, "dst", "198.18.0.77", "self", "static"),
        ("bridge", "fdb", "delete", far, "dev", device, "self"),
        ("bridge", "fdb", "append", "00:00:00:00:00:00", "dev", device, "dst", "198.18.0.77", "self", "permanent"),
        ("bridge", "fdb", "replace", mac(9), "dev", device, "master", "static"),
        ("ip", "neighbour", "replace", "10.0.0.99", "lladdr", mac(9), "dev", red.bridge, "nud", "permanent"),
        ("ip", "neighbour", "delete", red.ip(two), "dev", red.bridge),
    ):
        one.shell(*damage)
        assert one.run(repairs) == ["EnsureTunnel"], damage
        assert one.run(repairs) == []
        assert one.pings(red.port(one), red.ip(two)), damage
    one.run(remove_guest, red.port(one))
    one.wire(wish())
    assert device not in one.shell("ip", "-br", "link")


def test_nobody_but_the_hosts_of_the_cloud_gets_a_frame_into_a_tunnel(site: Site) -> None:
    """S-083: crafted VXLAN from an address that is no peer's; the control is a peer's"""
    one, two, stranger = site.host(), site.host(), site.host()
    red = Tenant("red", 1001, ZONE, (one, two))
    for host in (one, two):
        host.wire(red.wish(host))
    one.guest(red.port(one), red.bridge, f"{red.ip(one)}/24")
    one.run(_listen, red.port(one))
    stranger.run(_inject, one.address, b"from a stranger")
    two.run(_inject, one.address, b"the end")
    eventually(lambda: one.run(_heard, b"the end"), what="the frame of the peer")
    assert not one.run(_heard, b"from a stranger")


_WIRES: list[tuple[socket.socket, list[bytes]]] = []


def _listen(rig: Rig, port: PortWiring) -> None:
    _WIRES.append((guest_of(rig, port).capture(), []))


def _heard(rig: Rig, marker: bytes) -> bool:
    wire, seen = _WIRES[-1]
    seen += frames(wire)
    return any(marker in frame for frame in seen)


def _inject(rig: Rig, to: str, marker: bytes) -> None:
    frame = b"\xff" * 6 + bytes.fromhex(mac(77).replace(":", "")) + b"\x08\x06" + marker.ljust(60, b"\0")
    head = b"\x08\0\0\0" + (1001).to_bytes(3, "big") + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(5):
            sender.sendto(head + frame, (to, 4789))
