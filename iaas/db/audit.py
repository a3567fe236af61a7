"""What the audit reads: plain facts of every service, a constant number of queries, in one consistent look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from iaas.db.compute import aggregates
from iaas.db.engine import Tx
from iaas.db.network import usage
from iaas.db.schema.compute import allocations, compute_nodes, keypairs, migrations, server_groups, servers
from iaas.db.schema.image import image_locations, image_properties, images
from iaas.db.schema.image_tasks import image_tasks
from iaas.db.schema.network import (
    auto_topologies,
    floating_ips,
    ip_allocations,
    network_hosts,
    networks,
    ports,
    routers,
    subnets,
)
from iaas.db.schema.operations import operations, quota_usage
from iaas.db.schema.volume import snapshots, volume_attachments, volume_backends, volumes
from iaas.model.flavor import Flavor
from iaas.model.operation import LIVE
from iaas.model.placement import ENDS
from iaas.model.server import counted as counted_of


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The database at one moment. Rows are SQLAlchemy rows, read by attribute; times are database time."""

    now: datetime
    servers: list[Any]
    nodes: list[Any]
    allocations: list[Any]
    groups: list[Any]  # of servers
    migrations: list[Any]  # those under way
    aggregates: dict[str, tuple[Mapping[str, str], ...]]  # host -> the metadata of its aggregates
    networks: list[Any]
    auto_topologies: list[Any]
    routers: list[Any]
    floating_ips: list[Any]
    ports: list[Any]
    addresses: list[Any]  # (port_id, subnet_id, ip)
    dhcp_hosts: dict[str, str]  # network id -> host
    dhcp_subnets: set[str]
    images: list[Any]
    locations: list[Any]
    promised: dict[str, str]  # queued image -> the server that it says it is made of
    image_tasks: list[Any]
    volumes: list[Any]
    snapshots: list[Any]
    attachments: list[Any]
    backends: list[Any]
    operations: list[Any]  # the live ones
    usage: dict[tuple[str, str], int]  # (project, resource) -> what the counter says
    counted: dict[tuple[str, str], int]  # the same of every resource that has a counter, counted from the rows


def hosts(tx: Tx) -> set[tuple[str, str]]:
    """(binary, host) of what rows say is there, whether a daemon has ever been heard of or not."""
    found = set()
    for binary, table in (("iaas-compute", servers), ("iaas-volume", volumes)):
        named = sa.select(table.c.host).where(table.c.deleted_at.is_(None), table.c.host.is_not(None)).distinct()
        found |= {(binary, row.host) for row in tx.all(named)}
    return found


def facts(tx: Tx) -> Facts:
    s, i, v, o, m = servers.c, images.c, volumes.c, operations.c, migrations.c
    g = server_groups.c
    live_groups = tx.all(sa.select(g.id, g.project_id, g.policy, g.rules))
    live_servers = tx.all(
        sa.select(s.id, s.project_id, s.state, s.task, s.host, s.old_host, s.fence, s.group_id, s.flavor, s.old_flavor,
                  s.new_flavor, s.image_id, s.updated_at)
        .where(s.deleted_at.is_(None))
    )  # fmt: skip
    live_volumes = tx.all(
        sa.select(v.id, v.project_id, v.state, v.task, v.host, v.size_gb, v.updated_at).where(v.deleted_at.is_(None))
    )
    z = snapshots.c
    live_snapshots = tx.all(
        sa.select(z.id, z.project_id, z.volume_id, z.state, z.task, z.size_gb, z.updated_at).where(
            z.deleted_at.is_(None)
        )
    )
    return Facts(
        now=tx.now(),
        servers=live_servers,
        nodes=tx.all(sa.select(compute_nodes)),
        allocations=tx.all(sa.select(allocations)),
        groups=live_groups,
        migrations=tx.all(sa.select(m.id, m.server_id, m.status).where(m.status.not_in(ENDS))),
        aggregates=aggregates.metadata_of_hosts(tx),
        **_network(tx),
        images=tx.all(
            sa.select(i.id, i.state, i.task, i.size, i.generation, i.lease_until).where(i.deleted_at.is_(None))
        ),
        locations=tx.all(sa.select(image_locations)),
        promised=_promised(tx),
        image_tasks=tx.all(
            sa.select(image_tasks.c.id, image_tasks.c.image_id, image_tasks.c.status, image_tasks.c.lease_until).where(
                image_tasks.c.status.in_(["pending", "processing"])
            )
        ),
        volumes=live_volumes,
        snapshots=live_snapshots,
        attachments=tx.all(sa.select(volume_attachments)),
        backends=tx.all(sa.select(volume_backends)),
        operations=tx.all(
            sa.select(
                o.id,
                o.kind,
                o.resource_type,
                o.resource_id,
                o.state,
                o.fence,
                o.params,
                o.lease_until,
                o.wake_at,
                o.deadline,
                o.created_at,
            ).where(o.state.in_(LIVE))
        ),
        usage={(row.project_id, row.resource): row.used for row in tx.all(sa.select(quota_usage))},
        counted=_counted(tx, live_servers, live_volumes, live_snapshots),
    )


