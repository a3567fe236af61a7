"""From what is wanted and what was found to the steps that make them equal. Pure: no clock, no host, no bus.

The order is part of the safety: rules stand before anything is plugged, and what is not wanted goes last. A
network that can't be wired becomes a problem of its own and stops nobody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from iaas.errors import Error, Invalid, NotFound, Unsupported
from iaas.model.network import FLAT, LOCAL, VLAN, VXLAN
from iaas.model.wiring import HostWiring, NetworkWiring, bridge_name, tap_name
from iaas.network.agent import filter as filters
from iaas.network.agent import routers, segments
from iaas.network.agent.steps import (
    Door,
    EnsureBridge,
    EnsureDhcp,
    EnsureNamespace,
    EnsureRouter,
    EnsureTunnel,
    EnsureVlan,
    LoadFilter,
    Namespace,
    PlugTap,
    ReleaseLease,
    RemoveDhcp,
    RemoveNetwork,
    RemoveRouter,
    Router,
    ServeMetadata,
    Step,
)
from iaas.network.drivers.driver import Bridge, Found

METADATA_ADDRESS = "169.254.169.254"
_DEVICE = re.compile(r"[A-Za-z0-9_.-]{1,15}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """``problems``: (network or router id, why) that no step can cure. ``suspects``: keys of what looks unwanted or out
    of place now; a key that the caller hands back as confirmed is acted upon (C-13)."""

    steps: tuple[Step, ...]
    problems: tuple[tuple[str, str], ...]
    suspects: frozenset[str]


def physical_bridges(pairs: Iterable[str]) -> dict[str, str]:
    """The option ``physical_networks``: ``name:bridge`` items. Raises Invalid for one that is none."""
    found = {}
    for pair in pairs:
        name, _, bridge = pair.strip().partition(":")
        if not name or not _DEVICE.fullmatch(bridge):
            raise Invalid(f"physical_networks: {pair!r} is not physical_network:bridge", field="physical_networks")
        found[name] = bridge
    return found


def bridge_of(network: NetworkWiring, physical: Mapping[str, str]) -> str:
    """The bridge that the network's taps are members of: its own ``brq…``, or for a flat network the
    operator's bridge of the physical network itself. Raises NotFound or Unsupported."""
    if network.kind in (LOCAL, VLAN, VXLAN):
        return bridge_name(network.id)
    if network.kind != FLAT:
        raise Unsupported(f"network type {network.kind} is not supported by this host")
    bridge = physical.get(network.physical_network or "")
    if bridge is None:
        raise NotFound(f"physical network {network.physical_network} has no bridge on this host")
    return bridge


def plan(wish: HostWiring, found: Found, physical: Mapping[str, str], confirmed: frozenset[str] = frozenset()) -> Plan:
    """``physical``: physical network -> bridge. ``confirmed``: suspects of earlier, complete looks."""
    networks, bridges, problems = _usable(wish, physical)
    here: dict[str, set[str]] = {}
    for port in wish.ports:
        here.setdefault(port.network_id, set()).add(port.mac.lower())
    steps: list[Step] = [*_filter(wish, found, bridges)]
    for network in networks:
        steps += _bridge(network, bridges[network.id], found)
        steps += _segment(network, bridges[network.id], here.get(network.id, set()), found, physical)
    loose = _loose_taps(wish, found, bridges)
    steps += [step for key, step in loose.items() if key in confirmed]
    for network in networks:
        steps += _dhcp(network, bridges[network.id], found)
    for router in sorted(wish.routers, key=lambda router: router.id):
        try:
            steps += _router(routers.router_of(router, bridges), found)
        except Error as error:
            problems.append((router.id, error.message))
    unwanted = _unwanted(wish, found)
    steps += [step for key, step in unwanted.items() if key in confirmed and not _in_use(step, found)]
    return Plan(steps=tuple(steps), problems=tuple(problems), suspects=frozenset(loose) | frozenset(unwanted))


def _usable(
    wish: HostWiring, physical: Mapping[str, str]
) -> tuple[list[NetworkWiring], dict[str, str], list[tuple[str, str]]]:
    networks, bridges, problems = [], {}, []
    for network in sorted(wish.networks, key=lambda network: network.id):
        try:
            bridge = bridge_of(network, physical)
            namespace_of(network, bridge)
            segments.tunnel_of(network, bridge, ())
            segments.vlan_of(network, bridge, physical)
        except Error as error:
            problems.append((network.id, error.message))
        else:
            networks.append(network)
            bridges[network.id] = bridge
    return networks, bridges, problems


def _filter(wish: HostWiring, found: Found, bridges: Mapping[str, str]) -> Iterator[Step]:
    arriving = filters.arriving(wish, dict(found.taps), found.filter)
    wanted = filters.wanted(wish, bridges, arriving)
    if wanted != found.filter or not found.filter_in_force:
        forget = filters.forgotten(found.filter, wanted) if found.filter else ()
        yield LoadFilter(filter=wanted, forget=forget)


def _bridge(network: NetworkWiring, name: str, found: Found) -> Iterator[Step]:
    own = network.kind != FLAT
    there = next((bridge for bridge in found.bridges if bridge.name == name), None)
    good = there is not None and there.filtered
    if own:
        good = there == Bridge(name=name, mtu=network.mtu, up=True, filtered=True, quiet=True)
    if not good or network.id not in found.networks:
        yield EnsureBridge(network_id=network.id, name=name, mtu=network.mtu, own=own)


