"""What a stack needs from the kernel's network: its namespace if it has one, and the bridge to the "outside"."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from devstack.stack import files, processes
from devstack.stack.failure import Failure
from devstack.stack.settings import Settings

EXTERNAL_BRIDGE = "br-ex"
# Never a documentation range: machines that borrow one reach their package registries through it.
_EXTERNAL = ("172.24.4.0/24", "10.224.4.0/24", "192.168.224.0/24", "172.31.224.0/24")
_PRIVATE = ("10.20.0.0/24", "172.29.20.0/24", "192.168.220.0/24", "10.220.0.0/24")


def namespace_path(settings: Settings) -> Path:
    return Path("/run/netns") / settings.netns


def enter_namespace(settings: Settings, arguments: list[str]) -> None:
    """For a stack with a namespace: makes it and starts this program again inside it, where it then returns."""
    if not settings.netns:
        return
    path = namespace_path(settings)
    if not path.exists():
        processes.run(["ip", "netns", "add", settings.netns])
    if path.samefile("/proc/self/ns/net"):
        processes.run(["ip", "link", "set", "lo", "up"])
        return
    # not `ip netns exec`, which mounts another /sys
    os.execvp("nsenter", ["nsenter", f"--net={path}", *arguments])  # noqa: S606 - a shell is what we don't want


def routes() -> list[ipaddress.IPv4Network]:
    """The IPv4 destinations that this machine has a route to, without the default route."""
    entries = json.loads(processes.run(["ip", "-4", "-json", "route", "show"]) or "[]")
    found = [str(entry["dst"]) for entry in entries if entry["dst"] != "default"]
    return [ipaddress.IPv4Network(text, strict=False) for text in found]


def known_addresses() -> list[ipaddress.IPv4Network]:
    """Addresses that this machine talks to by its configuration: its name servers and what it names itself. They may
    lie behind the default route, where no route of their own tells of them."""
    found = []
    for file in (Path("/etc/resolv.conf"), Path("/etc/hosts")):
        for word in file.read_text().split() if file.exists() else ():
            try:
                found.append(ipaddress.IPv4Network(word))
            except ValueError:
                continue
    return found


def taken() -> list[ipaddress.IPv4Network]:
    """What a network of the cloud must not overlap."""
    return [*routes(), *known_addresses()]


def free_subnet(used: Iterable[ipaddress.IPv4Network], ranges: Iterable[str] = _PRIVATE) -> str:
    """The first of a few private ranges that overlaps none of those."""
    used, ranges = list(used), list(ranges)
    for text in ranges:
        if not any(ipaddress.IPv4Network(text).overlaps(other) for other in used):
            return text
    raise Failure(f"no range is left for a network of the cloud: {', '.join(ranges)} are all in use")


def external(settings: Settings) -> ipaddress.IPv4Interface:
    """The gateway of the network that public addresses come from: br-ex, or the machine's end of the hosts' outside.
    Raises Failure without the bridge."""
    if settings.fleet:
        outside = ipaddress.IPv4Network(settings.fleet.external)
        return ipaddress.IPv4Interface(f"{outside[1]}/{outside.prefixlen}")
    found = json.loads(processes.run(["ip", "-4", "-json", "address", "show", "dev", EXTERNAL_BRIDGE]))
    for item in found:
        for address in item.get("addr_info", ()):
            return ipaddress.IPv4Interface(f"{address['local']}/{address['prefixlen']}")
    raise Failure(f"{EXTERNAL_BRIDGE} has no IPv4 address, so there is no network for public addresses")


def ensure_bridge(settings: Settings) -> None:
    """Makes br-ex with its address, unless the machine has one already."""
    made = settings.state / "made-bridge"
    links = {entry["ifname"] for entry in json.loads(processes.run(["ip", "-json", "link", "show"]))}
    if EXTERNAL_BRIDGE not in links:
        subnet = ipaddress.IPv4Network(free_subnet(taken(), _EXTERNAL))
        files.write(made, f"{subnet[1]}/{subnet.prefixlen}\n")
        processes.run(["ip", "link", "add", EXTERNAL_BRIDGE, "type", "bridge"])
    if made.exists():  # an interrupted run may have left it without an address
        processes.run(["ip", "address", "replace", made.read_text().strip(), "dev", EXTERNAL_BRIDGE])
        processes.run(["ip", "link", "set", EXTERNAL_BRIDGE, "up"])


def remove_bridge(settings: Settings) -> None:
    if (settings.state / "made-bridge").exists():
        processes.run(["ip", "link", "delete", EXTERNAL_BRIDGE], check=False)


def check_ports(settings: Settings) -> None:
    """Raises Failure if somebody else listens on one of our ports. To be asked before the stack runs."""
    for item in fields(settings.ports):
        port = getattr(settings.ports, item.name)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                taken = f"port {port} ({item.name}) is taken by {_owner(port)}"
                raise Failure(f"{taken}: stop that, or choose others with --port-base") from error


def _owner(port: int) -> str:
    """Who listens there, as ``ss`` words it."""
    said = processes.run(["ss", "-Hltnp", f"sport = :{port}"], check=False).split("users:")
    return said[1].strip() if len(said) > 1 else "another program"
