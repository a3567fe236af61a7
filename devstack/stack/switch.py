"""The two networks between the hosts of a fleet, made of bridges and pairs of devices:

    machine im… ── mgmt ── eth0 of each host      APIs, broker, database, tunnels
    machine ix… ── ext ─── eth1 of each host      in its bridge br-ex: provider networks and public addresses

Both bridges are in a network namespace "switch" of the fleet, and the machine has the first address of either
network: a client in a shell reaches APIs and floating addresses, and stands for the rest of the world.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path

from devstack.stack import plumbing, processes
from devstack.stack.failure import Failure
from devstack.stack.settings import Fleet, Settings

MANAGEMENT, EXTERNAL = "mgmt", "ext"
_BRIDGE = plumbing.EXTERNAL_BRIDGE


def namespace(settings: Settings) -> str:
    return settings.netns_of("switch")


def devices(settings: Settings) -> dict[str, str]:
    """Network -> the machine's own device in it."""
    return {MANAGEMENT: f"im{settings.tag or '0'}", EXTERNAL: f"ix{settings.tag or '0'}"}


def _ranges(kind: int, state: Path) -> Iterator[str]:
    """Private networks to try: each stack begins somewhere else, so that two that start together do not collide."""
    begin = hashlib.sha256(str(state).encode()).digest()[kind]
    for number in range(256):
        yield f"10.{192 + 16 * kind + (begin + number) % 16}.{(begin + number) % 256}.0/24"


def choose(state: Path) -> tuple[str, str]:
    """Networks for management and the outside that nothing on this machine overlaps."""
    used = plumbing.taken()
    management = plumbing.free_subnet(used, _ranges(0, state))
    return management, plumbing.free_subnet([*used, ipaddress.IPv4Network(management)], _ranges(1, state))


def ensure(settings: Settings) -> None:
    """Makes the switch, and the machine's ends of it."""
    space = namespace(settings)
    if not _exists(space):
        processes.run(["ip", "netns", "add", space])
    for bridge in (MANAGEMENT, EXTERNAL):
        if not _has(space, bridge):
            _ip(space, "link", "add", bridge, "type", "bridge")
        _ip(space, "link", "set", bridge, "up")
    for network, device in devices(settings).items():
        if not (Path("/sys/class/net") / device).exists():
            processes.run(["ip", "link", "add", device, "type", "veth", "peer", "name", "machine", "netns", space])
            _ip(space, "link", "set", "machine", "name", f"machine-{network}", "master", network, "up")
        address = _machine_address(settings.fleet, network)
        processes.run(["ip", "address", "replace", address, "dev", device])
        processes.run(["ip", "link", "set", device, "up"])


def _machine_address(fleet: Fleet | None, network: str) -> str:
    assert fleet
    subnet = ipaddress.IPv4Network(fleet.management if network == MANAGEMENT else fleet.external)
    return f"{subnet[1]}/{subnet.prefixlen}"


def plug(settings: Settings, host: Settings) -> None:
    """Gives a host that is off a new network namespace, as a kernel that has just started has it."""
    assert settings.fleet and host.host
    unplug(settings, host)
    space, switch, name = host.netns, namespace(settings), host.host.name
    processes.run(["ip", "netns", "add", space])
    _ip(space, "link", "set", "lo", "up")
    for device, network in (("eth0", MANAGEMENT), ("eth1", EXTERNAL)):
        port = _port(network, name)
        _ip(switch, "link", "add", port, "type", "veth", "peer", "name", device, "netns", space)
        _ip(switch, "link", "set", port, "master", network, "up")
    prefix = ipaddress.IPv4Network(settings.fleet.management).prefixlen
    _ip(space, "address", "add", f"{settings.fleet.address(host.host)}/{prefix}", "dev", "eth0")
    _ip(space, "link", "set", "eth0", "up")
    _ip(space, "link", "add", _BRIDGE, "type", "bridge")
    _ip(space, "link", "set", "eth1", "master", _BRIDGE, "up")
    _ip(space, "link", "set", _BRIDGE, "up")


def unplug(settings: Settings, host: Settings) -> None:
    """Removes the namespace with all that is in it, and the host's cables."""
    assert host.host
    if _exists(host.netns):
        processes.run(["ip", "netns", "delete", host.netns])
    for network in (MANAGEMENT, EXTERNAL):  # the kernel takes a while to end a namespace; its cables must not wait
        _ip(namespace(settings), "link", "delete", _port(network, host.host.name), check=False)


def connect(settings: Settings, host: Settings, plugged: bool, network: str = MANAGEMENT) -> None:
    """Pulls the host's cable out of the management network, or puts it back. Packets vanish; nobody is told."""
    assert host.host
    if not _exists(host.netns):
        raise Failure(f"{host.host.name} is off")
    _ip(namespace(settings), "link", "set", _port(network, host.host.name), "up" if plugged else "down")


def remove(settings: Settings) -> None:
    """The switch and the machine's ends; the hosts' namespaces first."""
    for host in settings.every_host:
        if _exists(host.netns):
            processes.run(["ip", "netns", "delete", host.netns])
    for device in devices(settings).values():
        processes.run(["ip", "link", "delete", device], check=False)
    if _exists(namespace(settings)):
        processes.run(["ip", "netns", "delete", namespace(settings)])


def namespaces(settings: Settings) -> Iterable[str]:
    """The names of all that belong to the fleet."""
    return (namespace(settings), *(host.netns for host in settings.every_host))


def _port(network: str, host: str) -> str:
    return f"{'m' if network == MANAGEMENT else 'x'}-{host}"


def _exists(space: str) -> bool:
    return (Path("/run/netns") / space).exists()


def _has(space: str, device: str) -> bool:
    return bool(_ip(space, "link", "show", device, check=False))


def _ip(space: str, *words: str, check: bool = True) -> str:
    return processes.run(["ip", "-n", space, *words], check=check)
