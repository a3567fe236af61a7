"""The routers that are a host's to run, as its agent needs them: four queries, however many routers."""

from __future__ import annotations

from collections import defaultdict
from ipaddress import ip_network
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.network import floating_ips, ip_allocations, networks, ports, routers, subnets
from iaas.model.wiring import FloatingIpWiring, RouterPort, RouterWiring


def of_host(tx: Tx, host: str) -> tuple[RouterWiring, ...]:
    """By id. A router that is administratively down is on no host; a port that is so is left out."""
    here = sa.select(routers.c.id).where(routers.c.host == host)
    rows = tx.all(sa.select(routers).where(routers.c.host == host).order_by(routers.c.id))
    addresses = _addresses(tx, here)
    plugged = sa.select(ports.c.id, ports.c.router_id, ports.c.network_id, ports.c.mac, networks.c.mtu)
    plugged = plugged.join_from(ports, networks).where(ports.c.router_id.in_(here), ports.c.admin_state_up)
    inside: dict[str, list[RouterPort]] = defaultdict(list)
    for row in tx.all(plugged.order_by(ports.c.id)):
        ips = tuple((line.ip, ip_network(line.cidr).prefixlen) for line in addresses[row.id])
        port = RouterPort(port_id=row.id, network_id=row.network_id, mac=row.mac, ips=ips, mtu=row.mtu)
        inside[row.router_id].append(port)
    floating: dict[str, list[FloatingIpWiring]] = defaultdict(list)
    leading = floating_ips.c.router_id.in_(here) & floating_ips.c.fixed_ip.is_not(None)
    for row in tx.all(sa.select(floating_ips).where(leading).order_by(floating_ips.c.id)):
        floating[row.router_id].append(FloatingIpWiring(id=row.id, floating_ip=row.ip, fixed_ip=row.fixed_ip))
    return tuple(_router(row, inside[row.id], addresses, floating[row.id]) for row in rows)


def _addresses(tx: Tx, router_ids: sa.Select[tuple[str]]) -> dict[str, list[Any]]:
    """Port -> its addresses, with their subnets' cidr, IP version and gateway."""
    query = (
        sa.select(
            ip_allocations.c.port_id, ip_allocations.c.ip, subnets.c.cidr, subnets.c.ip_version, subnets.c.gateway_ip
        )
        .select_from(ports.join(ip_allocations).join(subnets, subnets.c.id == ip_allocations.c.subnet_id))
        .where(ports.c.router_id.in_(router_ids))
        .order_by(subnets.c.ip_version, ip_allocations.c.ip)
    )
    found: dict[str, list[Any]] = defaultdict(list)
    for row in tx.all(query):
        found[row.port_id].append(row)
    return found


def _router(
    row: sa.Row[Any], inside: list[RouterPort], addresses: dict[str, list[Any]], floating: list[FloatingIpWiring]
) -> RouterWiring:
    gateway = next((port for port in inside if port.port_id == row.gateway_port_id), None)
    hops: dict[int, str] = {}  # IP version -> next hop
    for line in addresses[row.gateway_port_id] if gateway else ():
        if line.gateway_ip:
            hops.setdefault(line.ip_version, line.gateway_ip)
    return RouterWiring(
        id=row.id,
        interfaces=tuple(port for port in inside if port is not gateway),
        gateway=gateway,
        next_hops=tuple(hops.values()),
        snat=row.enable_snat,
        routes=tuple((destination, hop) for destination, hop in row.routes),
        floating_ips=tuple(floating) if gateway else (),
        revision=row.revision,
    )
