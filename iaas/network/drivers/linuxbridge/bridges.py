"""Linux bridges and the taps in them: what is there, and how to make it so. Knows no namespace, no rule.

Looking asks the kernel (iaas/host/netlink.py), changing is one ``ip -batch``.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

from iaas import failpoints
from iaas.errors import Conflict, NotFound
from iaas.host import netlink
from iaas.host.exec import Runner
from iaas.host.netlink import Link
from iaas.network.agent.steps import EnsureBridge, PlugTap
from iaas.network.drivers.driver import Bridge

_SECONDS = 10.0
_NF_CALL = (36, 37)  # IFLA_BR_NF_CALL_IPTABLES, …_IP6TABLES


def batch(runner: Runner, lines: list[str], *, namespace: str | None = None, tool: str = "ip") -> None:
    """Runs ``ip`` or ``bridge`` commands in one process."""
    if lines:
        argv = [tool, *(["-n", namespace] if namespace else []), "-batch", "-"]
        runner.run(argv, timeout=_SECONDS, input="\n".join(lines) + "\n")


def exists(device: str) -> bool:
    return index(device) is not None


def index(device: str) -> int | None:
    """The device's number in the calling thread's namespace."""
    try:
        return socket.if_nametoindex(device)
    except OSError:  # "no interface with this name": the only one, and without a number
        return None


def master(links: Mapping[str, Link], device: str) -> str | None:
    """The bridge that the device is a member of; None: of none, or there is no such device."""
    number = links[device].master if device in links else 0
    return next((link.name for link in links.values() if number and link.index == number), None)


def found_bridges(links: Mapping[str, Link]) -> tuple[Bridge, ...]:
    return tuple(sorted(_bridges(links), key=lambda bridge: bridge.name))


def found_taps(links: Mapping[str, Link]) -> tuple[tuple[str, str | None], ...]:
    names = {link.index: link.name for link in links.values()}
    taps = [link for link in links.values() if link.name.startswith("tap")]
    return tuple(sorted((tap.name, names.get(tap.master)) for tap in taps))


def ensure(runner: Runner, step: EnsureBridge) -> None:
    """Raises NotFound when the operator's bridge of a flat network is not there."""
    name = step.name
    if not step.own:
        if not exists(name):
            raise NotFound(f"bridge {name} of the physical network does not exist on this host")
        batch(runner, [f"link set {name} type bridge nf_call_iptables 1 nf_call_ip6tables 1"])
        return
    lines = [] if exists(name) else [f"link add {name} type bridge forward_delay 0 stp_state 0"]
    lines.append(f"link set {name} mtu {int(step.mtu)} address {_mac(step.network_id)}")
    lines.append(f"link set {name} type bridge nf_call_iptables 1 nf_call_ip6tables 1")
    failpoints.hit("network.agent.before_bridge")
    batch(runner, lines)
    switch = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
    if switch.exists():  # before it is up, so that the host never has an address on it (S-082)
        switch.write_text("1")
    batch(runner, [f"link set {name} up"])
    failpoints.hit("network.agent.after_bridge")


def refuse_while_used(name: str) -> None:
    """Raises Conflict while a guest is plugged in: never pull the floor from under it."""
    guests = [tap for tap, bridge in found_taps(netlink.links()) if bridge == name]
    if guests:
        raise Conflict(f"bridge {name} still has guests: {', '.join(guests)}")


def remove(runner: Runner, name: str) -> None:
    """Raises Conflict while a guest is plugged in. Harmless when the bridge is gone."""
    refuse_while_used(name)
    if exists(name):
        failpoints.hit("network.agent.before_bridge_removed")
        batch(runner, [f"link delete {name}"])


def plug(runner: Runner, step: PlugTap) -> None:
    """Harmless when the tap has gone away meanwhile."""
    links = netlink.links()
    if step.tap in links and master(links, step.tap) != step.bridge:
        batch(runner, [f"link set {step.tap} master {step.bridge}", f"link set {step.tap} up"])


def _mac(network_id: str) -> str:
    """A bridge without a MAC of its own takes its members', and forgets its neighbours at every change."""
    return ":".join(["02", *(network_id[at : at + 2] for at in range(0, 8, 2)), network_id[9:11]])


def _bridges(links: Mapping[str, Link]) -> Iterator[Bridge]:
    for link in links.values():
        if link.kind == "bridge":
            filtered = all(link.details.get(number) == b"\1" for number in _NF_CALL)
            quiet = _without_ipv6(link.name)
            yield Bridge(name=link.name, mtu=link.mtu, up=link.up, filtered=filtered, quiet=quiet)


def _without_ipv6(name: str) -> bool:
    switch = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
    try:
        return switch.read_text().strip() == "1"
    except FileNotFoundError:
        return True
