"""The driver of a Linux host: delegates every step to the part that knows how. Decides nothing.

For a local network the bridge is its own; a flat network uses the operator's bridge of the physical network
directly, and the only thing that is changed on it is that its packets pass nft. Bridges, rules and DHCP
servers stay when the agent ends; the metadata sockets are the agent's own and are opened again at its next
start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from iaas.errors import Invalid
from iaas.host import netlink, netns
from iaas.host.exec import Runner
from iaas.host.netlink import Link
from iaas.model.wiring import (
    NetworkInventory,
    NetworkWiring,
    bridge_name,
    dhcp_namespace,
    router_namespace,
    tunnel_name,
    vlan_name,
)
from iaas.network.agent import steps
from iaas.network.agent.steps import Namespace, Step
from iaas.network.drivers.driver import DriverSettings, Found
from iaas.network.drivers.linuxbridge import bridges, namespaces, tunnels
from iaas.network.drivers.linuxbridge.dhcp import DhcpServers
from iaas.network.drivers.linuxbridge.metadata_proxy import MetadataProxy
from iaas.network.drivers.linuxbridge.packet_filter import PacketFilter
from iaas.network.drivers.linuxbridge.records import Records
from iaas.network.drivers.linuxbridge.routers import Routers
from iaas.network.drivers.linuxbridge.vlans import Vlans

_NAMESPACE = "namespace"  # the record of a DHCP namespace
_MARK = re.compile(r"[a-z0-9_]{1,32}")


class LinuxBridgeDriver:
    """Implements NetworkDriver; needs root, and the tools ip, nft, conntrack, dnsmasq and nsenter.

    ``settings.mark`` and ``settings.state_dir`` tell the things of this agent from those of another one on
    the same machine. Raises Invalid for settings that can't work.
    """

    def __init__(self, settings: DriverSettings, runner: Runner | None = None) -> None:
        if not _MARK.fullmatch(settings.mark):
            raise Invalid("the mark must be 1 to 32 of a-z, 0-9 and _", field="mark")
        self._runner = runner or Runner()
        self._local = settings.local_ip
        self._records = Records(settings.state_dir)
        self._vlans = Vlans(self._runner, self._records)
        self._filter = PacketFilter(self._runner, self._records, settings.mark)
        self._dhcp = DhcpServers(self._runner, self._records, settings.domain)
        self._metadata = MetadataProxy(settings.metadata_url, settings.metadata_secret)
        self._routers = Routers(self._runner, Records(settings.state_dir / "routers"), self._metadata.shut)
        self._actions: dict[type[Any], Callable[[Any], None]] = {
            steps.EnsureBridge: self._ensure_bridge,
            steps.EnsureTunnel: lambda step: tunnels.ensure(self._runner, step.tunnel, self._local),
            steps.EnsureVlan: lambda step: self._vlans.ensure(step.vlan),
            steps.LoadFilter: lambda step: self._filter.load(step.filter, step.forget),
            steps.PlugTap: partial(bridges.plug, self._runner),
            steps.EnsureNamespace: self._ensure_namespace,
            steps.EnsureDhcp: lambda step: self._dhcp.ensure(step.network),
            steps.ReleaseLease: lambda step: self._dhcp.release(step.network_id, step.mac, step.ip),
            steps.ServeMetadata: lambda step: self._metadata.open(step.door),
            steps.EnsureRouter: lambda step: self._routers.ensure(step.router),
            steps.RemoveRouter: lambda step: self._routers.remove(step.router_id),
            steps.RemoveDhcp: lambda step: self._remove_dhcp(step.network_id),
            steps.RemoveNetwork: lambda step: self._remove_network(step.network_id),
        }

    def found(self) -> Found:
        networks, links = self._records.ids(), netlink.links()
        loaded, in_force = self._filter.found()
        return Found(
            networks=tuple(networks),
            with_dhcp=tuple(id for id in networks if self._has_dhcp(id)),
            bridges=bridges.found_bridges(links),
            taps=bridges.found_taps(links),
            tunnels=tunnels.found(networks, links, self._local),
            vlans=self._vlans.found(networks, links),
            filter=loaded,
            filter_in_force=in_force,
            namespaces=tuple(self._namespaces(networks, links)),
            dhcp=tuple(self._served(networks)),
            leases=self._leases(networks),
            metadata=self._metadata.served(),
            router_ids=self._routers.ids(),
            routers=self._routers.found(links),
        )

    def apply(self, step: Step) -> None:
        self._actions[type(step)](step)

    def inventory(self) -> NetworkInventory:
        networks, links = self._records.ids(), netlink.links()
        spaces = set(netns.names())
        return NetworkInventory(
            bridges=tuple(name for name in map(bridge_name, networks) if name in links),
            taps=tuple(tap for tap, _ in bridges.found_taps(links)),
            namespaces=tuple(name for name in map(dhcp_namespace, networks) if name in spaces),
            filtered_ports=self._filter.taps(),
            dhcp_hosts=tuple((id, mac) for id in networks for mac in self._dhcp.hosts(id)),
            leases=self._leases(networks),
            dnsmasq=tuple(id for id in networks if self._dhcp.live(id)),
            tunnels=tuple(name for id in networks for name in (tunnel_name(id), vlan_name(id)) if name in links),
            routers=tuple(id for id in self._routers.ids() if router_namespace(id) in spaces),
            floating_ips=self._routers.floating_ips(links),
        )

    def close(self) -> None:
        self._metadata.close()

    def clear(self) -> None:
        """Removes everything that is ours from the host, rules included: for tests, and for taking a host out
        of service. Raises Conflict while a guest is plugged in."""
        for router_id in self._routers.ids():
            self._routers.remove(router_id)
        for network_id in self._records.ids():
            self._remove_network(network_id)
        self._filter.clear()
        self._records.remove(None, "filter")

    def _ensure_bridge(self, step: steps.EnsureBridge) -> None:
        self._records.claim(step.network_id)
        bridges.ensure(self._runner, step)

    def _ensure_namespace(self, step: steps.EnsureNamespace) -> None:
        self._records.claim(step.network_id)
        wanted = step.namespace
        before = self._records.read(step.network_id, _NAMESPACE, Namespace)
        if before is not None and before.port_id != wanted.port_id:
            self._remove_dhcp(step.network_id)  # another DHCP port: nothing of the old one may answer
        self._records.write(step.network_id, _NAMESPACE, wanted)
        namespaces.ensure(self._runner, wanted)

    def _remove_dhcp(self, network_id: str) -> None:
        """The metadata socket first: it would keep the namespace alive without a name."""
        self._metadata.shut(dhcp_namespace(network_id))
        self._dhcp.remove(network_id)
        before = self._records.read(network_id, _NAMESPACE, Namespace)
        namespaces.remove(self._runner, network_id, before.port_id if before else None)
        self._records.remove(network_id, _NAMESPACE)

    def _remove_network(self, network_id: str) -> None:
        bridges.refuse_while_used(bridge_name(network_id))
        self._remove_dhcp(network_id)
        tunnels.remove(self._runner, network_id)
        self._vlans.remove(network_id)
        bridges.remove(self._runner, bridge_name(network_id))
        self._records.forget(network_id)

    def _has_dhcp(self, network_id: str) -> bool:
        return self._records.read(network_id, _NAMESPACE, Namespace) is not None

    def _namespaces(self, networks: list[str], links: Mapping[str, Link]) -> Iterator[Namespace]:
        for network_id in networks:
            wanted = self._records.read(network_id, _NAMESPACE, Namespace)
            there = namespaces.found(wanted, links) if wanted else None
            if there is not None:
                yield there

    def _served(self, networks: list[str]) -> Iterator[NetworkWiring]:
        for network_id in networks:
            served = self._dhcp.found(network_id)
            if served is not None:
                yield served

    def _leases(self, networks: list[str]) -> tuple[tuple[str, str, str], ...]:
        return tuple((id, mac, ip) for id in networks for mac, ip in self._dhcp.leases(id))
