"""The interfaces of a router: ports on the networks that it joins, made for a subnet or taken as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iaas.db import quotas
from iaas.db.engine import Tx
from iaas.db.network import floating_ips as floating_db
from iaas.db.network import ports as ports_db
from iaas.db.network import routers as routers_db
from iaas.db.network import subnets as subnets_db
from iaas.errors import Conflict, Invalid, NotFound
from iaas.model.port import DOWN, INTERFACE_OWNER, FixedIpWish, Port
from iaas.model.routing.router import Router
from iaas.model.subnet import Subnet
from iaas.network import doorbells, ipam
from iaas.network.routing import placement, routes
from iaas.network.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Interface:
    router: Router
    port: Port

    @property
    def subnet_ids(self) -> tuple[str, ...]:
        return tuple(fixed.subnet_id for fixed in self.port.fixed_ips)


def add_subnet(tx: Tx, settings: Settings, router: Router, subnet: Subnet) -> Interface:
    """A new port with the subnet's gateway address. Raises Invalid for a subnet without one or that overlaps,
    Conflict when the address is in use, QuotaExceeded."""
    routers_db.hold(tx, router.id)
    if not subnet.gateway_ip or not subnet.holds(subnet.gateway_ip):
        raise _wrong("Subnet for router interface must have a gateway IP")
    check_overlap(tx, router.id, subnet)
    quotas.take(tx, router.project_id, {"ports": 1}, settings.limits)
    values = {
        "project_id": router.project_id,
        "network_id": subnet.network_id,
        "admin_state_up": True,
        "status": DOWN,
        "device_id": router.id,
        "device_owner": INTERFACE_OWNER,
        "router_id": router.id,
        "port_security": False,
    }
    port_id = ports_db.insert(tx, values, None, settings.mac_prefix)
    ipam.give_wanted(tx, subnet.network_id, port_id, (FixedIpWish(subnet_id=subnet.id, ip=subnet.gateway_ip),))
    placement.sync(tx, settings, router.id)
    return Interface(router=router, port=ports_db.get(tx, port_id))


def add_port(tx: Tx, settings: Settings, router: Router, port: Port) -> Interface:
    """Takes a port that exists, with the addresses that it has. Raises Conflict for one in use, Invalid for one
    without an address or with subnets that overlap."""
    routers_db.hold(tx, router.id)
    subnets = [subnets_db.get(tx, fixed.subnet_id) for fixed in port.fixed_ips]
    if not subnets:
        raise _wrong(f"Router port must have at least one fixed IP: {port.id}")
    if sum(subnet.ip_version == 4 for subnet in subnets) > 1:
        raise _wrong("Cannot have multiple IPv4 subnets on router port")
    for subnet in subnets:
        check_overlap(tx, router.id, subnet)
    taken = {"device_id": router.id, "device_owner": INTERFACE_OWNER, "router_id": router.id, "status": DOWN}
    free = ports_db.free(port.id)
    if not ports_db.update(tx, port.id, {**taken, "port_security": False, "allowed_pairs": []}, where=free):
        raise Conflict(
            f"Unable to complete operation on port {port.id} for network {port.network_id}. "
            f"Port already has an attached device {port.device_id}.",
            code="PortInUse",
        )
    ports_db.set_groups(tx, port.id, ())
    doorbells.ports_changed(tx, settings, [port])
    placement.sync(tx, settings, router.id)
    return Interface(router=router, port=ports_db.get(tx, port.id))


def remove(
    tx: Tx, settings: Settings, router: Router, port_id: str | None = None, subnet_id: str | None = None
) -> Interface:
    """Deletes the interface that has the port or the subnet; given both, they must belong together. Raises NotFound,
    or Conflict while a floating IP or a route needs it."""
    routers_db.hold(tx, router.id)
    port = _find(tx, router, port_id, subnet_id)
    subnets = {subnet.id: subnet for _, subnet in routers_db.subnets_of(tx, router.id)}
    for fixed in port.fixed_ips:
        _check_unused(tx, router, subnets[fixed.subnet_id])
    doorbells.ports_changed(tx, settings, [port])
    ports_db.delete(tx, [port.id])
    quotas.give(tx, port.project_id, {"ports": 1})
    placement.sync(tx, settings, router.id)
    return Interface(router=router, port=port)


def check_overlap(tx: Tx, router_id: str, subnet: Subnet) -> None:
    """Raises Invalid when the router is on the subnet already, or on one with common addresses."""
    for _, other in routers_db.subnets_of(tx, router_id):
        if other.id == subnet.id:
            raise _wrong(f"Router already has a port on subnet {subnet.id}")
        if other.ip_version == subnet.ip_version and other.net.overlaps(subnet.net):
            raise _wrong(
                f"Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr {other.cidr} of subnet {other.id}"
            )


def _find(tx: Tx, router: Router, port_id: str | None, subnet_id: str | None) -> Port:
    found: Sequence[Port] = [
        port for port in routers_db.ports_of(tx, router.id) if port.device_owner == INTERFACE_OWNER
    ]
    if port_id is not None:
        found = [port for port in found if port.id == port_id]
        if not found:
            raise NotFound(
                f"Router {router.id} does not have an interface with id {port_id}", code="RouterInterfaceNotFound"
            )
    if subnet_id is not None:
        with_port = found
        found = [port for port in found if subnet_id in {fixed.subnet_id for fixed in port.fixed_ips}]
        if not found and port_id is not None and with_port:
            raise Conflict(f"Subnet {subnet_id} does not belong to port {port_id}", code="SubnetMismatchForPort")
        if not found:
            raise NotFound(
                f"Router {router.id} has no interface on subnet {subnet_id}", code="RouterInterfaceNotFoundForSubnet"
            )
    return found[0]


def _check_unused(tx: Tx, router: Router, subnet: Subnet) -> None:
    words = f"Router interface for subnet {subnet.id} on router {router.id} cannot be deleted, as it is required by "
    if any(floating.fixed_ip and subnet.holds(floating.fixed_ip) for floating in floating_db.of_router(tx, router.id)):
        raise Conflict(words + "one or more floating IPs.", code="RouterInterfaceInUseByFloatingIP")
    if routes.with_hop_in(router.routes, subnet.cidr):
        raise Conflict(words + "one or more routes.", code="RouterInterfaceInUseByRoute")


def _wrong(words: str) -> Invalid:
    return Invalid(f"Bad router request: {words}.", code="BadRequest")
