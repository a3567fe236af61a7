"""What a host must know of the others that share a tunnelled network with it: three queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.network.hosts import AGENT
from iaas.db.schema.network import ip_allocations, ports
from iaas.db.schema.operations import services
from iaas.model.wiring import RemotePort, TunnelWiring


def of_host(tx: Tx, host: str, network_ids: Iterable[str]) -> dict[str, TunnelWiring]:
    """Network -> its tunnel as seen from the host, for each of the (tunnelled) networks.

    Peers are the hosts where a port of the network is, or is about to be; those whose agent has told no address yet
    are left out until it does. A port that moves is told at both its hosts: the agents then let frames for it reach
    either, and nobody has to know the moment when it moves.
    """
    wanted = sorted(set(network_ids))
    if not wanted:
        return {}
    addresses = _addresses(tx)
    own = addresses.pop(host, "")
    c = ports.c
    there = c.network_id.in_(wanted) & c.admin_state_up & ((c.host != host) | c.next_host.is_not(None))
    rows = tx.all(sa.select(c.id, c.network_id, c.mac, c.host, c.next_host).where(there).order_by(c.mac))
    ips = _ips(tx, there)
    peers: dict[str, set[str]] = defaultdict(set)
    remotes: dict[str, list[RemotePort]] = defaultdict(list)
    for row in rows:
        ends = sorted({addresses[name] for name in (row.host, row.next_host) if name in addresses})
        peers[row.network_id] |= set(ends)
        for end in ends:
            remotes[row.network_id].append(RemotePort(mac=row.mac, ips=tuple(ips[row.id]), address=end))
    return {id: TunnelWiring(peers=tuple(sorted(peers[id] - {own})), remotes=tuple(remotes[id])) for id in wanted}


def _addresses(tx: Tx) -> dict[str, str]:
    """Host -> its end of tunnels."""
    told = (services.c.binary == AGENT) & (services.c.address != "")
    return {row.host: row.address for row in tx.all(sa.select(services.c.host, services.c.address).where(told))}


def _ips(tx: Tx, where: sa.ColumnElement[bool]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    query = sa.select(ip_allocations.c.port_id, ip_allocations.c.ip).join_from(ip_allocations, ports).where(where)
    for row in tx.all(query.order_by(ip_allocations.c.ip)):
        found[row.port_id].append(row.ip)
    return found
