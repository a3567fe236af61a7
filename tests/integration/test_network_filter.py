"""The packet filter on a real kernel: security groups, spoofing, isolation, and what happens to known
flows."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iaas.host import netns
from iaas.host.exec import Runner
from iaas.model.wiring import HostWiring, RuleWiring, bridge_name
from iaas.network.agent import filter as filters
from iaas.network.drivers.linuxbridge import nft_rules, nft_text
from tests.integration.network_rig import Guest, Rig, eventually, missing
from tests.unit.network.wishes import ZONE, group, mac, network, port, rule, small, uid, wish

pytestmark = [pytest.mark.root, pytest.mark.skipif(missing() is not None, reason=str(missing()))]
ATTACKER, VICTIM, STRANGER = "10.77.0.11", "10.77.0.12", "10.77.0.13"
MARKER = b"forged-by-the-attacker"


def _wish(*victim_rules: object) -> HostWiring:
    """An attacker and a victim in groups of their own."""
    ports = (
        port("attacker", "net", 1, ATTACKER, "open"),
        port("victim", "net", 2, VICTIM, "guarded"),
    )
    groups = (group("open", members=(ATTACKER,)), group("guarded", *victim_rules, members=(VICTIM,)))  # type: ignore[arg-type]
    return wish((network("net", "10.77.0.0/24", ports),), ports, groups)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path, _wish())
    rig.loop.round()
    yield rig
    rig.clear()


def _guests(rig: Rig) -> tuple[Guest, Guest]:
    attacker, victim = (rig.guest(item, bridge_name(uid("net"))) for item in rig.controller.wish.ports)
    attacker.configure(f"{ATTACKER}/24")
    victim.configure(f"{VICTIM}/24")
    return attacker, victim


def _apply(rig: Rig, new: HostWiring) -> None:
    rig.controller.wish = new
    rig.loop.look()
    assert rig.loop.round()


def test_everything_in_is_denied_until_a_rule_allows_it(rig: Rig) -> None:
    attacker, victim = _guests(rig)
    with victim.listen(80), victim.listen(81):
        assert not attacker.connects(VICTIM, 80, timeout=0.4)
        assert not attacker.pings(VICTIM)
        _apply(rig, _wish(rule(protocol="tcp", port_min=80, port_max=80)))
        assert attacker.connects(VICTIM, 80)
        assert not attacker.connects(VICTIM, 81, timeout=0.4)
        _apply(rig, _wish(rule(protocol="icmp"), rule(remote_group_id=uid("open"), protocol="tcp")))
        assert attacker.connects(VICTIM, 81)
        assert attacker.pings(VICTIM)


def test_a_guest_may_open_connections_and_gets_their_answers(rig: Rig) -> None:
    attacker, victim = _guests(rig)
    _apply(rig, _wish())
    rules = (rule(protocol="tcp"),)
    new = _wish()
    _apply(rig, replace(new, groups=(group("open", *rules, members=(ATTACKER,)), new.groups[1])))
    with attacker.listen(8080):
        assert victim.connects(ATTACKER, 8080), "egress is allowed, and so are the answers"
    without_egress = replace(new.groups[1], rules=())
    _apply(rig, replace(new, groups=(group("open", *rules, members=(ATTACKER,)), without_egress)))
    with attacker.listen(8080):
        assert not victim.connects(ATTACKER, 8080, timeout=0.4)


def test_a_port_without_port_security_is_open(rig: Rig) -> None:
    new = _wish()
    _apply(rig, replace(new, ports=(new.ports[0], replace(new.ports[1], port_security=False, groups=()))))
    attacker, victim = _guests(rig)
    with victim.listen(80):
        assert attacker.connects(VICTIM, 80)


def test_an_established_flow_ends_when_its_rule_is_taken_away(rig: Rig) -> None:
    """S-080"""
    _apply(rig, _wish(rule(protocol="tcp", port_min=80, port_max=80)))
    attacker, victim = _guests(rig)
    with victim.listen(80) as server:
        client = netns.inside(attacker.name, lambda: socket.create_connection((VICTIM, 80), 2))
        accepted, _ = server.accept()
        with client, accepted:
            client.sendall(b"one")
            assert accepted.recv(10) == b"one"
            _apply(rig, _wish())
            client.sendall(b"two")
            accepted.settimeout(0.6)
            with pytest.raises(TimeoutError):
                accepted.recv(10)


def test_a_flow_survives_reloads_of_the_rules_and_the_death_of_the_agent(rig: Rig) -> None:
    """F-75, S-078: the rules are replaced atomically and stand without the agent"""
    _apply(rig, _wish(rule(protocol="tcp", port_min=80, port_max=80)))
    attacker, victim = _guests(rig)
    with victim.listen(80) as server, victim.capture() as wire:
        client = netns.inside(attacker.name, lambda: socket.create_connection((VICTIM, 80), 2))
        accepted, _ = server.accept()
        with client, accepted:
            accepted.settimeout(2)
            for number in range(10):
                _apply(rig, _wish(rule(protocol="tcp", port_min=80, port_max=90 + number)))
                attacker.send(_udp(mac(1), ATTACKER, VICTIM))
                client.sendall(b"x")
                assert accepted.recv(10) == b"x"
            rig.driver.close()
            client.sendall(b"y")
            assert accepted.recv(10) == b"y"
            attacker.send(_udp(mac(1), ATTACKER, VICTIM))
        assert not _received(wire), "never open in between"


FORGED = {
    "mac": lambda: _udp(mac(9), ATTACKER, VICTIM),
    "address": lambda: _udp(mac(1), STRANGER, VICTIM),
    "arp-reply": lambda: _arp(mac(1), mac(1), VICTIM),
    "arp-mac": lambda: _arp(mac(1), mac(2), ATTACKER),
    "dhcp-server": lambda: _udp(mac(1), ATTACKER, VICTIM, source_port=67, port=68),
    "vlan": lambda: _frame(mac(1), 0x8100, struct.pack("!HH", 100, 0x0800) + MARKER),
    "ethertype": lambda: _frame(mac(1), 0x88B5, MARKER),
    "router-advert": lambda: _icmp6(mac(1), _link_local(1), 134),
    "neighbor-advert": lambda: _icmp6(mac(1), _link_local(1), 136),
    "ipv6-address": lambda: _udp6(mac(1), "fe80::9"),
    "dhcp-for-another": lambda: _udp(mac(1), "0.0.0.0", "255.255.255.255", 68, 67, _discover(mac(2))),
}


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
@pytest.mark.parametrize("forged", sorted(FORGED))
def test_a_forged_frame_never_reaches_anybody(rig: Rig, forged: str, guarded: bool) -> None:
    """S-072 … S-077. The victim's port is open, so that only the sender's own guard can stop the frame; the
    control is the same frame from a port without port security, which arrives."""
    new = _wish()
    sender, receiver = new.ports
    receiver = replace(receiver, port_security=False, groups=())
    _apply(rig, replace(new, ports=(replace(sender, port_security=guarded), receiver)))
    attacker, victim = _guests(rig)
    honest = _udp(mac(1), ATTACKER, VICTIM, payload=b"the end")
    with victim.capture() as wire:
        attacker.send(*[FORGED[forged]()] * 5, honest)
        eventually(lambda: _received(wire, b"the end", keep=True), what="the frame after the forged ones")
        assert _received(wire) is not guarded


def test_frames_from_a_tap_that_nobody_wants_are_dropped(rig: Rig) -> None:
    """S-078: before the rules know a port, nothing passes"""
    new = _wish()
    _apply(rig, replace(new, ports=(new.ports[0], replace(new.ports[1], port_security=False, groups=()))))
    attacker, victim = _guests(rig)
    unknown = rig.guest(port("unknown", "net", 5, "10.77.0.15", "open"), bridge_name(uid("net")))
    with victim.capture() as wire:
        unknown.send(*[_udp(mac(5), "10.77.0.15", VICTIM)] * 5)
        attacker.send(_udp(mac(1), ATTACKER, VICTIM, payload=b"the end"))
        eventually(lambda: _received(wire, b"the end", keep=True), what="the frame after them")
        assert not _received(wire)


def test_allowed_address_pairs_may_be_used_and_no_more(rig: Rig) -> None:
    new = _wish(rule(protocol="udp"))
    paired = replace(new.ports[0], allowed_pairs=((mac(1), "10.99.0.0/16"), (mac(1), "10.99.7.0/24")))
    _apply(rig, replace(new, ports=(paired, new.ports[1])))
    attacker, victim = _guests(rig)
    with victim.capture() as wire:
        attacker.send(_udp(mac(1), "10.98.0.1", VICTIM))
        attacker.send(_udp(mac(1), "10.99.3.4", VICTIM, payload=b"the end"))
        eventually(lambda: _received(wire, b"the end", keep=True), what="the frame of the pair")
        assert not _received(wire)


def test_two_networks_with_the_same_addresses_do_not_see_each_other(rig: Rig) -> None:
    """S-081: also not through a flow that is established in the other one"""
    one = small(1, 2, name="one", zone=ZONE + 30)
    two = small(1, 2, name="two", zone=ZONE + 60)
    everybody = group("default", rule(protocol="tcp"), members=(ATTACKER, VICTIM))
    _apply(rig, wish(one.networks + two.networks, one.ports + two.ports, (everybody,)))
    guests = {}
    for item in rig.controller.wish.ports:
        guests[item.network_id, item.ips[0]] = rig.guest(item, bridge_name(item.network_id))
        guests[item.network_id, item.ips[0]].configure(f"{item.ips[0]}/24")
    with guests[uid("one"), VICTIM].listen(80):
        assert guests[uid("one"), ATTACKER].connects(VICTIM, 80)
        assert not guests[uid("two"), ATTACKER].connects(VICTIM, 80, timeout=0.4)
    zones = rig.runner.run(["conntrack", "-L", "--zone", str(ZONE + 30)], timeout=10).stdout
    assert VICTIM in zones


def test_a_guest_cannot_reach_the_host(rig: Rig) -> None:
    """S-082: neither an address of the host behind the bridge, nor by IPv6"""
    attacker, _ = _guests(rig)
    bridge = bridge_name(uid("net"))
    assert "inet6" not in rig.ip("address", "show", "dev", bridge)
    rig.ip("address", "add", "10.77.0.250/24", "dev", bridge)  # an operator's mistake
    with socket.create_server(("10.77.0.250", 0)) as server:
        assert not attacker.connects("10.77.0.250", server.getsockname()[1], timeout=0.4)
    assert not attacker.pings("10.77.0.250")


def _received(wire: socket.socket, marker: bytes = MARKER, keep: bool = False) -> bool:
    """Whether the marker is in a frame that came so far; ``keep``: look again at the same frames later."""
    seen: list[bytes] = _frames.setdefault(wire.fileno(), [])
    while True:
        try:
            seen.append(wire.recv(4096))
        except BlockingIOError:
            break
    found = any(marker in frame for frame in seen)
    if not keep:
        seen.clear()
    return found


_frames: dict[int, list[bytes]] = {}


def _octets(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _frame(source: str, kind: int, payload: bytes, to: str = "ff:ff:ff:ff:ff:ff") -> bytes:
    return _octets(to) + _octets(source) + struct.pack("!H", kind) + payload


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _udp(source: str, ip: str, to: str, source_port: int = 4000, port: int = 4001, payload: bytes = MARKER) -> bytes:
    packet = struct.pack("!HHHH", source_port, port, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(packet), 1, 0, 64, 17, 0)
    head += socket.inet_aton(ip) + socket.inet_aton(to)
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    return _frame(source, 0x0800, head + packet, mac(2) if to == VICTIM else "ff:ff:ff:ff:ff:ff")


def _arp(source: str, sender: str, ip: str) -> bytes:
    """An answer that claims the address, with the marker as padding."""
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + _octets(sender) + socket.inet_aton(ip)
    return _frame(source, 0x0806, body + _octets(mac(2)) + socket.inet_aton(VICTIM) + MARKER)


def _link_local(number: int) -> str:
    raw = _octets(mac(number))
    return socket.inet_ntop(
        socket.AF_INET6, b"\xfe\x80" + bytes(6) + bytes([raw[0] ^ 2]) + raw[1:3] + b"\xff\xfe" + raw[3:]
    )


def _ipv6(source: str, ip: str, protocol: int, packet: bytes) -> bytes:
    addresses = socket.inet_pton(socket.AF_INET6, ip) + socket.inet_pton(socket.AF_INET6, "ff02::1")
    head = struct.pack("!IHBB", 6 << 28, len(packet), protocol, 255)
    return _frame(source, 0x86DD, head + addresses + packet, "33:33:00:00:00:01")


def _icmp6(source: str, ip: str, kind: int) -> bytes:
    """A router's advertisement (134), or one of a neighbour (136) for fe80::9."""
    target = socket.inet_pton(socket.AF_INET6, "fe80::9") if kind == 136 else b""
    return _ipv6(source, ip, 58, struct.pack("!BBHI", kind, 0, 0, 0) + target + MARKER)


