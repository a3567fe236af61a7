"""Routers: a namespace each, with a leg into every network, addresses, routes, and translation by nft.

``qrouter-<router id>`` holds ``qr-<port>`` for an interface and ``qg-<port>`` for the gateway; the outer end of both
is ``rp-<port>``. The rules stand before the first leg. What was last completed is recorded: the difference to it says
which flows must end and which addresses must be announced, also after a crash in between.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from iaas import failpoints
from iaas.errors import NotFound
from iaas.host import netns
from iaas.host.exec import Runner
from iaas.host.netlink import Link
from iaas.model.wiring import router_namespace
from iaas.network.agent.plan import METADATA_ADDRESS
from iaas.network.agent.routers import gateway_device, interface_device
from iaas.network.agent.steps import Leg, Router
from iaas.network.drivers.linuxbridge import bridges, legs, router_rules
from iaas.network.drivers.linuxbridge.records import Records
from iaas.network.drivers.linuxbridge.ruleset import Loaded, Ruleset

_RECORD = "router"
_SECONDS = 10.0
_DEFAULT = "0.0.0.0/0"
_SETTINGS = {  # below /proc/sys/net; "all" and "default" so that it holds for every device, now and later
    "ipv4/ip_forward": "1",
    "ipv4/conf/all/rp_filter": "1",
    "ipv4/conf/default/rp_filter": "1",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/default/send_redirects": "0",
    "ipv6/conf/all/forwarding": "0",
    "ipv6/conf/all/accept_ra": "0",
    "ipv6/conf/default/accept_ra": "0",
}


@dataclass(frozen=True, kw_only=True)
class _Done:
    """The router as it was last completed, and its rules in the kernel."""

    router: Router
    rules: Loaded


class Routers:
    """``records``: a directory a router. ``shut``: closes the metadata doors of a namespace that it is given, those at
    the named devices excepted."""

    def __init__(self, runner: Runner, records: Records, shut: Callable[[str, set[str]], None]) -> None:
        self._runner = runner
        self._records = records
        self._shut = shut
        self._rules: dict[str, Ruleset] = {}

    def ids(self) -> tuple[str, ...]:
        return tuple(self._records.ids())

    def found(self, links: Mapping[str, Link]) -> tuple[Router, ...]:
        """Those that are still as they were completed. ``links``: of the host."""
        return tuple(router for id in self.ids() if (router := self._as_completed(id, links)) is not None)

    def ensure(self, wanted: Router) -> None:
        """Raises NotFound without a leg's bridge; what is right is not touched."""
        name = router_namespace(wanted.id)
        self._records.claim(wanted.id)
        done = self._done(wanted.id)
        before = done.router if done else None
        failpoints.hit("network.agent.before_router")
        netns.create(self._runner, name)
        netns.inside(name, lambda: _settle(wanted, with_gateway=False))
        rules = self._ruleset(wanted.id).load(router_rules.render(wanted))
        failpoints.hit("network.agent.after_router_rules")
        self._forget(name, router_rules.forgotten(before, wanted))
        made = self._legs(name, wanted)
        netns.inside(name, lambda: _settle(wanted, with_gateway=True))
        failpoints.hit("network.agent.after_router_legs")
        self._routes(name, wanted)
        new = set(router_rules.announced(before, wanted))
        new |= {pair for pair in router_rules.announced(None, wanted) if pair[0] in made}
        netns.inside(name, lambda: _announce(wanted, new))
        failpoints.hit("network.agent.after_router")
        self._records.write(wanted.id, _RECORD, _Done(router=wanted, rules=rules))

    def remove(self, router_id: str) -> None:
        """The sockets first: they would keep the namespace alive without a name."""
        name = router_namespace(router_id)
        self._shut(name, set())
        failpoints.hit("network.agent.before_router_removed")
        done = self._done(router_id)
        outer = {_outer(leg.port_id) for leg in done.router.legs} if done else set()
        if netns.identity(name) is not None:
            outer |= {_outer(device[3:]) for device in self._devices(name)}
        bridges.batch(self._runner, [f"link delete {device}" for device in sorted(outer) if bridges.exists(device)])
        failpoints.hit("network.agent.before_router_namespace_removed")
        netns.delete(self._runner, name)
        self._rules.pop(router_id, None)
        self._records.forget(router_id)

    def floating_ips(self, links: Mapping[str, Link]) -> tuple[tuple[str, str], ...]:
        """(router id, address) in force."""
        return tuple((router.id, floating) for router in self.found(links) for floating, _ in router.floating)

    def _done(self, router_id: str) -> _Done | None:
        return self._records.read(router_id, _RECORD, _Done)

    def _ruleset(self, router_id: str) -> Ruleset:
        if router_id not in self._rules:
            self._rules[router_id] = Ruleset(
                self._runner, router_rules.TABLE, router_rules.FAMILIES, router_namespace(router_id)
            )
        return self._rules[router_id]

    def _devices(self, name: str) -> list[str]:
        return [device for device in legs.inside(name).links if device.startswith(("qr-", "qg-"))]

    def _as_completed(self, router_id: str, links: Mapping[str, Link]) -> Router | None:
        done, name = self._done(router_id), router_namespace(router_id)
        if done is None or netns.identity(name) is None:
            return None
        wanted = done.router
        try:
            inside, settled = netns.inside(name, lambda: (legs.look(), _is_settled(wanted)))
        except NotFound:
            return None
        devices = dict(_devices(wanted))
        whole = (
            settled
            and f"{METADATA_ADDRESS}/32" in inside.addresses["lo"]
            and {device for device in inside.links if device.startswith(("qr-", "qg-"))} == set(devices)
            and all(_leg(device, leg, inside, links) == leg for device, leg in devices.items())
            and _routes_inside(inside) == _routes_wanted(wanted)
            and self._ruleset(router_id).is_as_loaded(done.rules)
        )
        return wanted if whole else None

    def _legs(self, name: str, wanted: Router) -> set[str]:
        """The ports of the legs that had to be made."""
        devices = dict(_devices(wanted))
        stray = sorted(set(self._devices(name)) - set(devices))
        bridges.batch(self._runner, [f"link delete {device}" for device in stray], namespace=name)
        made = set()
        for device, leg in devices.items():
            if legs.ensure(self._runner, name, outer=_outer(leg.port_id), inner=device, mac=leg.mac, mtu=leg.mtu,
                           bridge=leg.bridge):  # fmt: skip
                made.add(leg.port_id)
        fresh = {device for device, leg in devices.items() if leg.port_id in made}
        self._shut(name, set(devices) - fresh)
        now = legs.inside(name)
        lines = [f"address replace {METADATA_ADDRESS}/32 dev lo"]
        for device, leg in devices.items():
            lines += legs.address_lines(device, now.addresses[device], leg.addresses)
        bridges.batch(self._runner, lines, namespace=name)
        return made

    def _routes(self, name: str, wanted: Router) -> None:
        now, then = _routes_inside(legs.inside(name)), _routes_wanted(wanted)
        kept = {destination for destination, _, _ in then}
        lines = [
            f"route delete {to} via {hop} dev {device}" for to, hop, device in sorted(now - then) if to not in kept
        ]
        lines += [f"route replace {to} via {hop} dev {device} onlink" for to, hop, device in sorted(then - now)]
        bridges.batch(self._runner, lines, namespace=name)

    def _forget(self, name: str, addresses: tuple[str, ...]) -> None:
        """conntrack ends with 1 when it found none."""
        for address in addresses:
            for end in ("--orig-dst", "--reply-dst"):
                argv = ["conntrack", "-D", end, address]
                self._runner.run(argv, timeout=_SECONDS, ok_codes=(0, 1), netns=name)


