"""Linux bridges and the taps in them: what is there, and how to make it so. Knows no namespace, no rule.

Looking reads /sys, changing is one ``ip -batch``: faster than netlink from Python here, and pyroute2 would
cost every network host 21 MB of memory (measured), twice what the rest of the agent needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from iaas import failpoints
from iaas.errors import Conflict, NotFound
from iaas.host.exec import Runner
from iaas.network.agent.steps import EnsureBridge, PlugTap
from iaas.network.drivers.driver import Bridge

_NET = Path("/sys/class/net")
_SECONDS = 10.0
_UP = 1  # IFF_UP


def batch(runner: Runner, lines: list[str], *, namespace: str | None = None, force: bool = False) -> None:
    """Runs ``ip`` commands in one process; ``force``: goes on after one that fails, and counts as done."""
    argv = ["ip", *(["-n", namespace] if namespace else []), *(["-force"] if force else []), "-batch", "-"]
    runner.run(argv, timeout=_SECONDS, input="\n".join(lines) + "\n", ok_codes=(0, 1) if force else (0,))


def exists(device: str) -> bool:
    return (_NET / device).exists()


def master(device: str) -> str | None:
    """The bridge that the device is a member of; None: of none, or there is no such device."""
    link = _NET / device / "master"
    return link.readlink().name if link.is_symlink() else None


def found_bridges() -> tuple[Bridge, ...]:
    return tuple(sorted(_bridges(), key=lambda bridge: bridge.name))


def found_taps() -> tuple[tuple[str, str | None], ...]:
    return tuple(sorted((path.name, master(path.name)) for path in _NET.glob("tap*")))


def ensure(runner: Runner, step: EnsureBridge) -> None:
    """Raises NotFound when the operator's bridge of a flat network is not there."""
    name = step.name
    if not step.own:
        if not exists(name):
            raise NotFound(f"bridge {name} of the physical network does not exist on this host")
        batch(runner, [f"link set {name} type bridge nf_call_iptables 1 nf_call_ip6tables 1"])
        return
    lines = [] if exists(name) else [f"link add {name} type bridge forward_delay 0 stp_state 0"]
    lines.append(f"link set {name} mtu {int(step.mtu)} type bridge nf_call_iptables 1 nf_call_ip6tables 1")
    failpoints.hit("network.agent.before_bridge")
    batch(runner, lines)
    switch = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
    if switch.exists():  # before it is up, so that the host never has an address on it (S-082)
        switch.write_text("1")
    batch(runner, [f"link set {name} up"])
    failpoints.hit("network.agent.after_bridge")


def refuse_while_used(name: str) -> None:
    """Raises Conflict while a guest is plugged in: never pull the floor from under it."""
    guests = sorted(path.name for path in (_NET / name / "brif").glob("tap*"))
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
    if exists(step.tap) and master(step.tap) != step.bridge:
        batch(runner, [f"link set {step.tap} master {step.bridge}", f"link set {step.tap} up"])


def _bridges() -> Iterator[Bridge]:
    for path in _NET.glob("*/bridge"):
        name = path.parent.name
        try:
            calls = {(path / f"nf_call_{kind}").read_text().strip() for kind in ("iptables", "ip6tables")}
            yield Bridge(
                name=name,
                mtu=int((path.parent / "mtu").read_text()),
                up=bool(int((path.parent / "flags").read_text(), 16) & _UP),
                filtered=calls == {"1"},
                quiet=_without_ipv6(name),
            )
        except FileNotFoundError:
            continue  # somebody removed it while we looked: then it is not there


def _without_ipv6(name: str) -> bool:
    switch = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
    return not switch.exists() or switch.read_text().strip() == "1"
