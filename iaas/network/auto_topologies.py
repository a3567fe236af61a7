"""A network of its own for each project, with no command from anybody: a subnet of the platform's pool, and a router
to the default external network (A-092). All of it is made, or taken away, in one transaction.
"""

from __future__ import annotations

import secrets
from ipaddress import IPv4Network
from itertools import chain

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.network import auto_topologies as topologies_db
from iaas.db.network import networks as networks_db
from iaas.db.network import routers as routers_db
from iaas.errors import Conflict, Invalid
from iaas.model.port import INTERFACE_OWNER
from iaas.model.routing.router import GatewayWish
from iaas.network import networks, subnets
from iaas.network.routing import interfaces, routers
from iaas.network.settings import Settings


def check(tx: Tx, settings: Settings) -> str:
    """The external network that they lead to. Raises Conflict when the platform is not made for it."""
    external = networks_db.default_external(tx)
    if external is None:
        raise _failure("No default router:external network")
    if settings.subnet_pool is None:
        raise _failure("No default subnetpools defined")
    return external


def ensure(tx: Tx, settings: Settings, context: Context, project_id: str) -> str:
    """The project's network, made if it is not there; its id. Raises Conflict when the platform is not made for it, or
    no segment or subnet is left; QuotaExceeded."""
    found = topologies_db.of(tx, project_id)
    if found is None:
        external = check(tx, settings)
        cidr = _claim(tx, settings, project_id)
        if cidr is not None:
            return _make(tx, settings, context, project_id, external, cidr)
        found = topologies_db.of(tx, project_id)
        assert found is not None
    return found.network_id


def delete(tx: Tx, settings: Settings, context: Context, project_id: str) -> None:
    """Network, subnets and router; nothing when there is none. Raises Conflict, and takes nothing away, while ports are
    on the network or the router has other interfaces or floating IPs."""
    found = topologies_db.of(tx, project_id, lock=True)
    if found is None:
        return
    if found.router_id is not None:
        router = routers_db.get(tx, found.router_id)
        for port in routers_db.ports_of(tx, router.id):
            if port.device_owner == INTERFACE_OWNER and port.network_id == found.network_id:
                interfaces.remove(tx, settings, router, port_id=port.id)
        routers.delete(tx, settings, context, router)
    networks.delete(tx, settings, networks_db.get(tx, found.network_id))


def _claim(tx: Tx, settings: Settings, project_id: str) -> str | None:
    """A subnet of the pool that no project has, from anywhere in it, so that those who ask at once rarely meet; None
    when the project has just got its network. Raises Conflict when the pool is exhausted."""
    pool, prefix = settings.subnet_pool, settings.subnet_prefix
    assert pool is not None
    count, step = 1 << (prefix - pool.prefixlen), 1 << (pool.max_prefixlen - prefix)
    used, start = topologies_db.cidrs(tx), secrets.randbelow(count)
    for number in chain(range(start, count), range(start)):
        cidr = str(IPv4Network((int(pool.network_address) + number * step, prefix)))
        if cidr in used:
            continue
        if topologies_db.claim(tx, project_id, cidr):
            return cidr
        if topologies_db.of(tx, project_id):
            return None
    raise _failure("Unable to provide tenant private network")


def _make(tx: Tx, settings: Settings, context: Context, project_id: str, external: str, cidr: str) -> str:
    network = networks.create(tx, settings, project_id, {"name": "auto_allocated_network"})
    values = {"name": "auto_allocated_subnet_v4", "cidr": cidr, "ip_version": 4}
    subnet = subnets.create(tx, settings, project_id, network, values)
    wish = {"name": "auto_allocated_router", "gateway": GatewayWish(network_id=external)}
    try:
        router = routers.create(tx, settings, context, project_id, wish)
        interfaces.add_subnet(tx, settings, router, subnet)
    except Invalid as error:  # the external network has no subnet, or one that overlaps: the operator's to mend
        raise _failure("Unable to provide external connectivity") from error
    topologies_db.complete(tx, project_id, network.id, router.id)
    return network.id


def _failure(reason: str) -> Conflict:
    return Conflict(f"Deployment error: {reason}.", code="AutoAllocationFailure")
