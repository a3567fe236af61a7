"""The wish for one host, read by a constant number of queries whatever the number of ports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.network import router_wiring, tunnels
from iaas.db.network import subnets as subnets_db
from iaas.db.schema.network import (
    ip_allocations,
    network_hosts,
    networks,
    port_groups,
    ports,
    security_group_rules,
)
from iaas.model.network import VXLAN
from iaas.model.port import DHCP_OWNER, SERVICE_OWNERS
from iaas.model.subnet import Subnet
from iaas.model.wiring import (
    DhcpHost,
    DhcpWiring,
    FixedIp,
    GroupWiring,
    HostWiring,
    NetworkWiring,
    PortWiring,
    RuleWiring,
    SubnetWiring,
    TunnelWiring,
)

Where = sa.ColumnElement[bool]


def of_host(tx: Tx, host: str) -> HostWiring:
    """Ports bound to the host, their networks and groups, and the DHCP servers that are the host's to run.

    A port that is administratively down is left out: what comes from an unknown tap is dropped.
    """
    bound = (ports.c.host == host) | (ports.c.next_host == host)
    here = bound & ports.c.device_owner.not_in(SERVICE_OWNERS) & ports.c.admin_state_up
    served = sa.select(network_hosts.c.network_id).where(network_hosts.c.host == host)
    # Those of routers too: their networks must be there.
    plugged = sa.select(ports.c.network_id).where(bound, ports.c.device_owner != DHCP_OWNER, ports.c.admin_state_up)
    guests = tx.all(sa.select(ports).where(here).order_by(ports.c.id))
    clients = tx.all(sa.select(ports).where(ports.c.network_id.in_(served)).order_by(ports.c.id))
    ips = _addresses(tx, here | ports.c.network_id.in_(served))
    memberships = _memberships(tx, here)
    nets = tx.all(
        sa.select(networks).where(networks.c.id.in_(plugged.union(served).subquery().select())).order_by(networks.c.id)
    )
    by_network: dict[str, list[Subnet]] = defaultdict(list)
    for subnet in subnets_db.of_networks(tx, [row.id for row in nets]):
        by_network[subnet.network_id].append(subnet)
    dhcp = _dhcp(clients, ips, by_network)
    tunnelled = tunnels.of_host(tx, host, [row.id for row in nets if row.kind == VXLAN])
    return HostWiring(
        networks=tuple(_network(row, by_network[row.id], dhcp.get(row.id), tunnelled.get(row.id)) for row in nets),
        ports=tuple(_port(row, ips[row.id], memberships[row.id]) for row in guests),
        groups=_groups(tx, here),
        routers=router_wiring.of_host(tx, host),
    )


def _addresses(tx: Tx, where: Where) -> dict[str, list[FixedIp]]:
    query = sa.select(ip_allocations.c.port_id, ip_allocations.c.subnet_id, ip_allocations.c.ip)
    found: dict[str, list[FixedIp]] = defaultdict(list)
    joined = query.join_from(ip_allocations, ports).where(where).order_by(ip_allocations.c.ip)
    for row in tx.all(joined):
        found[row.port_id].append(FixedIp(subnet_id=row.subnet_id, ip=row.ip))
    return found


def _memberships(tx: Tx, here: Where) -> dict[str, list[str]]:
    query = sa.select(port_groups).join_from(port_groups, ports).where(here).order_by(port_groups.c.group_id)
    found: dict[str, list[str]] = defaultdict(list)
    for row in tx.all(query):
        found[row.port_id].append(row.group_id)
    return found


def _dhcp(
    clients: Iterable[sa.Row[Any]], ips: dict[str, list[FixedIp]], by_network: dict[str, list[Subnet]]
) -> dict[str, DhcpWiring]:
    """Network -> its DHCP server here; none for a network whose server has no port yet."""
    hosts: dict[str, list[DhcpHost]] = defaultdict(list)
    own: dict[str, sa.Row[Any]] = {}
    for row in clients:
        if row.device_owner == DHCP_OWNER:
            own[row.network_id] = row
        if row.device_owner in SERVICE_OWNERS:
            continue  # they know their addresses
        answered = {subnet.id for subnet in by_network[row.network_id] if subnet.enable_dhcp}
        mine = tuple(fixed for fixed in ips[row.id] if fixed.subnet_id in answered)
        if mine:
            name = "host-" + mine[0].ip.replace(".", "-").replace(":", "-").strip("-")
            client = DhcpHost(port_id=row.id, mac=row.mac, ips=mine, hostname=name, revision=row.revision)
            hosts[row.network_id].append(client)
    return {
        id: DhcpWiring(port_id=row.id, mac=row.mac, ips=tuple(ips[row.id]), hosts=tuple(hosts[id]))
        for id, row in own.items()
    }


def _network(
    row: sa.Row[Any], members: Iterable[Subnet], dhcp: DhcpWiring | None, tunnel: TunnelWiring | None
) -> NetworkWiring:
    return NetworkWiring(
        id=row.id,
        kind=row.kind,
        physical_network=row.physical_network,
        segmentation_id=row.segmentation_id,
        mtu=row.mtu,
        zone=row.zone,
        subnets=tuple(
            SubnetWiring(
                id=subnet.id,
                ip_version=subnet.ip_version,
                cidr=subnet.cidr,
                gateway_ip=subnet.gateway_ip,
                dns_nameservers=subnet.dns_nameservers,
                host_routes=subnet.host_routes,
                enable_dhcp=subnet.enable_dhcp,
            )
            for subnet in members
        ),
        dhcp=dhcp,
        tunnel=tunnel,
    )


def _port(row: sa.Row[Any], ips: Iterable[FixedIp], groups: Iterable[str]) -> PortWiring:
    return PortWiring(
        id=row.id,
        network_id=row.network_id,
        mac=row.mac,
        ips=tuple(fixed.ip for fixed in ips),
        allowed_pairs=tuple((mac, address) for mac, address in row.allowed_pairs),
        groups=tuple(groups),
        port_security=row.port_security,
        revision=row.revision,
    )


def _groups(tx: Tx, here: Where) -> tuple[GroupWiring, ...]:
    """The groups of the host's ports with their rules, and those that the rules name as remote."""
    rules = security_group_rules
    in_use = sa.select(port_groups.c.group_id).join_from(port_groups, ports).where(here)
    ids = {row.group_id for row in tx.all(in_use.distinct())}
    chains: dict[str, list[RuleWiring]] = defaultdict(list)
    for row in tx.all(sa.select(rules).where(rules.c.group_id.in_(in_use)).order_by(rules.c.id)):
        chains[row.group_id].append(_rule(row))
    remotes = sa.select(rules.c.remote_group_id).where(rules.c.group_id.in_(in_use))
    ids |= {rule.remote_group_id for chain in chains.values() for rule in chain if rule.remote_group_id}
    members = _members(tx, remotes.where(rules.c.remote_group_id.is_not(None)))
    return tuple(GroupWiring(id=id, rules=tuple(chains[id]), members=tuple(sorted(members[id]))) for id in sorted(ids))


