"""The invariants of RELIABILITY B2 as pure functions over the evidence: each gives what violates it.

A resource that an operation is working on is in transit and is not judged, but for its operation (I-11, I-12).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from iaas.audit.evidence import Evidence
from iaas.model.order import Power
from iaas.model.wiring import dhcp_namespace, tap_name

GRACE = timedelta(seconds=60)  # how long past its time something may be before it counts as stuck


@dataclass(frozen=True, kw_only=True)
class Violation:
    invariant: str  # "I-01"
    subject: str  # what is wrong, by type and id: "server 5f…"
    text: str


Check = Callable[[Evidence], Iterator[Violation]]


def guests_match_servers(evidence: Evidence) -> Iterator[Violation]:
    """I-01: ACTIVE is one running guest on the recorded host under the recorded fence; STOPPED is none running."""
    found = defaultdict(list)
    for host, inventory in evidence.compute.items():
        for guest in inventory.guests:
            found[guest.server_id].append((host, guest))
    for server in evidence.facts.servers:
        guests = found.get(server.id, [])
        running = [host for host, guest in guests if guest.power is Power.RUNNING]
        if len(running) > 1:
            yield Violation(invariant="I-01", subject=f"server {server.id}", text=f"runs on {', '.join(running)}")
        if server.task is not None or server.host not in evidence.compute:
            continue
        if server.state == "active" and running != [server.host]:
            text = f"is ACTIVE on {server.host}, and runs on {running or 'no host'}"
            yield Violation(invariant="I-01", subject=f"server {server.id}", text=text)
        if server.state in ("stopped", "error") and running:
            yield Violation(invariant="I-01", subject=f"server {server.id}", text=f"is {server.state} but runs")


def guests_have_servers(evidence: Evidence) -> Iterator[Violation]:
    """I-02: every guest with our mark has a live row on that host, and not a newer fence than the row."""
    servers = {server.id: server for server in evidence.facts.servers}
    for host, inventory in evidence.compute.items():
        for guest in inventory.guests:
            server = servers.get(guest.server_id)
            subject = f"guest {guest.server_id} on {host}"
            if server is None:
                yield Violation(invariant="I-02", subject=subject, text="has no server")
            elif server.task is None and server.host != host:
                yield Violation(invariant="I-02", subject=subject, text=f"belongs on {server.host}")
            elif guest.fence > server.fence:
                yield Violation(invariant="I-02", subject=subject, text="carries a fence from the future")


def disks_have_servers(evidence: Evidence) -> Iterator[Violation]:
    """I-03: every instance directory belongs to a live server of that host; no partial file outlives its lease."""
    servers = {server.id: server for server in evidence.facts.servers}
    for host, inventory in evidence.compute.items():
        for server_id in inventory.instance_dirs:
            server = servers.get(server_id)
            if server is None or (server.task is None and server.host != host):
                yield Violation(invariant="I-03", subject=f"disk of {server_id} on {host}", text="has no server there")
        for name in inventory.partial_files:
            yield Violation(invariant="I-03", subject=f"file {name} on {host}", text="is a forgotten partial file")
    for server in evidence.facts.servers:
        inventory_of = evidence.compute.get(server.host) if server.host else None
        settled = server.task is None and server.state in ("active", "stopped")
        if inventory_of and settled and server.id not in inventory_of.instance_dirs:
            yield Violation(invariant="I-03", subject=f"server {server.id}", text="has no disk on its host")


def ports_are_wired(evidence: Evidence) -> Iterator[Violation]:
    """I-04: a bound port of a settled server has its rules and DHCP entry; none exists without a port."""
    servers = {server.id: server for server in evidence.facts.servers}
    by_host: dict[str, dict[str, Any]] = defaultdict(dict)
    for port in evidence.facts.ports:
        if port.server_id and port.host:
            by_host[port.host][tap_name(port.id)] = port
    macs = {(port.network_id, port.mac) for port in evidence.facts.ports}
    for host, inventory in evidence.network.items():
        for tap in set(inventory.filtered_ports) - by_host[host].keys():
            yield Violation(invariant="I-04", subject=f"rules of {tap} on {host}", text="have no port")
        for tap in set(inventory.taps) - by_host[host].keys():
            yield Violation(invariant="I-04", subject=f"device {tap} on {host}", text="has no port")
        for tap, port in by_host[host].items():
            server = servers.get(port.server_id)
            if server is not None and server.task is None and server.state == "active":
                if tap not in inventory.filtered_ports:
                    yield Violation(invariant="I-04", subject=f"port {port.id}", text=f"has no rules on {host}")
                if host in evidence.compute and tap not in evidence.compute[host].taps:
                    yield Violation(
                        invariant="I-04", subject=f"port {port.id}", text=f"has no guest's device on {host}"
                    )
        for network_id, mac in inventory.dhcp_hosts:
            if (network_id, mac) not in macs:
                subject = f"DHCP entry {mac} of network {network_id} on {host}"
                yield Violation(invariant="I-04", subject=subject, text="has no port")
        for network_id, mac, ip in inventory.leases:
            if (network_id, mac) not in macs:
                subject = f"lease {ip} {mac} of network {network_id} on {host}"
                yield Violation(invariant="I-04", subject=subject, text="has no port")


def addresses_are_unique(evidence: Evidence) -> Iterator[Violation]:
    """I-05: one port an address, one address a row; every address has its port."""
    ids = {port.id for port in evidence.facts.ports}
    seen = Counter((row.subnet_id, row.ip) for row in evidence.facts.addresses)
    for (subnet, ip), count in seen.items():
        if count > 1:
            yield Violation(invariant="I-05", subject=f"address {ip} of {subnet}", text=f"is given {count} times")
    for row in evidence.facts.addresses:
        if row.port_id not in ids:
            yield Violation(invariant="I-05", subject=f"address {row.ip}", text="belongs to no port")
    servers = {server.id for server in evidence.facts.servers}
    for port in evidence.facts.ports:
        if port.server_id and port.server_id not in servers:
            yield Violation(invariant="I-05", subject=f"port {port.id}", text=f"of no server {port.server_id}")


def claims_add_up(evidence: Evidence) -> Iterator[Violation]:
    """I-07: what a host is said to use is the sum of the claims on it, and each claim is a server's there."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    servers = {server.id: server for server in evidence.facts.servers}
    held = set()
    for claim in evidence.facts.allocations:
        for index, amount in enumerate((claim.vcpus, claim.ram_mb, claim.disk_gb, 1)):
            sums[claim.host][index] += amount
        held.add((claim.server_id, claim.host))
        server = servers.get(claim.server_id)
        if server is None or (server.task is None and server.host != claim.host):
            subject = f"claim of {claim.server_id} on {claim.host}"
            yield Violation(invariant="I-07", subject=subject, text="has no server there")
    for node in evidence.facts.nodes:
        said = [node.vcpus_used, node.ram_mb_used, node.disk_gb_used, node.servers]
        if said != sums[node.host]:
            text = f"says {said} used (vCPU, MiB, GiB, servers), the claims are {sums[node.host]}"
            yield Violation(invariant="I-07", subject=f"host {node.host}", text=text)
    for server in evidence.facts.servers:
        if server.task is None and server.host and (server.id, server.host) not in held:
            yield Violation(invariant="I-07", subject=f"server {server.id}", text="has no claim on its host")