def _udp6(source: str, ip: str) -> bytes:
    return _ipv6(source, ip, 17, struct.pack("!HHHH", 4000, 4001, 8 + len(MARKER), 0) + MARKER)


def _discover(client: str) -> bytes:
    head = struct.pack("!BBBBIHH", 1, 1, 6, 0, 7, 0, 0) + bytes(16) + _octets(client) + bytes(10)
    return head + bytes(192) + b"\x63\x82\x53\x63\x35\x01\x01\xff" + MARKER


_words = st.text(max_size=12) | st.sampled_from(["tcp", "UDP", "icmp", "vrrp", "10.0.0.9/24", "::/0", "fd00::1"])
_numbers = st.none() | st.integers(-2, 70000) | st.integers(0, 255)
_macs = st.sampled_from([mac(1), mac(300), "nonsense"])
_ranges = st.sampled_from(["10.0.0.0/8", "10.0.0.0/9", "10.1.1.1", "0.0.0.0/0", "fd00::/8", "fd00::1", "::/0", "x"])


@settings(max_examples=40, deadline=None)
@given(
    rules=st.lists(
        st.builds(
            RuleWiring, direction=st.sampled_from(["ingress", "egress"]), ip_version=st.sampled_from([4, 6]),
            protocol=st.none() | _words, port_min=_numbers, port_max=_numbers,
            remote_cidr=st.none() | _words, remote_group_id=st.none() | _words,
        ),
        max_size=5,
    ),
    pairs=st.lists(st.tuples(_macs, _ranges), max_size=4),
)  # fmt: skip
def test_the_kernel_takes_the_rules_whatever_a_user_wrote(
    rules: list[RuleWiring], pairs: list[tuple[str, str]]
) -> None:
    """S-079, S-087: one user's odd rule never stops another one's good rule from being loaded"""
    new = _wish(*rules)
    new = replace(new, ports=(replace(new.ports[0], allowed_pairs=tuple(pairs)), new.ports[1]))
    text = nft_text.render(nft_rules.tables(filters.wanted(new, {uid("net"): bridge_name(uid("net"))}), "check"))
    Runner().run(["nft", "--check", "-f", "-"], timeout=10, input=text)


