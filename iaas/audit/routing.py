"""Segments, routers and floating IPs: rows among themselves, and against what network hosts have in force. I-04, I-05,
I-16."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from iaas.audit.evidence import Evidence
from iaas.audit.violation import Violation
from iaas.model.network import LOCAL, VLAN, VXLAN
from iaas.model.port import FLOATING_OWNER, GATEWAY_OWNER, INTERFACE_OWNER
from iaas.model.wiring import tunnel_name, vlan_name

_OF_ROUTERS = (INTERFACE_OWNER, GATEWAY_OWNER)


def segments_are_unique(evidence: Evidence) -> Iterator[Violation]:
    """I-05: a VLAN of a physical network, a flat physical network, a VNI is one network's."""
    named = [net for net in evidence.facts.networks if net.kind != LOCAL]
    for key, count in Counter((net.kind, net.physical_network, net.segmentation_id) for net in named).items():
        if count > 1:
            words = "/".join(str(part) for part in key if part is not None)
            yield Violation(invariant="I-05", subject=f"segment {words}", text=f"is of {count} networks")
    for net in named:
        said = "/".join(str(x) for x in (net.kind, net.physical_network, net.segmentation_id) if x is not None)
        if net.segment != said:
            yield Violation(invariant="I-05", subject=f"network {net.id}", text=f"holds {net.segment}, and is {said}")


def automatic_networks_are_their_projects(evidence: Evidence) -> Iterator[Violation]:
    """I-05: what a project got by itself is whole, and its own."""
    owners = {net.id: net.project_id for net in evidence.facts.networks}
    for made in evidence.facts.auto_topologies:
        if owners.get(made.network_id) != made.project_id:
            text = f"is network {made.network_id}, which it has not" if made.network_id else "is without a network"
            yield Violation(invariant="I-05", subject=f"automatic network of {made.project_id}", text=text)


def routers_have_their_ports(evidence: Evidence) -> Iterator[Violation]:
    """I-05: a router's ports and their router name each other, and are on one host."""
    routers = {router.id: router for router in evidence.facts.routers}
    ports = {port.id: port for port in evidence.facts.ports}
    for port in ports.values():
        if port.router_id is None and port.device_owner not in _OF_ROUTERS:
            continue
        subject, router = f"port {port.id}", routers.get(port.router_id)
        if router is None or port.device_owner not in _OF_ROUTERS:
            yield Violation(invariant="I-05", subject=subject, text=f"is of no router: {port.router_id}")
        elif port.host != router.host:
            text = f"is bound to {port.host or 'no host'}, and its router is on {router.host or 'no host'}"
            yield Violation(invariant="I-05", subject=subject, text=text)
        elif port.device_owner == GATEWAY_OWNER and router.gateway_port_id != port.id:
            yield Violation(invariant="I-05", subject=subject, text=f"is no gateway of router {router.id}")
    for router in routers.values():
        if router.gateway_port_id is not None and router.gateway_port_id not in ports:
            yield Violation(invariant="I-05", subject=f"router {router.id}", text="has a gateway without a port")


def floating_ips_lead_to_ports(evidence: Evidence) -> Iterator[Violation]:
    """I-05: a floating IP holds its address by a port of its own, and leads to an address of a port through a router
    with a gateway on its network."""
    facts = evidence.facts
    addresses = {(row.port_id, row.ip) for row in facts.addresses}
    ports = {port.id: port for port in facts.ports}
    gateways = {router.id: ports.get(router.gateway_port_id) for router in facts.routers}
    for floating in facts.floating_ips:
        for text in _astray(floating, addresses, gateways):
            yield Violation(invariant="I-05", subject=f"floating IP {floating.ip}", text=text)
    held = {floating.own_port_id for floating in facts.floating_ips}
    for port in ports.values():
        if port.device_owner == FLOATING_OWNER and port.id not in held:
            yield Violation(invariant="I-05", subject=f"port {port.id}", text="is of no floating IP")


def _astray(floating: Any, addresses: set[tuple[str, str]], gateways: dict[str, Any]) -> Iterator[str]:
    if (floating.own_port_id, floating.ip) not in addresses:
        yield "holds no address of its network"
    leads = (floating.port_id, floating.fixed_ip, floating.router_id)
    if any(leads) and not all(leads):
        yield f"leads half: {leads}"
    elif all(leads):
        if (floating.port_id, floating.fixed_ip) not in addresses:
            yield f"leads to {floating.fixed_ip}, which port {floating.port_id} has not"
        gateway = gateways.get(floating.router_id)
        if gateway is None or gateway.network_id != floating.network_id:
            yield f"leads through router {floating.router_id}, which has no gateway on its network"


def routers_run(evidence: Evidence) -> Iterator[Violation]:
    """I-04, I-16: each router, and each floating IP that leads through it, is in force on its host and nowhere else."""
    facts = evidence.facts
    placed: dict[str, set[str]] = defaultdict(set)
    through: dict[str, set[tuple[str, str]]] = defaultdict(set)
    hosts = {router.id: router.host for router in facts.routers}
    for router in facts.routers:
        if router.host:
            placed[router.host].add(router.id)
    for floating in facts.floating_ips:
        if floating.router_id and hosts.get(floating.router_id):
            through[hosts[floating.router_id]].add((floating.router_id, floating.ip))
    for host, inventory in evidence.network.items():
        there, leading = set(inventory.routers), set(inventory.floating_ips)
        for router_id in sorted(there - placed[host]):
            yield Violation(invariant="I-16", subject=f"router {router_id} on {host}", text="is not to be there")
        for router_id in sorted(placed[host] - there):
            yield Violation(invariant="I-16", subject=f"router {router_id}", text=f"does not run on {host}")
        for router_id, ip in sorted(leading - through[host]):
            subject = f"address {ip} of router {router_id} on {host}"
            yield Violation(invariant="I-04", subject=subject, text="is of no floating IP")
        for _, ip in sorted(through[host] - leading):
            yield Violation(invariant="I-04", subject=f"floating IP {ip}", text=f"is not in force on {host}")


def tunnels_have_networks(evidence: Evidence) -> Iterator[Violation]:
    """I-16: a host has the tunnel or VLAN of a network while a port of it, or its DHCP server, is there."""
    facts = evidence.facts
    names = {VXLAN: tunnel_name, VLAN: vlan_name}
    devices = {net.id: names[net.kind](net.id) for net in facts.networks if net.kind in names}
    wanted: dict[str, set[str]] = defaultdict(set)
    for port in facts.ports:
        for host in (port.host, port.next_host):
            if host and port.network_id in devices:
                wanted[host].add(devices[port.network_id])
    for network_id, host in facts.dhcp_hosts.items():
        if network_id in devices:
            wanted[host].add(devices[network_id])
    for host, inventory in evidence.network.items():
        for name in sorted(set(inventory.tunnels) - wanted[host]):
            yield Violation(invariant="I-16", subject=f"tunnel {name} on {host}", text="has no network")


def moves_end(evidence: Evidence) -> Iterator[Violation]:
    """I-04: only the ports of a server that is just moving are wired on a second host."""
    busy = {server.id for server in evidence.facts.servers if server.task is not None}
    for port in evidence.facts.ports:
        if port.next_host is not None and port.server_id not in busy:
            text = f"is wired on {port.next_host} too, and nobody moves it"
            yield Violation(invariant="I-04", subject=f"port {port.id}", text=text)


CHECKS = (
    segments_are_unique,
    automatic_networks_are_their_projects,
    routers_have_their_ports,
    floating_ips_lead_to_ports,
    routers_run,
    tunnels_have_networks,
    moves_end,
)
