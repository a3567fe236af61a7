"""The packet filter in nft's terms. Pure: a Filter in, tables out (nft_text.py words them); knows no process and no
file.

Two tables of one name. ``bridge`` writes the number of a packet's source port into its mark and drops what
lies about its sender (MAC, address, ARP, ND, DHCP); ``inet``, reached through br_netfilter, follows
connections and applies the security groups: egress rules by the source's mark, then, once the bridge has
chosen the way out, the ingress rules by the destination's mark. The design and its measurements:
research/network-dataplane.md, section 3. Marks come from port ids, so that several agents on one machine do
not disturb each other. What can't be understood (an odd rule, address or id) is left out, which only ever
forbids.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from iaas.ids import is_uuid
from iaas.model.wiring import tap_name
from iaas.network.agent.steps import Filter, FilterPort
from iaas.network.drivers.linuxbridge import nft_groups, nft_text
from iaas.network.drivers.linuxbridge.nft_text import Collection, Item, Table

TO_HOST = 0x69616173  # the mark of a guest's packet that goes up to the host itself
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
_DEVICE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_REMEMBERED = 4096  # ports
_SENDERS = {  # set -> (type, flags)
    "mac_ok": ("type ifname . ether_addr", ""),
    "chaddr_ok": ("typeof iifname . @th,288,48", ""),
    "target_ok": ("typeof iifname . @th,64,128", ""),
    "ip4_ok": ("type ifname . ether_addr . ipv4_addr", ""),
    "ip4_range": ("type ifname . ether_addr . ipv4_addr", "flags interval;"),
    "ip6_ok": ("type ifname . ether_addr . ipv6_addr", ""),
    "ip6_range": ("type ifname . ether_addr . ipv6_addr", "flags interval;"),
}


def table_name(mark: str) -> str:
    return f"iaas_{mark}"


def tables(wanted: Filter, mark: str) -> tuple[Table, ...]:
    """The two tables that make the filter."""
    ports = [port for port in wanted.ports if _sound(port)]
    numbers, name = marks(ports), table_name(mark)
    return (
        Table(family="bridge", name=name, items=tuple(_bridge(wanted, ports, numbers))),
        Table(family="inet", name=name, items=tuple(_inet(wanted, ports, numbers))),
    )


def marks(ports: Sequence[FilterPort]) -> dict[str, int]:
    """Port id -> its number: from the id itself, so that it stays the same whatever else is on the host."""
    numbers: dict[str, int] = {}
    taken = {0, TO_HOST}
    for port in ports:
        number = int(port.id.replace("-", "")[:8], 16)
        while number in taken:
            number = (number + 1) & 0xFFFFFFFF
        taken.add(number)
        numbers[port.id] = number
    return numbers


def _sound(port: FilterPort) -> bool:
    return bool(is_uuid(port.id) and _MAC.fullmatch(port.mac) and _DEVICE.fullmatch(port.bridge))


def collection(kind: str, name: str, type: str, elements: Iterable[str], flags: str = "") -> Collection:
    return Collection(kind=kind, name=name, type=type, elements=frozenset(elements), flags=flags)


def _bridge(wanted: Filter, ports: Sequence[FilterPort], numbers: dict[str, int]) -> Iterator[Item]:
    flat, arriving = set(wanted.flat), set(wanted.arriving)
    tap = {port.id: f'"{tap_name(port.id)}"' for port in ports}
    yield collection(
        "map", "ports", "type ifname : mark", (f"{tap[port.id]} : {numbers[port.id]:#x}" for port in ports)
    )
    yield collection("set", "filtered", "type ifname", (tap[port.id] for port in ports if port.port_security))
    yield collection("set", "isolated", "type ifname", (tap[port.id] for port in ports if port.bridge not in flat))
    yield collection("set", "flat", "type ifname", (tap[port.id] for port in ports if port.bridge in flat))
    yield collection("set", "arriving", "type ifname", (tap[port.id] for port in ports if port.id in arriving))
    yield collection("set", "arrived", "type ifname", (), "size 65535; flags dynamic,timeout; timeout 1h;")
    yield from _senders([port for port in ports if port.port_security])
    yield from nft_text.chains(_BRIDGE_CHAINS)


def _senders(ports: Sequence[FilterPort]) -> Iterator[Item]:
    """What each port may say of itself: MACs, addresses, neighbour advertisements, DHCP's chaddr."""
    found: dict[str, set[str]] = {name: set() for name in _SENDERS}
    for port in ports:
        for name, elements in _sender(port):
            found[name].update(elements)
    for name, (type, flags) in _SENDERS.items():
        yield collection("set", name, type, _disjoint(found[name]) if flags else found[name], flags)