def _members(tx: Tx, groups: sa.Select[Any]) -> dict[str, set[str]]:
    """Group -> addresses of its ports, with the single addresses that the ports are allowed besides."""
    found: dict[str, set[str]] = defaultdict(set)
    fixed = sa.select(port_groups.c.group_id, ip_allocations.c.ip).where(
        port_groups.c.port_id == ip_allocations.c.port_id, port_groups.c.group_id.in_(groups)
    )
    for row in tx.all(fixed):
        found[row.group_id].add(row.ip)
    pairs = sa.select(port_groups.c.group_id, ports.c.allowed_pairs).join_from(port_groups, ports)
    with_pairs = sa.cast(ports.c.allowed_pairs, sa.Text) != "[]"
    for row in tx.all(pairs.where(port_groups.c.group_id.in_(groups), with_pairs)):
        networks_of = (ip_network(address) for _, address in row.allowed_pairs)
        found[row.group_id].update(str(net[0]) for net in networks_of if net.num_addresses == 1)
    return found


def _rule(row: sa.Row[Any]) -> RuleWiring:
    return RuleWiring(
        direction=row.direction,
        ip_version=row.ip_version,
        protocol=row.protocol,
        port_min=row.port_min,
        port_max=row.port_max,
        remote_cidr=row.remote_cidr,
        remote_group_id=row.remote_group_id,
    )