def _blocks(rig: Rig) -> dict[str, list[str]]:
    """Every set, map and chain of the kernel's rules by its name; elements and rules as words, sets sorted."""
    found = {}
    for family in ("bridge", "inet"):
        argv = ["nft", "-s", "list", "table", family, f"iaas_{rig.settings.mark}"]
        text = rig.runner.run(argv, timeout=10).stdout
        for kind, name, body in re.findall(r"^\t(set|map|chain) (\S+) \{(.*?)^\t\}", text, re.MULTILINE | re.DOTALL):
            words = body.split()
            found[f"{family} {name}"] = words if kind == "chain" else sorted(word.rstrip(",") for word in words)
    return found


def _changes() -> list[HostWiring]:
    """Wishes that differ from their neighbours in every way that a filter can."""
    first = _wish(rule(protocol="tcp", port_min=80, port_max=80))
    ranges = replace(first.ports[0], allowed_pairs=((mac(1), "10.99.0.0/16"), (mac(1), "fd00::/64")), ips=())
    grouped = replace(first, groups=(first.groups[0], group("guarded", rule(remote_group_id=uid("open")))))
    crowd = small(1, 2, 3, name="crowd", zone=ZONE + 40)
    return [
        first,
        _wish(rule(protocol="icmp"), rule(protocol="udp")),
        replace(first, ports=(ranges, first.ports[1])),
        replace(first, ports=(replace(ranges, allowed_pairs=((mac(1), "10.0.0.0/8"),)), first.ports[1])),
        grouped,
        replace(grouped, ports=(grouped.ports[0], replace(grouped.ports[1], groups=(), mac=mac(77)))),
        replace(grouped, ports=tuple(replace(item, port_security=False) for item in grouped.ports)),
        wish(first.networks + crowd.networks, first.ports + crowd.ports, first.groups + crowd.groups),
        wish(crowd.networks, crowd.ports[:1], crowd.groups),
        wish(crowd.networks),
        wish(),
    ]


def test_a_difference_leads_to_the_same_rules_as_a_whole_load(rig: Rig) -> None:
    """each change is one transaction of its own size, and there is no other way to tell that it was one"""
    loads: list[str] = []
    run = rig.runner.run
    rig.driver._runner.run = lambda argv, **rest: (loads.append(str(rest.get("input"))), run(argv, **rest))[1]  # type: ignore[attr-defined, method-assign]
    for wanted in _changes():
        loads.clear()
        _apply(rig, wanted)
        assert [text for text in loads if "element" in text or "rule" in text], "something was loaded"
        assert not [text for text in loads if "delete table" in text], "and a difference was enough"
        changed = _blocks(rig)
        rig.runner.run(["nft", "add", "chain", "inet", f"iaas_{rig.settings.mark}", "stray"], timeout=10)
        _apply(rig, wanted)
        assert [text for text in loads if "delete table" in text], "somebody else's change: the whole is loaded"
        assert _blocks(rig) == changed
