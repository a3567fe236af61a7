"""What volume hosts keep and serve against the rows: exports and attachments, snapshots, strays, pools. I-09.

A server, volume or snapshot that an operation is working on is in transit. Nothing is said of hosts that could not be
asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from iaas.audit.evidence import Evidence
from iaas.audit.violation import Violation
from iaas.model.volume_order import VolumeInventory

_CONNECTED = ("active", "stopped", "paused")  # states in which every volume of a server is served to its host


def exports_are_of_attachments(evidence: Evidence) -> Iterator[Violation]:
    """Nobody is served a volume without an attachment that says so, under its export name."""
    attachments = {row.id: row for row in evidence.facts.attachments}
    in_transit = {server.id for server in evidence.facts.servers if server.task is not None}
    hosts = {volume.id: volume.host for volume in evidence.facts.volumes}
    for host, inventory in evidence.volume.items():
        for export in inventory.exports:
            row = attachments.get(export.attachment_id)
            wrong = _export_wrong(row, export, hosts.get(export.volume_id) == host)
            if wrong and not (row is not None and row.server_id in in_transit):
                subject = f"export {export.attachment_id} on {host}"
                yield Violation(invariant="I-09", subject=subject, text=wrong)


def _export_wrong(row: Any, export: Any, here: bool) -> str | None:
    if row is None:
        return "is of no attachment"
    if row.volume_id != export.volume_id or not here:
        return f"gives volume {export.volume_id}, which is not what is attached"
    return None if row.export == export.name else "is under a name that is no longer its own"


def attachments_are_served(evidence: Evidence) -> Iterator[Violation]:
    """What is attached to a settled server is exported; what is exported is really served, and nothing else is."""
    servers = {server.id: server for server in evidence.facts.servers}
    hosts = {volume.id: volume.host for volume in evidence.facts.volumes}
    for row in evidence.facts.attachments:
        server, there = servers.get(row.server_id), evidence.volume.get(hosts.get(row.volume_id) or "")
        if server is None or there is None or row.state != "attached" or row.host is None:
            continue
        promised = {export.attachment_id for export in there.exports}
        if server.task is None and server.state in _CONNECTED and row.id not in promised:
            yield Violation(invariant="I-09", subject=f"attachment {row.id}", text="is not exported by its volume host")
    for host, inventory in evidence.volume.items():
        yield from _as_promised(host, inventory)


def _as_promised(host: str, inventory: VolumeInventory) -> Iterator[Violation]:
    """By volume and name: whose attachment it is, a storage daemon does not know."""
    promised = {(item.volume_id, item.name): item for item in inventory.exports}
    served = {(item.volume_id, item.name): item for item in inventory.served}
    for key in sorted(promised.keys() - served.keys()):
        subject = f"export {promised[key].attachment_id} on {host}"
        yield Violation(invariant="I-09", subject=subject, text="is promised and not served")
    for key in sorted(served.keys() - promised.keys()):
        subject = f"export {served[key].attachment_id or served[key].name} on {host}"
        yield Violation(invariant="I-09", subject=subject, text="is served and not promised")


def snapshots_have_files(evidence: Evidence) -> Iterator[Violation]:
    """An available snapshot has its file where its volume is; no file is without a snapshot or a use."""
    hosts = {volume.id: volume.host for volume in evidence.facts.volumes}
    snapshots = {row.id: row for row in evidence.facts.snapshots}
    for host, inventory in evidence.volume.items():
        for id in inventory.snapshots:
            if id not in snapshots or hosts.get(snapshots[id].volume_id) != host:
                yield Violation(invariant="I-09", subject=f"file of snapshot {id} on {host}", text="has no snapshot")
        for name in inventory.strays:
            yield Violation(invariant="I-09", subject=f"file {name} on {host}", text="is needed by nothing")
    for row in snapshots.values():
        there = evidence.volume.get(hosts.get(row.volume_id) or "")
        if there and row.task is None and row.state == "available" and row.id not in there.snapshots:
            yield Violation(invariant="I-09", subject=f"snapshot {row.id}", text="has no file on its volume's host")


def pools_add_up(evidence: Evidence) -> Iterator[Violation]:
    """What a volume host is said to have promised is the sum of its volumes and snapshots."""
    sums: dict[str, int] = defaultdict(int)
    changing = set()
    hosts = {volume.id: volume.host for volume in evidence.facts.volumes}
    for row in evidence.facts.volumes:
        sums[row.host] += row.size_gb
        changing |= {row.host} if row.task is not None else set()
    for row in evidence.facts.snapshots:
        sums[hosts.get(row.volume_id) or ""] += row.size_gb
        changing |= {hosts.get(row.volume_id)} if row.task is not None else set()
    for pool in evidence.facts.backends:
        if pool.host not in changing and pool.used_gb != sums[pool.host]:
            text = f"says {pool.used_gb} GiB promised, its volumes and snapshots have {sums[pool.host]}"
            yield Violation(invariant="I-09", subject=f"pool of {pool.host}", text=text)


CHECKS = (exports_are_of_attachments, attachments_are_served, snapshots_have_files, pools_add_up)
