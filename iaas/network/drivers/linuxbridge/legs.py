"""A leg: the veth pair that leads from a bridge into a namespace of ours, and what is configured on its inner end.

DHCP servers and routers stand on legs. The outer end is a member of the bridge; it is not called tap…: to the packet
filter a tap is a guest.
"""

from __future__ import annotations

from dataclasses import dataclass

from iaas.errors import NotFound
from iaas.host import netlink, netns
from iaas.host.exec import Runner
from iaas.host.netlink import Link, Route
from iaas.network.drivers.linuxbridge import bridges


@dataclass(frozen=True, kw_only=True)
class Inside:
    """What a namespace holds. ``addresses``: device -> address/prefix length; ``routes``: device -> IPv4 routes."""

    links: dict[str, Link]
    addresses: dict[str, frozenset[str]]
    routes: dict[str, tuple[Route, ...]]


def inside(namespace: str) -> Inside:
    """Raises NotFound without the namespace."""
    return netns.inside(namespace, look)


def ensure(
    runner: Runner, namespace: str, *, outer: str, inner: str, mac: str, mtu: int, bridge: str
) -> bool:  # fmt: skip
    """The pair stands, both ends up, with this MAC and MTU; True when it had to be made. Raises NotFound without the
    bridge."""
    if not bridges.exists(bridge):
        raise NotFound.of("bridge", bridge)
    made = not bridges.exists(outer) or netns.inside(namespace, lambda: bridges.index(inner)) is None
    lines = [f"link delete {outer}"] if made and bridges.exists(outer) else []
    if made:
        lines.append(f"link add {outer} type veth peer name {inner} address {mac} netns {namespace}")
    lines += [f"link set {outer} mtu {int(mtu)} master {bridge}", f"link set {outer} up"]
    bridges.batch(runner, lines)
    bridges.batch(
        runner, [f"link set {inner} mtu {int(mtu)} address {mac}", f"link set {inner} up"], namespace=namespace
    )
    return made


def address_lines(device: str, now: frozenset[str], wanted: tuple[str, ...]) -> list[str]:
    """``ip`` commands that leave exactly the wanted addresses on the device; those that are right stay untouched. No
    duplicate address detection: the database says whose they are."""
    lines = [f"address delete {address} dev {device}" for address in sorted(now - set(wanted))]
    new = [address for address in wanted if address not in now]
    return lines + [f"address replace {address} dev {device}{' nodad' if ':' in address else ''}" for address in new]


def look() -> Inside:
    """Of the calling thread's namespace."""
    links = netlink.links()
    names = {link.index: link.name for link in links.values()}
    addresses: dict[str, set[str]] = {name: set() for name in links}
    for number, address in netlink.addresses():
        if number in names:
            addresses[names[number]].add(address)
    routes: dict[str, list[Route]] = {name: [] for name in links}
    for route in netlink.routes():
        if route.index in names:
            routes[names[route.index]].append(route)
    return Inside(
        links=links,
        addresses={name: frozenset(found) for name, found in addresses.items()},
        routes={name: tuple(found) for name, found in routes.items()},
    )