def quotas_add_up(evidence: Evidence) -> Iterator[Violation]:
    """I-08: the counters are what counting the rows gives."""
    usage, counted = evidence.facts.usage, evidence.facts.counted
    known = {resource for _, resource in counted} | {"instances", "cores", "ram", "ports", "volumes", "gigabytes"}
    for project, resource in sorted(usage.keys() | counted.keys()):
        said, true = usage.get((project, resource), 0), counted.get((project, resource), 0)
        if resource in known and said != true:
            text = f"the counter says {said}, there are {true}"
            yield Violation(invariant="I-08", subject=f"quota {resource} of {project}", text=text)


def volumes_have_files(evidence: Evidence) -> Iterator[Violation]:
    """I-09: an available volume has its file on its host; no file is without a volume."""
    volumes = {volume.id: volume for volume in evidence.facts.volumes}
    for host, inventory in evidence.volume.items():
        for volume_id in inventory.volumes:
            volume = volumes.get(volume_id)
            if volume is None or volume.host != host:
                yield Violation(invariant="I-09", subject=f"file of volume {volume_id} on {host}", text="has no volume")
        for name in inventory.partial_files:
            yield Violation(invariant="I-09", subject=f"file {name} on {host}", text="is a forgotten partial file")
    for volume in evidence.facts.volumes:
        there = evidence.volume.get(volume.host)
        if there and volume.task is None and volume.state == "available" and volume.id not in there.volumes:
            yield Violation(invariant="I-09", subject=f"volume {volume.id}", text="has no file on its host")