def _segment(
    network: NetworkWiring, bridge: str, here: set[str], found: Found, physical: Mapping[str, str]
) -> Iterator[Step]:
    tunnel = segments.tunnel_of(network, bridge, here)
    if tunnel is not None and tunnel not in found.tunnels:
        yield EnsureTunnel(network_id=network.id, tunnel=tunnel)
    vlan = segments.vlan_of(network, bridge, physical)
    if vlan is not None and vlan not in found.vlans:
        yield EnsureVlan(network_id=network.id, vlan=vlan)


def _loose_taps(wish: HostWiring, found: Found, bridges: Mapping[str, str]) -> dict[str, Step]:
    """Taps of wanted ports outside their bridge. Only once confirmed: the hypervisor may be plugging it
    now."""
    masters = dict(found.taps)
    loose: dict[str, Step] = {}
    for port in wish.ports:
        tap, bridge = tap_name(port.id), bridges.get(port.network_id)
        if bridge is not None and tap in masters and masters[tap] != bridge:
            loose[f"tap:{tap}"] = PlugTap(network_id=port.network_id, tap=tap, bridge=bridge)
    return loose


def _dhcp(network: NetworkWiring, bridge: str, found: Found) -> Iterator[Step]:
    namespace = namespace_of(network, bridge)
    if namespace is None or network.dhcp is None:
        return
    rebuilt = namespace not in found.namespaces  # then what lives in it may go with the old one
    if rebuilt:
        yield EnsureNamespace(network_id=network.id, namespace=namespace)
    served = dhcp_part(network)
    if rebuilt or served not in found.dhcp:
        yield EnsureDhcp(network_id=network.id, network=served)
    clients = {(host.mac.lower(), fixed.ip) for host in network.dhcp.hosts for fixed in host.ips}
    for id, mac, ip in found.leases:
        if id == network.id and (mac.lower(), ip) not in clients:
            yield ReleaseLease(network_id=id, mac=mac, ip=ip)
    door = Door(network_id=network.id)
    if rebuilt or door not in found.metadata:
        yield ServeMetadata(door=door)


def _router(wanted: Router, found: Found) -> Iterator[Step]:
    changed = wanted not in found.routers
    if changed:
        yield EnsureRouter(router=wanted)
    for door in routers.doors(wanted):
        if changed or door not in found.metadata:  # an interface that was made anew needs a new socket
            yield ServeMetadata(door=door)


def dhcp_part(network: NetworkWiring) -> NetworkWiring:
    """The wiring reduced to what the DHCP server depends on, in a fixed order."""
    assert network.dhcp is not None
    hosts = tuple(sorted((replace(host, revision=0) for host in network.dhcp.hosts), key=lambda host: host.port_id))
    subnets = tuple(sorted(network.subnets, key=lambda subnet: subnet.id))
    return replace(network, zone=0, subnets=subnets, dhcp=replace(network.dhcp, hosts=hosts), tunnel=None)


def namespace_of(network: NetworkWiring, bridge: str) -> Namespace | None:
    """The DHCP namespace that this host runs for the network, if any. Raises Invalid for odd addresses."""
    if network.dhcp is None:
        return None
    subnets = {subnet.id: subnet for subnet in network.subnets}
    addresses, gateways = [f"{METADATA_ADDRESS}/32"], []
    try:
        for fixed in network.dhcp.ips:
            subnet = subnets[fixed.subnet_id]
            addresses.append(f"{ip_address(fixed.ip)}/{ip_network(subnet.cidr, strict=False).prefixlen}")
            if subnet.ip_version == 4 and subnet.gateway_ip and subnet.gateway_ip != fixed.ip:
                gateways.append(str(ip_address(subnet.gateway_ip)))
    except (ValueError, KeyError) as error:
        raise Invalid(f"network {network.id}: bad address of the DHCP port: {error}") from error
    return Namespace(
        network_id=network.id,
        bridge=bridge,
        port_id=network.dhcp.port_id,
        mac=network.dhcp.mac.lower(),
        mtu=network.mtu,
        addresses=tuple(sorted(addresses)),
        gateway=gateways[0] if gateways else None,
    )


def _unwanted(wish: HostWiring, found: Found) -> dict[str, Step]:
    wanted = {network.id: network for network in wish.networks}
    unwanted: dict[str, Step] = {}
    for id in sorted(set(found.router_ids) - {router.id for router in wish.routers}):
        unwanted[f"router:{id}"] = RemoveRouter(router_id=id)
    for id in found.networks:
        if id not in wanted:
            unwanted[f"network:{id}"] = RemoveNetwork(network_id=id)
        elif wanted[id].dhcp is None and id in found.with_dhcp:
            unwanted[f"dhcp:{id}"] = RemoveDhcp(network_id=id)
    return unwanted


def _in_use(step: Step, found: Found) -> bool:
    """A guest is still plugged into the network's own bridge: its port first, then the bridge."""
    if not isinstance(step, RemoveNetwork):
        return False
    return any(bridge == bridge_name(step.network_id) for _, bridge in found.taps)