def _promised(tx: Tx) -> dict[str, str]:
    q = image_properties.c
    named = sa.select(q.image_id, q.value).join_from(image_properties, images, images.c.id == q.image_id)
    queued = (images.c.state == "queued") & images.c.task.is_(None) & images.c.deleted_at.is_(None)
    return {row.image_id: row.value for row in tx.all(named.where(q.name == "instance_uuid", queued))}


def _network(tx: Tx) -> dict[str, Any]:
    """The facts of the network service, by their names in Facts."""
    n, p, r, a = networks.c, ports.c, routers.c, ip_allocations.c
    bound = (p.host, p.next_host, p.server_id, p.router_id, p.admin_state_up, p.device_owner)
    return {
        "networks": tx.all(sa.select(n.id, n.project_id, n.kind, n.physical_network, n.segmentation_id, n.segment)),
        "auto_topologies": tx.all(sa.select(auto_topologies)),
        "routers": tx.all(sa.select(r.id, r.host, r.gateway_port_id)),
        "floating_ips": tx.all(sa.select(floating_ips)),
        "ports": tx.all(sa.select(p.id, p.network_id, p.mac, *bound)),
        "addresses": tx.all(sa.select(a.port_id, a.subnet_id, a.ip)),
        "dhcp_hosts": {row.network_id: row.host for row in tx.all(sa.select(network_hosts))},
        "dhcp_subnets": {row.id for row in tx.all(sa.select(subnets.c.id).where(subnets.c.enable_dhcp))},
    }


def _counted(
    tx: Tx, live_servers: list[Any], live_volumes: list[Any], live_snapshots: list[Any]
) -> dict[tuple[str, str], int]:
    counted = usage.counted(tx)

    def add(project: str, resource: str, amount: int) -> None:
        counted[project, resource] = counted.get((project, resource), 0) + amount

    for server in live_servers:
        kept = (server.flavor, server.old_flavor, server.new_flavor)
        for resource, amount in counted_of(*(Flavor(**flavor) if flavor else None for flavor in kept)).items():
            add(server.project_id, resource, amount)
    for volume in live_volumes:
        add(volume.project_id, "volumes", 1)
        add(volume.project_id, "gigabytes", volume.size_gb)
    for row in tx.all(sa.select(server_groups.c.project_id)):
        add(row.project_id, "server_groups", 1)
    for snapshot in live_snapshots:
        add(snapshot.project_id, "snapshots", 1)
        add(snapshot.project_id, "gigabytes", snapshot.size_gb)
    for row in tx.all(sa.select(keypairs.c.user_id)):
        add(row.user_id, "key_pairs", 1)
    held = sa.select(images.c.project_id, images.c.reserved).where(images.c.project_id.is_not(None))
    for row in tx.all(held.where(images.c.state != "deleted")):
        add(row.project_id, "images", 1)
        if row.reserved:
            add(row.project_id, "image_bytes", row.reserved)
    return counted
