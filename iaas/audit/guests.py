"""Servers against the guests and disks that compute hosts have. I-01, I-02, I-03.

A server that an operation is working on is in transit and not judged here. Nothing is said of hosts that could not
be asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from iaas.audit.evidence import Evidence
from iaas.audit.violation import Violation
from iaas.model.order import Power

_POWERS = {"active": Power.RUNNING, "paused": Power.PAUSED, "suspended": Power.SUSPENDED}
_MAY_RUN = ("rescued", "resized")
_ON_DISK = ("active", "stopped", "paused", "suspended", "rescued", "shelved")


def guests_match_servers(evidence: Evidence) -> Iterator[Violation]:
    """I-01: a server's guest is on over all hosts where and how its row says; RESCUED and RESIZED may be off."""
    seen: defaultdict[str, dict[str, Power]] = defaultdict(dict)
    for host, inventory in evidence.compute.items():
        for guest in inventory.guests:
            seen[guest.server_id][host] = guest.power
    for server in evidence.facts.servers:
        wrong = _wrong(server, seen[server.id], evidence)
        if wrong:
            yield Violation(invariant="I-01", subject=f"server {server.id}", text=wrong)


def places(server: Any) -> set[str]:
    """The hosts that a settled server has something on: a resized one keeps its old side until it is confirmed."""
    hosts = {server.host, server.old_host if server.state == "resized" else None}
    return {host for host in hosts if host}


def _wrong(server: Any, seen: dict[str, Power], evidence: Evidence) -> str | None:
    running = sorted(host for host, power in seen.items() if power is Power.RUNNING)
    if len(running) > 1:
        return f"runs on {', '.join(running)}"
    if server.task is not None:
        return None
    if server.state not in _POWERS:
        return f"is {server.state} but runs on {running[0]}" if running and server.state not in _MAY_RUN else None
    if server.host is None:
        return f"is {server.state.upper()} on no host"
    if server.host not in evidence.compute or seen.get(server.host) is _POWERS[server.state]:
        return None
    return f"is {server.state.upper()} on {server.host}, and {seen.get(server.host, 'no guest is')} there"


def guests_have_servers(evidence: Evidence) -> Iterator[Violation]:
    """I-02: every guest with our mark has a live row on that host, and not a newer fence than the row."""
    servers = {server.id: server for server in evidence.facts.servers}
    for host, inventory in evidence.compute.items():
        for guest in inventory.guests:
            server = servers.get(guest.server_id)
            subject = f"guest {guest.server_id} on {host}"
            if server is None:
                yield Violation(invariant="I-02", subject=subject, text="has no server")
            elif server.task is None and host not in places(server):
                yield Violation(invariant="I-02", subject=subject, text=f"belongs on {server.host or 'no host'}")
            elif guest.fence > server.fence:
                yield Violation(invariant="I-02", subject=subject, text="carries a fence from the future")


def disks_have_servers(evidence: Evidence) -> Iterator[Violation]:
    """I-03: every instance directory belongs to a live server of that host; no partial file outlives its lease."""
    servers = {server.id: server for server in evidence.facts.servers}
    for host, inventory in evidence.compute.items():
        for server_id in inventory.instance_dirs:
            server = servers.get(server_id)
            if server is None or (server.task is None and host not in places(server)):
                yield Violation(invariant="I-03", subject=f"disk of {server_id} on {host}", text="has no server there")
        for name in inventory.partial_files:
            yield Violation(invariant="I-03", subject=f"file {name} on {host}", text="is a forgotten partial file")
    for server in evidence.facts.servers:
        there = evidence.compute.get(server.host) if server.host else None
        settled = server.task is None and server.state in _ON_DISK
        if there and settled and server.id not in there.instance_dirs:
            yield Violation(invariant="I-03", subject=f"server {server.id}", text="has no disk on its host")


CHECKS = (guests_match_servers, guests_have_servers, disks_have_servers)
