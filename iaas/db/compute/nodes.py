"""Compute nodes and the claims on them: one conditional UPDATE, so that racing schedulers can't overbook (C-16)."""

from __future__ import annotations

from dataclasses import fields

import sqlalchemy as sa

from iaas.db.engine import TryAgain, Tx
from iaas.db.schema.compute import allocations, compute_nodes
from iaas.ids import new_uuid
from iaas.model.node import Allocation, Capacity, Node
from iaas.model.order import Resources

_SELECT = sa.select(*(compute_nodes.c[item.name] for item in fields(Node)))


def all_nodes(tx: Tx) -> list[Node]:
    return [Node(**row._mapping) for row in tx.all(_SELECT.order_by(compute_nodes.c.host))]


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
               "created_at": now, "updated_at": now}  # fmt: skip
        tx.insert(compute_nodes, row | seen, conflict=TryAgain("Another beat was first."))
    elif any(getattr(known, name) != value for name, value in seen.items()):
        tx.update(compute_nodes, compute_nodes.c.host == host, seen | {"updated_at": tx.now()})


def forget(tx: Tx, host: str) -> None:
    """Removes a host that carries nothing any more; its next heartbeat brings it back."""
    tx.delete(compute_nodes, (compute_nodes.c.host == host) & (compute_nodes.c.servers == 0))


def claim(tx: Tx, wanted: Allocation, capacity: Capacity) -> bool:
    """Takes the amounts if they still fit; False when another claim was faster."""
    c = compute_nodes.c
    fits = (
        (c.host == wanted.host)
        & (c.vcpus_used + wanted.vcpus <= capacity.vcpus)
        & (c.ram_mb_used + wanted.ram_mb <= capacity.ram_mb)
        & (c.disk_gb_used + wanted.disk_gb <= capacity.disk_gb)
    )
    if not tx.update(compute_nodes, fits, {
        "vcpus_used": c.vcpus_used + wanted.vcpus, "ram_mb_used": c.ram_mb_used + wanted.ram_mb,
        "disk_gb_used": c.disk_gb_used + wanted.disk_gb, "servers": c.servers + 1,
    }):  # fmt: skip
        return False
    tx.insert(allocations, {item.name: getattr(wanted, item.name) for item in fields(Allocation)})
    return True


def claims_of(tx: Tx, server_id: str) -> list[Allocation]:
    rows = tx.all(sa.select(allocations).where(allocations.c.server_id == server_id))
    return [Allocation(**row._mapping) for row in rows]


def release(tx: Tx, server_id: str, host: str | None = None) -> None:
    """Gives back the server's claims (on one host, or all); nothing happens when there are none."""
    c = compute_nodes.c
    for claimed in claims_of(tx, server_id):
        if host is not None and claimed.host != host:
            continue
        one = (allocations.c.server_id == server_id) & (allocations.c.host == claimed.host)
        if tx.delete(allocations, one):
            tx.update(compute_nodes, c.host == claimed.host, {
                "vcpus_used": c.vcpus_used - claimed.vcpus, "ram_mb_used": c.ram_mb_used - claimed.ram_mb,
                "disk_gb_used": c.disk_gb_used - claimed.disk_gb, "servers": c.servers - 1,
            })  # fmt: skip
