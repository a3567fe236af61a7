"""Attachments: the rows, the operations on them, and the disks that guests really have. I-09, I-12.

A server that an operation is working on is in transit and not judged here. Nothing is said of hosts that could not be
asked. What volume hosts serve is beside this.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from iaas.audit.evidence import Evidence
from iaas.audit.violation import Violation
from iaas.model.order import PluggedVolume

_PLUGGED = ("active", "stopped", "paused")  # states in which a server's guest has all of its volumes


def guests_have_their_volumes(evidence: Evidence) -> Iterator[Violation]:
    """I-09: a settled server's guest has the volumes that are attached to it, under their exports, and no other."""
    servers = {server.id: server for server in evidence.facts.servers}
    wanted: dict[str, dict[str, Any]] = defaultdict(dict)
    moving: set[tuple[str, str]] = set()
    for row in evidence.facts.attachments:
        if row.state == "attached":
            wanted[row.server_id][row.volume_id] = row
        else:
            moving.add((row.server_id, row.volume_id))
    found: dict[tuple[str, str], dict[str, PluggedVolume]] = defaultdict(dict)
    for host, inventory in evidence.compute.items():
        for plug in inventory.volumes:
            found[plug.server_id, host][plug.volume_id] = plug
    for server in evidence.facts.servers:
        there = evidence.compute.get(server.host) if server.host else None
        if there is None or server.task is not None or server.state not in _PLUGGED:
            continue
        for volume_id, row in wanted[server.id].items():
            wrong = _wrong(server, row, found[server.id, server.host].get(volume_id))
            if wrong:
                yield Violation(invariant="I-09", subject=f"volume {volume_id} of server {server.id}", text=wrong)
    for (server_id, host), plugs in found.items():
        server = servers.get(server_id)
        if server is not None and server.task is not None:
            continue
        for volume_id in sorted(plugs):
            if volume_id not in wanted[server_id] and (server_id, volume_id) not in moving:
                subject = f"disk {volume_id} of guest {server_id} on {host}"
                yield Violation(invariant="I-09", subject=subject, text="is of no attachment")


def _wrong(server: Any, row: Any, plug: PluggedVolume | None) -> str | None:
    if plug is None or not plug.defined:
        return "is attached, and not in the guest's definition"
    if server.state != "stopped" and not plug.live:
        return "is attached, and the running guest has it not"
    if plug.export != row.export:
        return "is plugged in under an export that is no longer its own"
    return f"is connected from {row.host}, and the server is on {server.host}" if row.host != server.host else None


def attachments_have_operations(evidence: Evidence) -> Iterator[Violation]:
    """I-12: an attachment on its way has an operation, and belongs to a server and a volume that there are."""
    worked_on = {row.params.get("attachment_id") for row in evidence.facts.operations}
    servers = {server.id for server in evidence.facts.servers}
    volumes = {volume.id for volume in evidence.facts.volumes}
    for row in evidence.facts.attachments:
        subject = f"attachment {row.id}"
        if row.server_id not in servers:
            yield Violation(invariant="I-09", subject=subject, text=f"is of no server: {row.server_id}")
        if row.volume_id not in volumes:
            yield Violation(invariant="I-09", subject=subject, text=f"is of no volume: {row.volume_id}")
        if row.state in ("attaching", "detaching") and row.id not in worked_on:
            yield Violation(invariant="I-12", subject=subject, text=f"{row.state} with no operation")


CHECKS = (guests_have_their_volumes, attachments_have_operations)
