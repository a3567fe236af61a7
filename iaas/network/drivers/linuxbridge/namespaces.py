"""The namespace of a network's DHCP port: its veth, addresses and route. Knows no DHCP server.

``qdhcp-<network id>`` holds ``ns-<port>``; the outer end ``dp-<port>`` is a member of the network's bridge.
(Not called tap…: to the packet filter a tap is a guest.)
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from iaas import failpoints
from iaas.errors import Error, NotFound
from iaas.host import netns
from iaas.host.exec import Runner
from iaas.model.wiring import dhcp_namespace
from iaas.network.agent.steps import Namespace
from iaas.network.drivers.linuxbridge import bridges

_SIOCGIFMTU, _SIOCGIFHWADDR = 0x8921, 0x8927
_LOCAL_ROUTES = Path("/proc/thread-self/net/fib_trie")
_ROUTES = Path("/proc/thread-self/net/route")
_ADDRESSES6 = Path("/proc/thread-self/net/if_inet6")


def inner(port_id: str) -> str:
    return "ns-" + port_id[:11]


def outer(port_id: str) -> str:
    return "dp-" + port_id[:11]


def found(wanted: Namespace) -> Namespace | None:
    """What there is in the place of ``wanted``, in its terms; None when it is missing or can't be read."""
    bridge = bridges.master(outer(wanted.port_id))
    name = dhcp_namespace(wanted.network_id)
    if bridge is None or netns.identity(name) is None:
        return None
    try:
        return netns.inside(name, lambda: _look(wanted, bridge))
    except (OSError, Error):
        return None


def ensure(runner: Runner, wanted: Namespace) -> None:
    """Makes the namespace as wanted; what is already right is not touched, so that no packet is lost. Raises
    NotFound without the bridge."""
    name, ns, dp = dhcp_namespace(wanted.network_id), inner(wanted.port_id), outer(wanted.port_id)
    if not bridges.exists(wanted.bridge):
        raise NotFound.of("bridge", wanted.bridge)
    failpoints.hit("network.agent.before_namespace")
    netns.create(runner, name)
    if not bridges.exists(dp) or not _has(name, ns):
        if bridges.exists(dp):
            bridges.batch(runner, [f"link delete {dp}"])
        bridges.batch(runner, [f"link add {dp} type veth peer name {ns} address {wanted.mac} netns {name}"])
    failpoints.hit("network.agent.after_namespace")
    now = found(wanted)
    keep = set(wanted.addresses)
    stale = [address for address in (now.addresses if now else ()) if address not in keep]
    mtu = int(wanted.mtu)
    bridges.batch(runner, [f"link set {dp} mtu {mtu} master {wanted.bridge}", f"link set {dp} up"])
    lines = [f"link set {ns} mtu {mtu} address {wanted.mac}", f"link set {ns} up"]
    lines += [f"address delete {address} dev {ns}" for address in stale]
    lines += [f"address replace {address} dev {ns}{_flags(address)}" for address in wanted.addresses]
    if wanted.gateway:
        lines.append(f"route replace default via {wanted.gateway} dev {ns} onlink")
    elif now is not None and now.gateway:
        lines.append("route delete default")
    bridges.batch(runner, lines, namespace=name)


def remove(runner: Runner, network_id: str, port_id: str | None) -> None:
    """Takes the veth away before the name, so that nothing lives on behind a process that still holds it."""
    failpoints.hit("network.agent.before_namespace_removed")
    if port_id is not None and bridges.exists(outer(port_id)):
        bridges.batch(runner, [f"link delete {outer(port_id)}"])
    netns.delete(runner, dhcp_namespace(network_id))


def _flags(address: str) -> str:
    return " nodad" if ":" in address else ""  # the address is ours by the database: no time to ask around


def _has(name: str, device: str) -> bool:
    def look() -> bool:
        return device in [interface for _, interface in socket.if_nameindex()]

    return netns.inside(name, look)


def _look(wanted: Namespace, bridge: str) -> Namespace:
    """Runs inside the namespace. procfs and two ioctls: no process per namespace and look."""
    device = inner(wanted.port_id)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16s16x", device.encode())
        mtu = struct.unpack("16xi12x", fcntl.ioctl(probe, _SIOCGIFMTU, request))[0]
        mac = fcntl.ioctl(probe, _SIOCGIFHWADDR, request)[18:24].hex(":")
    return Namespace(
        network_id=wanted.network_id,
        bridge=bridge,
        port_id=wanted.port_id,
        mac=mac,
        mtu=mtu,
        addresses=tuple(sorted([*_addresses4(wanted), *_addresses6(device)])),
        gateway=_gateway(device),
    )


def _addresses4(wanted: Namespace) -> set[str]:
    """Local IPv4 addresses; the prefix is the wanted one if its route is there, as procfs shows none."""
    local, last = set(), ""
    for line in _LOCAL_ROUTES.read_text().splitlines():
        words = line.split()
        if words[:1] == ["|--"]:
            last = words[1]
        elif "LOCAL" in words and not last.startswith("127."):
            local.add(last)
    prefixes = _connected(inner(wanted.port_id))
    known = {address.split("/")[0]: address for address in wanted.addresses}
    found = set()
    for ip in local:
        address = known.get(ip, f"{ip}/32")
        length = int(address.split("/")[1])
        network = int(IPv4Address(ip)) >> (32 - length) << (32 - length)
        found.add(address if length == 32 or (network, length) in prefixes else f"{ip}/32")
    return found


def _routes(device: str) -> list[tuple[int, int, int]]:
    """(destination, gateway, prefix length) of the device's IPv4 routes."""
    routes = []
    for line in _ROUTES.read_text().splitlines()[1:]:
        words = line.split()
        if words[0] == device:
            destination, gateway, mask = (socket.ntohl(int(words[index], 16)) for index in (1, 2, 7))
            routes.append((destination, gateway, mask.bit_count()))
    return routes


def _connected(device: str) -> set[tuple[int, int]]:
    return {(destination, length) for destination, gateway, length in _routes(device) if not gateway}


def _gateway(device: str) -> str | None:
    for destination, gateway, length in _routes(device):
        if length == 0 and destination == 0:
            return str(IPv4Address(gateway))
    return None


def _addresses6(device: str) -> set[str]:
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for line in _ADDRESSES6.read_text().splitlines():
            raw, _, prefix, _, _, name = line.split()
            address = IPv6Address(int(raw, 16))
            if name == device and not address.is_link_local:
                found.add(f"{address}/{int(prefix, 16)}")
    return found
