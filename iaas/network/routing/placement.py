"""On which host a router runs. ``sync`` follows every change of a router: it makes the places of the router and of its
ports as they should be, counts the revision up and rings who must look; it may be repeated at will."""

from __future__ import annotations

from iaas.db.engine import Tx
from iaas.db.network import floating_ips as floating_db
from iaas.db.network import hosts as hosts_db
from iaas.db.network import ports as ports_db
from iaas.db.network import routers as routers_db
from iaas.model.port import ACTIVE, DOWN
from iaas.model.routing.router import BUILD
from iaas.model.service import L3
from iaas.network import doorbells
from iaas.network.settings import Settings


def sync(tx: Tx, settings: Settings, router_id: str, leave: bool = False) -> None:
    """A router with a port that is administratively up has a host, as long as there is one with the role; it stays
    where it is unless ``leave``. To be called by who holds the router (routers_db.hold)."""
    router = routers_db.get(tx, router_id)
    ports = routers_db.ports_of(tx, router_id)
    host = None
    if ports and router.admin_state_up:
        host = router.host if router.host and not leave else hosts_db.least_loaded(tx, L3) or router.host
    doorbells.ring(tx, settings, [router.host, host])
    networks = {port.network_id for port in ports}
    if host != router.host:
        doorbells.ring(tx, settings, hosts_db.over_tunnels(tx, networks))  # they know where its ports were
        for floating in floating_db.of_router(tx, router_id):
            floating_db.update(tx, floating.id, {"status": DOWN})
    for port in ports:
        if port.host != host:
            ports_db.update(tx, port.id, {"host": host, "status": DOWN})
    doorbells.ring(tx, settings, hosts_db.over_tunnels(tx, networks))
    status = router.status
    if not ports:
        status = ACTIVE  # nothing to do is done
    elif host is None or (router.host and host != router.host):
        status = DOWN
    elif router.host is None:
        status = BUILD
    routers_db.update(tx, router_id, {"host": host, "status": status})


def repair(tx: Tx, settings: Settings, limit: int = 100) -> list[str]:
    """Routers whose agent died, or never was, go to one that is well; those that moved (F-73). They keep their ports,
    and so their addresses."""
    moved = []
    for router_id in hosts_db.routers_without_host(tx, limit):
        if hosts_db.least_loaded(tx, L3) is None:
            break
        routers_db.hold(tx, router_id)
        if hosts_db.routers_without_host(tx, router_id=router_id):  # another controller may have been faster
            sync(tx, settings, router_id, leave=True)
            moved.append(router_id)
    return moved
