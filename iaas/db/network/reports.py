"""What agents report as in force, taken down by compare-and-swap: a report about an older revision changes nothing.

A port is ACTIVE once its host has wired this revision of it and the host of its network's DHCP server answers for this
revision (C-24). A port without an address that DHCP gives out needs nobody to answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.network import floating_ips, ip_allocations, network_hosts, ports, routers, subnets
from iaas.model.port import ACTIVE

Told = Sequence[tuple[str, int]]  # (id, revision)
_CHUNK = 400  # pairs of one statement


def of_ports(tx: Tx, host: str, wired: Told, served: Told) -> set[str]:
    """Takes down what the host has wired, and what its DHCP servers answer. Gives the servers with a port that has
    just become ACTIVE or, while they move, ready on the next host."""
    c = ports.c
    servers: set[str] = set()
    for chunk in _chunks(wired):
        same = sa.tuple_(c.id, c.revision).in_(chunk)
        tx.update(ports, (c.host == host) & (c.wired_revision != c.revision) & same, {"wired_revision": c.revision})
        ready = (c.next_host == host) & (c.next_wired_revision != c.revision) & same
        change = ports.update().where(ready).values(next_wired_revision=c.revision).returning(c.server_id)
        servers.update(row.server_id for row in tx.execute(change) if row.server_id)
    for chunk in _chunks(served):
        here = c.network_id.in_(sa.select(network_hosts.c.network_id).where(network_hosts.c.host == host))
        news = sa.tuple_(c.id, c.revision).in_(chunk) & (c.served_revision != c.revision)
        tx.update(ports, here & news, {"served_revision": c.revision})
    for chunk in _chunks([*wired, *served]):
        servers |= _activate(tx, [id for id, _ in chunk])
    return servers


def of_routers(tx: Tx, host: str, told: Told) -> None:
    """Routers of the host that still are as reported are in force, with their ports and floating IPs."""
    for chunk in _chunks(told):
        same = (routers.c.host == host) & sa.tuple_(routers.c.id, routers.c.revision).in_(chunk)
        rows = tx.all(sa.select(routers.c.id).where(same).with_for_update())
        ids = [row.id for row in rows]
        tx.update(routers, routers.c.id.in_(ids) & (routers.c.status != ACTIVE), {"status": ACTIVE})
        tx.update(ports, ports.c.router_id.in_(ids) & (ports.c.status != ACTIVE), {"status": ACTIVE})
        floating = floating_ips.c.router_id.in_(ids) & (floating_ips.c.status != ACTIVE)
        tx.update(floating_ips, floating, {"status": ACTIVE})


def _activate(tx: Tx, ids: Sequence[str]) -> set[str]:
    c = ports.c
    answered = sa.exists().where(
        ip_allocations.c.port_id == c.id, ip_allocations.c.subnet_id == subnets.c.id, subnets.c.enable_dhcp
    )
    waiting = (c.id.in_(ids), c.status != ACTIVE, c.host.is_not(None), c.admin_state_up)
    served = (c.served_revision == c.revision) | ~answered
    change = (
        ports.update()
        .where(*waiting, c.wired_revision == c.revision, served)
        .values(status=ACTIVE)
        .returning(c.server_id)
    )
    return {row.server_id for row in tx.execute(change) if row.server_id}


def _chunks(told: Told) -> Iterator[list[tuple[str, int]]]:
    for start in range(0, len(told), _CHUNK):
        yield [(id, revision) for id, revision in told[start : start + _CHUNK]]
