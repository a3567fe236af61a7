"""Ports, addresses and networks against what network hosts have in force. I-04, I-05, I-16."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from iaas.audit.evidence import Evidence
from iaas.audit.violation import Violation
from iaas.model.port import DHCP_OWNER
from iaas.model.wiring import bridge_name, dhcp_namespace, tap_name


def ports_are_wired(evidence: Evidence) -> Iterator[Violation]:
    """I-04: a port of a settled server is bound where the server is; there are its rules, its device if the server
    runs, and its entry at the network's DHCP server."""
    servers = {server.id: server for server in evidence.facts.servers}
    answered = {row.port_id for row in evidence.facts.addresses if row.subnet_id in evidence.facts.dhcp_subnets}
    for port in evidence.facts.ports:
        server = servers.get(port.server_id)
        if server is None or server.task is not None or server.state not in ("active", "stopped"):
            continue
        for text in _missing(evidence, port, server, port.id in answered):
            yield Violation(invariant="I-04", subject=f"port {port.id}", text=text)


def _missing(evidence: Evidence, port: Any, server: Any, answered: bool) -> Iterator[str]:
    if port.host != server.host:
        yield f"is bound to {port.host or 'no host'}, and its server is on {server.host or 'no host'}"
        return
    tap, network, compute = tap_name(port.id), evidence.network.get(port.host), evidence.compute.get(port.host)
    running = server.state == "active"
    if network and port.admin_state_up and tap not in network.filtered_ports:
        yield f"has no rules on {port.host}"
    if compute and running and tap not in compute.taps:
        yield f"has no guest's device on {port.host}"
    dhcp_host = evidence.facts.dhcp_hosts.get(port.network_id, "")
    dhcp = evidence.network.get(dhcp_host) if answered else None
    if dhcp and port.network_id in dhcp.dnsmasq and (port.network_id, port.mac) not in dhcp.dhcp_hosts:
        yield f"has no DHCP entry on {dhcp_host}"


def wiring_has_ports(evidence: Evidence) -> Iterator[Violation]:
    """I-04: no rules, device, DHCP entry or lease without a port."""
    bound: dict[str, set[str]] = defaultdict(set)
    for port in evidence.facts.ports:
        for host in {port.host, port.next_host} - {None}:
            bound[host].add(tap_name(port.id))
    macs = {(port.network_id, port.mac) for port in evidence.facts.ports}
    for host, inventory in evidence.network.items():
        for tap in sorted(set(inventory.filtered_ports) - bound[host]):
            yield Violation(invariant="I-04", subject=f"rules of {tap} on {host}", text="have no port")
        for network_id, mac in inventory.dhcp_hosts:
            if (network_id, mac) not in macs:
                subject = f"DHCP entry {mac} of network {network_id} on {host}"
                yield Violation(invariant="I-04", subject=subject, text="has no port")
        for network_id, mac, ip in inventory.leases:
            if (network_id, mac) not in macs:
                subject = f"lease {ip} {mac} of network {network_id} on {host}"
                yield Violation(invariant="I-04", subject=subject, text="has no port")
    for host in sorted({*evidence.network, *evidence.compute}):
        network, compute = evidence.network.get(host), evidence.compute.get(host)
        taps = {*(network.taps if network else ()), *(compute.taps if compute else ())}
        for tap in sorted(taps - bound[host]):
            yield Violation(invariant="I-04", subject=f"device {tap} on {host}", text="has no port")


def addresses_are_unique(evidence: Evidence) -> Iterator[Violation]:
    """I-05: an address is given once, and to a port; a MAC is once in a network; a port's server exists."""
    facts = evidence.facts
    given = Counter((row.subnet_id, row.ip) for row in facts.addresses)
    for (subnet, ip), count in given.items():
        if count > 1:
            yield Violation(invariant="I-05", subject=f"address {ip} of {subnet}", text=f"is given {count} times")
    for (network, mac), count in Counter((port.network_id, port.mac) for port in facts.ports).items():
        if count > 1:
            yield Violation(invariant="I-05", subject=f"MAC {mac} of {network}", text=f"is given {count} times")
    ports = {port.id for port in facts.ports}
    for row in facts.addresses:
        if row.port_id not in ports:
            yield Violation(invariant="I-05", subject=f"address {row.ip} of {row.subnet_id}", text="belongs to no port")
    servers = {server.id for server in facts.servers}
    for port in facts.ports:
        if port.server_id and port.server_id not in servers:
            yield Violation(invariant="I-05", subject=f"port {port.id}", text=f"is of no server: {port.server_id}")


def networks_have_their_hosts(evidence: Evidence) -> Iterator[Violation]:
    """I-16: no DHCP server, namespace or bridge without a network there; each network's DHCP server runs."""
    facts = evidence.facts
    has_port = {port.network_id for port in facts.ports if port.device_owner == DHCP_OWNER}
    bound: dict[str, set[str]] = defaultdict(set)
    for port in facts.ports:
        for host in {port.host, port.next_host} - {None}:
            bound[host].add(port.network_id)
    for host, inventory in evidence.network.items():
        served = {network for network, where in facts.dhcp_hosts.items() if where == host}
        mine = served & has_port
        for bridge in sorted(set(inventory.bridges) - set(map(bridge_name, served | bound[host]))):
            yield Violation(invariant="I-16", subject=f"bridge {bridge} on {host}", text="has no network")
        for namespace in sorted(set(inventory.namespaces) - set(map(dhcp_namespace, mine))):
            yield Violation(invariant="I-16", subject=f"namespace {namespace} on {host}", text="has no network")
        for network_id in sorted(set(inventory.dnsmasq) - mine):
            yield Violation(invariant="I-16", subject=f"dnsmasq of {network_id} on {host}", text="has no network")
        for network_id in sorted(mine - set(inventory.dnsmasq)):
            yield Violation(invariant="I-16", subject=f"network {network_id}", text=f"has no DHCP server on {host}")


CHECKS = (ports_are_wired, wiring_has_ports, addresses_are_unique, networks_have_their_hosts)
