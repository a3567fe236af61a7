"""The data plane in memory: the specification of a NetworkDriver, for tests of the whole cloud and for the
bench.

It behaves as a host would, in no time: bridges and namespaces exist once they are ensured; a filter is in
force from its load until somebody flushes it; the DHCP server of a network answers exactly the clients of the
wiring it was given last, and remembers a lease until it is released; the metadata address is answered while
its namespace stands. A step on a network without its namespace is NotFound, an unknown operator's bridge too,
and a bridge with a guest in it can't be removed (Conflict).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from iaas.errors import Conflict, NotFound
from iaas.model.wiring import (
    NetworkInventory,
    NetworkWiring,
    bridge_name,
    dhcp_namespace,
    router_namespace,
    tap_name,
    tunnel_name,
    vlan_name,
)
from iaas.network.agent import steps
from iaas.network.agent.steps import Door, Filter, Namespace, Router, Step, Tunnel, Vlan
from iaas.network.drivers.driver import Bridge, DriverSettings, Found


@dataclass(kw_only=True)
class _Network:
    namespace: Namespace | None = None
    dhcp: NetworkWiring | None = None
    leases: set[tuple[str, str]] = field(default_factory=set)
    tunnel: Tunnel | None = None
    vlan: Vlan | None = None


class FakeDriver:
    """Implements NetworkDriver. ``bridges`` without those that are ensured: the operator's, which tests add
    to.

    Tests play the other actors through the attributes and methods below ``close``.
    """

    def __init__(self, settings: DriverSettings | None = None) -> None:
        self.bridges: dict[str, Bridge] = {}
        self.taps: dict[str, str | None] = {}
        self.applied: list[Step] = []
        self.failures: dict[str | None, Exception] = {}  # network or router id -> what its steps raise
        self._networks: dict[str, _Network] = {}
        self._routers: dict[str, Router] = {}
        self._doors: set[Door] = set()
        self._filter: Filter | None = None
        self._in_force = False
        self._lock = threading.Lock()
        self.add_operator_bridge("br-ex")
        self._actions: dict[type[Any], Callable[[Any], None]] = {
            steps.EnsureBridge: self._ensure_bridge,
            steps.EnsureTunnel: self._ensure_tunnel,
            steps.EnsureVlan: self._ensure_vlan,
            steps.LoadFilter: self._load,
            steps.PlugTap: self._plug,
            steps.EnsureNamespace: self._ensure_namespace,
            steps.EnsureDhcp: self._ensure_dhcp,
            steps.ReleaseLease: self._release,
            steps.ServeMetadata: self._serve,
            steps.EnsureRouter: self._ensure_router,
            steps.RemoveRouter: self._remove_router,
            steps.RemoveDhcp: partial(self._remove, whole=False),
            steps.RemoveNetwork: partial(self._remove, whole=True),
        }

    def found(self) -> Found:
        with self._lock:
            networks = sorted(self._networks.items())
            return Found(
                networks=tuple(id for id, _ in networks),
                with_dhcp=tuple(id for id, network in networks if network.namespace),
                bridges=tuple(sorted(self.bridges.values(), key=lambda bridge: bridge.name)),
                taps=tuple(sorted(self.taps.items())),
                tunnels=tuple(network.tunnel for _, network in networks if network.tunnel),
                vlans=tuple(network.vlan for _, network in networks if network.vlan),
                filter=self._filter,
                filter_in_force=self._in_force,
                namespaces=tuple(network.namespace for _, network in networks if network.namespace),
                dhcp=tuple(network.dhcp for _, network in networks if network.dhcp),
                leases=self._leases(),
                metadata=tuple(sorted(self._doors, key=lambda door: (door.network_id, door.namespace))),
                router_ids=tuple(sorted(self._routers)),
                routers=tuple(router for _, router in sorted(self._routers.items()) if self._stands(router)),
            )

    def apply(self, step: Step) -> None:
        with self._lock:
            if steps.subject(step) in self.failures:
                raise self.failures[steps.subject(step)]
            self._actions[type(step)](step)
            self.applied.append(step)

    def inventory(self) -> NetworkInventory:
        with self._lock:
            networks = sorted(self._networks.items())
            served = {id: network.dhcp for id, network in networks if network.dhcp}
            ports = self._filter.ports if self._filter and self._in_force else ()
            return NetworkInventory(
                bridges=tuple(name for name in map(bridge_name, dict(networks)) if name in self.bridges),
                taps=tuple(sorted(self.taps)),
                namespaces=tuple(dhcp_namespace(id) for id, network in networks if network.namespace),
                filtered_ports=tuple(sorted(tap_name(port.id) for port in ports)),
                dhcp_hosts=tuple((id, mac) for id, wiring in served.items() for mac in sorted(_clients(wiring))),
                leases=self._leases(),
                dnsmasq=tuple(served),
                tunnels=(
                    *(tunnel_name(id) for id, network in networks if network.tunnel),
                    *(vlan_name(id) for id, network in networks if network.vlan),
                ),
                routers=tuple(sorted(self._routers)),
                floating_ips=tuple(
                    (router.id, floating)
                    for _, router in sorted(self._routers.items())
                    for floating, _ in router.floating
                ),
            )

    def close(self) -> None:
        """The sockets end with the process; all else stays."""
        with self._lock:
            self._doors.clear()

    def add_operator_bridge(self, name: str) -> None:
        self.bridges[name] = Bridge(name=name, mtu=1500, up=True, filtered=False, quiet=False)

    def plug(self, tap: str, bridge: str | None) -> None:
        """A hypervisor starts a guest. Raises NotFound without the bridge."""
        with self._lock:
            if bridge is not None and bridge not in self.bridges:
                raise NotFound.of("bridge", bridge)
            self.taps[tap] = bridge

    def unplug(self, tap: str) -> None:
        with self._lock:
            self.taps.pop(tap, None)

    def lease(self, network_id: str, mac: str) -> str | None:
        """A guest asks for an address; None: nobody answers, or the address is another's by lease."""
        with self._lock:
            network = self._networks.get(network_id)
            ips = _clients(network.dhcp).get(mac, ()) if network and network.dhcp else ()
            held = {ip: owner for owner, ip in network.leases} if network else {}
            for ip in ips:
                if network and held.get(ip, mac) == mac:
                    network.leases.add((mac, ip))
                    return ip
            return None

    def lose(self, *, network_id: str | None = None, dhcp: bool = False) -> None:
        """Drift by hand (F-74): the filter is flushed, or with a network its namespace or only dnsmasq is
        gone, or with a router its namespace."""
        with self._lock:
            if network_id is None:
                self._in_force = False
            elif network_id in self._networks:
                network = self._networks[network_id]
                network.dhcp = None
                if not dhcp:
                    network.namespace = None
                    self._shut(dhcp_namespace(network_id))
            else:
                self._routers.pop(network_id, None)
                self._shut(router_namespace(network_id))

    def clear(self) -> None:
        """Removes everything that is ours."""
        with self._lock:
            self._routers.clear()
            for id in list(self._networks):
                self._remove(steps.RemoveNetwork(network_id=id), whole=True)
            self._filter, self._in_force = None, False

    def _leases(self) -> tuple[tuple[str, str, str], ...]:
        networks = sorted(self._networks.items())
        return tuple((id, mac, ip) for id, network in networks for mac, ip in sorted(network.leases))

    def _ensure_bridge(self, step: steps.EnsureBridge) -> None:
        self._networks.setdefault(step.network_id, _Network())
        if step.own:
            self.bridges[step.name] = Bridge(name=step.name, mtu=step.mtu, up=True, filtered=True, quiet=True)
        elif step.name in self.bridges:
            there = self.bridges[step.name]
            self.bridges[step.name] = Bridge(
                name=there.name, mtu=there.mtu, up=there.up, filtered=True, quiet=there.quiet
            )
        else:
            raise NotFound.of("bridge", step.name)

    def _ensure_tunnel(self, step: steps.EnsureTunnel) -> None:
        if step.tunnel.bridge not in self.bridges:
            raise NotFound.of("bridge", step.tunnel.bridge)
        self._networks.setdefault(step.network_id, _Network()).tunnel = step.tunnel

    def _ensure_vlan(self, step: steps.EnsureVlan) -> None:
        for device in (step.vlan.trunk, step.vlan.bridge):
            if device not in self.bridges:
                raise NotFound.of("device", device)
        self._networks.setdefault(step.network_id, _Network()).vlan = step.vlan

    def _load(self, step: steps.LoadFilter) -> None:
        self._filter, self._in_force = step.filter, True

    def _plug(self, step: steps.PlugTap) -> None:
        if step.tap in self.taps:
            self.taps[step.tap] = step.bridge

    def _ensure_namespace(self, step: steps.EnsureNamespace) -> None:
        if step.namespace.bridge not in self.bridges:
            raise NotFound.of("bridge", step.namespace.bridge)
        network = self._networks.setdefault(step.network_id, _Network())
        if network.namespace is not None and network.namespace.port_id != step.namespace.port_id:
            network = self._networks[step.network_id] = _Network(tunnel=network.tunnel, vlan=network.vlan)
            self._shut(dhcp_namespace(step.network_id))
        network.namespace = step.namespace

    def _standing(self, network_id: str) -> _Network:
        network = self._networks.get(network_id)
        if network is None or network.namespace is None:
            raise NotFound.of("namespace", dhcp_namespace(network_id))
        return network

    def _ensure_dhcp(self, step: steps.EnsureDhcp) -> None:
        self._standing(step.network_id).dhcp = step.network

    def _release(self, step: steps.ReleaseLease) -> None:
        network = self._networks.get(step.network_id)
        if network is not None:
            network.leases.discard((step.mac, step.ip))

    def _serve(self, step: steps.ServeMetadata) -> None:
        spaces = {dhcp_namespace(id) for id, network in self._networks.items() if network.namespace}
        if step.door.namespace not in spaces | set(map(router_namespace, self._routers)):
            raise NotFound.of("namespace", step.door.namespace)
        self._doors.add(step.door)

    def _shut(self, namespace: str) -> None:
        self._doors = {door for door in self._doors if door.namespace != namespace}

    def _ensure_router(self, step: steps.EnsureRouter) -> None:
        for leg in step.router.legs:
            if leg.bridge not in self.bridges:
                raise NotFound.of("bridge", leg.bridge)
        self._routers[step.router.id] = step.router

    def _stands(self, router: Router) -> bool:
        return all(leg.bridge in self.bridges for leg in router.legs)

    def _remove_router(self, step: steps.RemoveRouter) -> None:
        self._shut(router_namespace(step.router_id))
        self._routers.pop(step.router_id, None)

    def _remove(self, step: steps.RemoveDhcp | steps.RemoveNetwork, *, whole: bool) -> None:
        id = step.network_id
        if whole and bridge_name(id) in self.taps.values():
            raise Conflict(f"bridge {bridge_name(id)} still has guests")
        self._shut(dhcp_namespace(id))
        if whole:
            self.bridges.pop(bridge_name(id), None)
            self._networks.pop(id, None)
        elif id in self._networks:
            self._networks[id] = replace(self._networks[id], namespace=None, dhcp=None, leases=set())


def _clients(network: NetworkWiring) -> dict[str, tuple[str, ...]]:
    hosts = network.dhcp.hosts if network.dhcp else ()
    return {host.mac: tuple(fixed.ip for fixed in host.ips) for host in hosts}


PLUGIN = FakeDriver
