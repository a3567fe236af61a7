"""Compute nodes and the claims on them: one conditional UPDATE, so that racing schedulers can't overbook (C-16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import TryAgain, Tx
from iaas.db.schema.compute import allocations, compute_nodes, servers
from iaas.ids import new_uuid
from iaas.model.node import LATELY, Allocation, Capacity, Node
from iaas.model.order import Resources

_AMOUNTS = ("vcpus", "ram_mb", "disk_gb")
_SELECT = sa.select(*(compute_nodes.c[item.name] for item in fields(Node)))


def all_nodes(tx: Tx, only: Sequence[str] | None = None) -> list[Node]:
    """All, or those of the hosts in ``only``; by host name."""
    query = _SELECT.order_by(compute_nodes.c.host)
    if only is not None:
        query = query.where(compute_nodes.c.host.in_(only))
    return [Node(**row._mapping) for row in tx.all(query)]


def of_host(tx: Tx, host: str) -> Node | None:
    row = tx.first(_SELECT.where(compute_nodes.c.host == host))
    return Node(**row._mapping) if row else None


def get(tx: Tx, node_id: str) -> Node | None:
    row = tx.first(_SELECT.where(compute_nodes.c.id == node_id))
    return Node(**row._mapping) if row else None


def record(tx: Tx, host: str, resources: Resources) -> None:
    """Writes what a host says of itself; a new host appears by its first heartbeat (A-010)."""
    seen = {
        "hypervisor_hostname": resources.hypervisor_hostname,
        "hypervisor_type": resources.hypervisor_type,
        "hypervisor_version": resources.hypervisor_version,
        "cpu_arch": resources.cpu_arch,
        "host_ip": resources.host_ip,
        "vcpus": resources.vcpus,
        "ram_mb": resources.ram_mb,
        "disk_gb": resources.disk_gb,
    }
    known = of_host(tx, host)
    if known is None:
        now = tx.now()
        row = {"id": new_uuid(), "host": host, "vcpus_used": 0, "ram_mb_used": 0, "disk_gb_used": 0, "servers": 0,
               "failed_builds": 0, "created_at": now, "updated_at": now}  # fmt: skip
        tx.insert(compute_nodes, row | seen, conflict=TryAgain("Another beat was first."))
    elif any(getattr(known, name) != value for name, value in seen.items()):
        tx.update(compute_nodes, compute_nodes.c.host == host, seen | {"updated_at": tx.now()})


def forget(tx: Tx, host: str) -> None:
    """Removes a host that carries nothing any more; its next heartbeat brings it back."""
    tx.delete(compute_nodes, (compute_nodes.c.host == host) & (compute_nodes.c.servers == 0))


def claim(tx: Tx, wanted: Allocation, capacity: Capacity) -> bool:
    """Takes the amounts if they still fit; False when another claim was faster.

    A server that has a claim on the host already (a resize within it) comes to hold the larger of the two.
    """
    held = next((claim for claim in claims_of(tx, wanted.server_id) if claim.host == wanted.host), None)
    amounts = {name: max(getattr(wanted, name), getattr(held, name) if held else 0) for name in _AMOUNTS}
    more = {name: amounts[name] - (getattr(held, name) if held else 0) for name in _AMOUNTS}
    c = compute_nodes.c
    fits = (
        (c.host == wanted.host)
        & (c.vcpus_used + more["vcpus"] <= capacity.vcpus)
        & (c.ram_mb_used + more["ram_mb"] <= capacity.ram_mb)
        & (c.disk_gb_used + more["disk_gb"] <= capacity.disk_gb)
    )
    if not tx.update(compute_nodes, fits, _added(more, 0 if held else 1)):
        return False
    row = {"operation_id": wanted.operation_id, **amounts}
    if held:
        tx.update(allocations, _one(wanted.server_id, wanted.host), row)
    else:
        tx.insert(allocations, {"server_id": wanted.server_id, "host": wanted.host, **row})
    return True


def claims_of(tx: Tx, server_id: str) -> list[Allocation]:
    rows = tx.all(sa.select(allocations).where(allocations.c.server_id == server_id))
    return [Allocation(**row._mapping) for row in rows]


def claimed_on(tx: Tx, host: str) -> set[str]:
    """The servers that may have something on the host, a guest or disks: those with a claim there, and no other."""
    return {row.server_id for row in tx.all(sa.select(allocations.c.server_id).where(allocations.c.host == host))}


def settle(tx: Tx, server_id: str, host: str | None, needed: Mapping[str, int]) -> None:
    """The server stays on this host with these amounts (vcpus, ram_mb, disk_gb): what it holds more, there or on other
    hosts, is given back. For the end of a move, whichever way it went."""
    for held in claims_of(tx, server_id):
        if held.host != host:
            release(tx, server_id, held.host)
            continue
        more = {name: needed[name] - getattr(held, name) for name in _AMOUNTS}
        tx.update(allocations, _one(server_id, held.host), dict(needed))
        tx.update(compute_nodes, compute_nodes.c.host == held.host, _added(more, 0))


def residents(tx: Tx, project_id: str, server_ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """Host -> which of these servers of the project have a claim there."""
    rows = tx.all(
        sa.select(allocations.c.host, allocations.c.server_id)
        .join_from(allocations, servers, servers.c.id == allocations.c.server_id)
        .where(servers.c.project_id == project_id, servers.c.deleted_at.is_(None), servers.c.id.in_(server_ids))
    )
    found: dict[str, frozenset[str]] = {}
    for row in rows:
        found[row.host] = found.get(row.host, frozenset()) | {row.server_id}
    return found


def claimed_by_project(tx: Tx, host: str) -> dict[str, tuple[int, int, int]]:
    """Project -> vCPUs, MiB and GiB that its servers have claimed on the host."""
    c = allocations.c
    rows = tx.all(
        sa.select(servers.c.project_id, *(sa.func.sum(c[name]).label(name) for name in _AMOUNTS))
        .join_from(allocations, servers, servers.c.id == c.server_id)
        .where(c.host == host)
        .group_by(servers.c.project_id)
    )
    return {row.project_id: (int(row.vcpus), int(row.ram_mb), int(row.disk_gb)) for row in rows}


def build_failed(tx: Tx, host: str) -> None:
    """Counts a build that the host failed; the count begins anew after a while without one."""
    c, now = compute_nodes.c, tx.now()
    lately = c.failed_at > now - LATELY
    tx.update(compute_nodes, c.host == host, {
        "failed_builds": sa.case((lately, c.failed_builds + 1), else_=1), "failed_at": now,
    })  # fmt: skip


def release(tx: Tx, server_id: str, host: str | None = None) -> None:
    """Gives back the server's claims (on one host, or all); nothing happens when there are none."""
    for claimed in claims_of(tx, server_id):
        if host is not None and claimed.host != host:
            continue
        if tx.delete(allocations, _one(server_id, claimed.host)):
            less = {name: -getattr(claimed, name) for name in _AMOUNTS}
            tx.update(compute_nodes, compute_nodes.c.host == claimed.host, _added(less, -1))


def _one(server_id: str, host: str) -> sa.ColumnElement[bool]:
    return (allocations.c.server_id == server_id) & (allocations.c.host == host)


def _added(amounts: Mapping[str, int], servers: int) -> dict[str, Any]:
    """What of a host is used, with these amounts on top."""
    c = compute_nodes.c
    used: dict[str, Any] = {f"{name}_used": c[f"{name}_used"] + amount for name, amount in amounts.items()}
    return {**used, "servers": c.servers + servers}