def _outer(port_id: str) -> str:
    return "rp-" + port_id[:11]


def _devices(router: Router) -> Iterator[tuple[str, Leg]]:
    for leg in router.interfaces:
        yield interface_device(leg.port_id), leg
    if router.gateway:
        yield gateway_device(router.gateway.port_id), router.gateway


def _leg(device: str, leg: Leg, inside: legs.Inside, links: Mapping[str, Link]) -> Leg | None:
    """What there is in the place of the leg."""
    link = inside.links[device]
    bridge = bridges.master(links, _outer(leg.port_id))
    if not link.up or bridge is None or not links[_outer(leg.port_id)].up:
        return None
    return Leg(port_id=leg.port_id, network_id=leg.network_id, bridge=bridge, mac=link.mac, mtu=link.mtu,
               addresses=tuple(sorted(inside.addresses[device])))  # fmt: skip


def _routes_inside(inside: legs.Inside) -> set[tuple[str, str, str]]:
    """(destination, next hop, device) of everything that is not directly connected."""
    return {
        (route.destination, route.hop, device)
        for device, routes in inside.routes.items()
        for route in routes
        if route.hop
    }


def _routes_wanted(router: Router) -> set[tuple[str, str, str]]:
    devices = {leg.port_id: device for device, leg in _devices(router)}
    wanted = {(destination, hop, devices[port_id]) for destination, hop, port_id in router.routes}
    if router.next_hop and router.gateway:
        wanted.add((_DEFAULT, router.next_hop, devices[router.gateway.port_id]))
    return wanted


def _settings(router: Router, with_gateway: bool) -> Iterator[tuple[Path, str]]:
    """The outside is told of no address but the gateway's own: other routers have the same ones inside."""
    yield from ((Path("/proc/sys/net") / name, value) for name, value in _SETTINGS.items())
    if with_gateway and router.gateway:
        yield Path(f"/proc/sys/net/ipv4/conf/{gateway_device(router.gateway.port_id)}/arp_ignore"), "1"


def _settle(router: Router, with_gateway: bool) -> None:
    """Runs inside the namespace."""
    for path, value in _settings(router, with_gateway):
        if path.exists() and path.read_text().strip() != value:
            path.write_text(value)


def _is_settled(router: Router) -> bool:
    return all(path.read_text().strip() == value for path, value in _settings(router, True) if path.exists())


def _announce(router: Router, new: set[tuple[str, str]]) -> None:
    """Gratuitous ARP, as a question and as an answer, from inside the namespace; nobody is waited for."""
    for device, leg in _devices(router):
        addresses = sorted(ip for port_id, ip in new if port_id == leg.port_id)
        if not addresses:
            continue
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC) as wire:
            wire.bind((device, 0))
            own = bytes.fromhex(leg.mac.replace(":", ""))
            for ip in map(socket.inet_aton, addresses):
                for operation, target in ((1, bytes(6)), (2, own)):
                    body = b"\0\1\x08\0\6\4" + operation.to_bytes(2, "big") + own + ip + target + ip
                    wire.send(b"\xff" * 6 + own + b"\x08\x06" + body)