@lru_cache(maxsize=_REMEMBERED)
def _sender(port: FilterPort) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(set, elements) of one port. Remembered: with many ports on a host this is most of the work, and one changes."""
    tap = f'"{tap_name(port.id)}"'
    found: dict[str, list[str]] = {name: [] for name in _SENDERS}
    for mac, address in _claims(port):
        found["mac_ok"].append(f"{tap} . {mac}")
        found["chaddr_ok"].append(f"{tap} . 0x{mac.replace(':', '')}")
        network = ip_network(address, strict=False)
        single = network.num_addresses == 1
        found[f"ip{network.version}_{'ok' if single else 'range'}"].append(
            f"{tap} . {mac} . {network.network_address if single else network}"
        )
        if single and network.version == 6:
            found["target_ok"].append(f"{tap} . {int(network.network_address):#034x}")
    return tuple((name, tuple(elements)) for name, elements in found.items() if elements)


def _claims(port: FilterPort) -> Iterator[tuple[str, str]]:
    """(MAC, address or network) that the port may send as; bad pairs are left out."""
    pairs = [(port.mac, ip) for ip in port.ips]
    pairs += [(mac.lower(), address) for mac, address in port.allowed_pairs]
    for mac in sorted({port.mac, *(mac for mac, _ in pairs)}):
        if _MAC.fullmatch(mac):
            yield mac, str(_link_local(mac))
    for mac, address in pairs:
        try:
            network = ip_network(address, strict=False)
        except ValueError:
            continue
        if _MAC.fullmatch(mac) and network.prefixlen > 0:
            yield mac, str(network)
        elif _MAC.fullmatch(mac):  # nft has no interval over everything; two halves are the same
            yield from ((mac, str(half)) for half in network.subnets())


def _disjoint(elements: Iterable[str]) -> list[str]:
    """Without the ranges that lie within another of the same port and MAC: nft refuses overlaps."""
    split = {}
    for element in set(elements):
        sender, _, network = element.rpartition(" . ")
        split[element] = (sender, ip_network(network))
    return [
        element
        for element, (sender, network) in split.items()
        if not any(
            sender == other and network != wider and network.version == wider.version
            and wider.supernet_of(network)  # type: ignore[arg-type]
            for other, wider in split.values()
        )
    ]  # fmt: skip


def _link_local(mac: str) -> IPv6Address:
    octets = [int(part, 16) for part in mac.split(":")]
    half = [octets[0] ^ 2, octets[1], octets[2], 0xFF, 0xFE, *octets[3:]]
    return IPv6Address(bytes([0xFE, 0x80, 0, 0, 0, 0, 0, 0, *half]))


def _inet(wanted: Filter, ports: Sequence[FilterPort], numbers: dict[str, int]) -> Iterator[Item]:
    secured = [port for port in ports if port.port_security]
    zones = (f'"{bridge}" : {int(zone)}' for bridge, zone in wanted.zones if _DEVICE.fullmatch(bridge))
    yield collection("map", "zones", "typeof iifname : ct zone", zones)
    yield collection("set", "filtered", "type mark", (f"{numbers[port.id]:#x}" for port in secured))
    for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
        yield collection(
            "map", f"routed{version}", f"type ifname . {kind} : mark",
            _routed(wanted, secured, numbers, version),
        )  # fmt: skip
    yield from nft_groups.sets(wanted.groups)
    yield from nft_groups.group_chains(wanted.groups)
    yield from nft_groups.port_chains(secured, wanted.groups)
    for direction in ("egress", "ingress"):
        jumps = (f"{numbers[port.id]:#x} : goto {nft_groups.port_chain(port.id, direction)}" for port in secured)
        yield collection("map", direction, "type mark : verdict", jumps)
    yield from nft_text.chains(_INET_CHAINS)
    yield from _tunnels(wanted.peers)


def _tunnels(peers: tuple[str, ...] | None) -> Iterator[Item]:
    """Only hosts of this cloud may send into a tunnel (S-083), and their packets need no connection tracking."""
    if peers is None:
        return
    for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
        known = (str(ip_address(peer)) for peer in peers if nft_groups.is_address(peer, version))
        yield collection("set", f"peers{version}", f"type {kind}", known)
    yield from nft_text.chains(_TUNNEL_CHAINS)


def _routed(wanted: Filter, ports: Sequence[FilterPort], numbers: dict[str, int], version: int) -> Iterator[str]:
    """Flat networks: the port behind an address, for packets that the host itself routes to the bridge."""
    seen = set()
    for port in ports:
        for ip in port.ips if port.bridge in wanted.flat else ():
            if nft_groups.is_address(ip, version) and (port.bridge, ip) not in seen:
                seen.add((port.bridge, ip))
                yield f'"{port.bridge}" . {ip_address(ip)} : {numbers[port.id]:#x}'


# The bridge of flat networks also carries the frames of VLANs: its guests neither send nor see any with a tag.
# The "unknown" and "clear" chains run after, and before, those of every other agent on the machine: a tap
# that any of them knows has a mark by then, and none wipes what another wrote.
_BRIDGE_CHAINS = """\
chain prerouting { type filter hook prerouting priority -300; policy accept;
  meta mark set iifname map @ports
  iifname @flat ether type { 0x8100, 0x88a8 } counter drop comment "vlan-hop"
  iifname @filtered jump guard
  iifname @arriving add @arrived { iifname }
}
chain untagged { type filter hook postrouting priority -200; policy accept;
  oifname @flat ether type { 0x8100, 0x88a8 } counter drop comment "vlan-of-others"
}
chain unknown { type filter hook prerouting priority -290; policy accept;
  iifname "tap*" meta mark 0 counter drop comment "unknown-tap"
}
chain guard {
  iifname . ether saddr != @mac_ok counter drop comment "mac-spoof"
  ether type arp goto guard_arp
  ether type ip goto guard_ip4
  ether type ip6 goto guard_ip6
  ether type 0x8035 return comment "QEMU announces itself after a migration"
  counter drop comment "other-ethertype"
}
chain guard_arp {
  arp saddr ip 0.0.0.0 iifname . arp saddr ether @mac_ok return
  iifname . arp saddr ether . arp saddr ip @ip4_ok return
  iifname . arp saddr ether . arp saddr ip @ip4_range return
  counter drop comment "arp-spoof"
}
chain guard_ip4 {
  udp sport 67 udp dport 68 counter drop comment "dhcp-server"
  udp sport 68 udp dport 67 iifname . @th,288,48 != @chaddr_ok counter drop comment "dhcp-for-another"
  iifname . ether saddr . ip saddr @ip4_ok return
  iifname . ether saddr . ip saddr @ip4_range return
  ip saddr 0.0.0.0 udp sport 68 udp dport 67 return
  ip saddr 0.0.0.0 ip protocol igmp return
  counter drop comment "ip-spoof"
}
chain guard_ip6 {
  icmpv6 type { nd-router-advert, nd-redirect } counter drop comment "router-advert"
  udp sport 547 udp dport 546 counter drop comment "dhcpv6-server"
  icmpv6 type nd-neighbor-advert iifname . @th,64,128 @target_ok return
  icmpv6 type nd-neighbor-advert counter drop comment "neighbor-spoof"
  iifname . ether saddr . ip6 saddr @ip6_ok return
  iifname . ether saddr . ip6 saddr @ip6_range return
  ip6 saddr :: icmpv6 type { nd-neighbor-solicit, nd-router-solicit, mld-listener-report, \
mld2-listener-report } return
  counter drop comment "ip6-spoof"
}
chain to_host { type filter hook input priority -200; policy accept;
  iifname @isolated counter drop comment "guest-to-host"
  iifname "tap*" meta mark set 0x69616173
}
chain clear { type filter hook forward priority -210; policy accept;
  iifname "tap*" meta mark set 0
}
chain forward { type filter hook forward priority -200; policy accept;
  oifname @arriving oifname != @arrived counter drop comment "not-here-yet"
  meta mark set oifname map @ports
  oifname @filtered ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 \
oifname . ether daddr != @mac_ok counter drop comment "not-for-port"
}"""

# Fragments are whole again in the inet hooks, so what the guard forbids by UDP port or ICMPv6 type is looked
# at once more. The host may open connections to guests of a flat network; they may not open any to the host.
_INET_CHAINS = """\
chain raw_hook { type filter hook prerouting priority raw; policy accept;
  ct zone set iifname map @zones
}
chain egress_hook { type filter hook prerouting priority mangle; policy accept;
  meta mark != @filtered accept
  udp sport 67 udp dport 68 counter drop
  udp sport 547 udp dport 546 counter drop
  icmpv6 type { nd-router-advert, nd-redirect } counter drop
  ct state established,related accept
  ct state invalid counter drop
  udp sport 68 udp dport 67 accept
  udp sport 546 udp dport 547 accept
  ip daddr 169.254.169.254 tcp dport 80 accept
  icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-report, \
mld2-listener-report } accept
  meta mark vmap @egress
}
chain ingress_hook { type filter hook forward priority filter; policy accept;
  meta mark { 0, 0x69616173 } meta mark set oifname . ip daddr map @routed4
  meta mark { 0, 0x69616173 } meta mark set oifname . ip6 daddr map @routed6
  meta mark != @filtered accept
  ct state established,related accept
  ct state invalid counter drop
  udp sport 67 udp dport 68 accept
  udp sport 547 udp dport 546 accept
  icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept
  meta mark vmap @ingress
}
chain host_hook { type filter hook input priority filter; policy accept;
  meta mark != 0x69616173 accept
  ct state established,related accept
  counter drop comment "guest-to-host"
}"""

_TUNNEL_CHAINS = """\
chain tunnel_in_hook { type filter hook prerouting priority raw; policy accept;
  udp dport 4789 ip saddr @peers4 notrack
  udp dport 4789 ip6 saddr @peers6 notrack
}
chain tunnel_out_hook { type filter hook output priority raw; policy accept;
  udp dport 4789 ip daddr @peers4 meta mark set 0 notrack
  udp dport 4789 ip6 daddr @peers6 meta mark set 0 notrack
}
chain tunnel_hook { type filter hook input priority -10; policy accept;
  udp dport 4789 ip saddr != @peers4 counter drop comment "not-a-peer"
  udp dport 4789 ip6 saddr != @peers6 counter drop comment "not-a-peer"
}"""