def images_have_bytes(evidence: Evidence) -> Iterator[Violation]:
    """I-10: an active image has its bytes, all of them; no bytes without an image; no upload past its lease."""
    now = evidence.facts.now
    for image in evidence.facts.images:
        if image.task and image.lease_until and image.lease_until < now - GRACE:
            yield Violation(invariant="I-10", subject=f"image {image.id}", text=f"{image.task} past its lease")
    if evidence.stored is None:
        return
    blobs = {f"{image.id}.{image.generation}": image for image in evidence.facts.images}
    for name, image in blobs.items():
        if image.state == "active" and evidence.stored.get(name) != image.size:
            text = f"has {evidence.stored.get(name)} bytes in the store instead of {image.size}"
            yield Violation(invariant="I-10", subject=f"image {image.id}", text=text)
    busy = {image.id for image in evidence.facts.images if image.task}
    for name in evidence.stored.keys() - blobs.keys():
        if name.partition(".")[0] not in busy:
            yield Violation(invariant="I-10", subject=f"stored image {name}", text="has no image")


def work_goes_on(evidence: Evidence) -> Iterator[Violation]:
    """I-11, I-12: what is in a transitional state has a live operation; no operation is past its time."""
    now = evidence.facts.now
    busy = {(row.resource_type, row.resource_id) for row in evidence.facts.operations}
    for kind, rows in (("server", evidence.facts.servers), ("volume", evidence.facts.volumes)):
        for row in rows:
            if row.task and (kind, row.id) not in busy:
                yield Violation(invariant="I-12", subject=f"{kind} {row.id}", text=f"{row.task} with no operation")
    for operation in evidence.facts.operations:
        subject = f"operation {operation.id} ({operation.kind} of {operation.resource_id})"
        due = operation.lease_until or operation.wake_at or operation.created_at
        if due < now - GRACE:
            yield Violation(invariant="I-12", subject=subject, text="is due and nobody takes it up")
        if operation.deadline and operation.deadline < now - GRACE:
            yield Violation(invariant="I-11", subject=subject, text="is past its deadline")


def nothing_is_dead_lettered(evidence: Evidence) -> Iterator[Violation]:
    """I-13: the dead-letter queue is empty."""
    if evidence.dead_letters:
        text = f"{evidence.dead_letters} messages that nobody could handle"
        yield Violation(invariant="I-13", subject="dead-letter queue", text=text)


def networks_have_their_servers(evidence: Evidence) -> Iterator[Violation]:
    """I-16: no DHCP server, namespace or bridge without a network; each network's DHCP server runs on its host."""
    used = {port.network_id for port in evidence.facts.ports}
    served = {port.network_id for port in evidence.facts.ports if port.device_owner == "network:dhcp"}
    for host, inventory in evidence.network.items():
        mine = {network for network, where in evidence.facts.dhcp_hosts.items() if where == host and network in served}
        for namespace in set(inventory.namespaces) - {dhcp_namespace(network) for network in mine}:
            yield Violation(invariant="I-16", subject=f"namespace {namespace} on {host}", text="has no network")
        for network_id in set(inventory.dnsmasq) - mine:
            yield Violation(invariant="I-16", subject=f"dnsmasq of {network_id} on {host}", text="has no network")
        for network_id in (mine & used) - set(inventory.dnsmasq):
            yield Violation(invariant="I-16", subject=f"network {network_id}", text=f"has no DHCP server on {host}")


CHECKS: tuple[Check, ...] = (
    guests_match_servers, guests_have_servers, disks_have_servers, ports_are_wired, addresses_are_unique,
    claims_add_up, quotas_add_up, volumes_have_files, images_have_bytes, work_goes_on, nothing_is_dead_lettered,
    networks_have_their_servers,
)  # fmt: skip


def violations(evidence: Evidence) -> list[Violation]:
    return [violation for check in CHECKS for violation in check(evidence)]
