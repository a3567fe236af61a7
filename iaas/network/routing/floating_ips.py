"""Floating IPs: an address of an external network for a project, and where it leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iaas.context import Context
from iaas.db import quotas
from iaas.db.engine import TryAgain, Tx
from iaas.db.network import floating_ips as floating_db
from iaas.db.network import ports as ports_db
from iaas.db.network import routers as routers_db
from iaas.db.network import subnets as subnets_db
from iaas.errors import Conflict, Invalid, NotFound
from iaas.ids import new_uuid
from iaas.model.network import Network
from iaas.model.port import DOWN, FLOATING_OWNER, NOT_WIRED, FixedIpWish, Port
from iaas.model.routing.floating_ip import FloatingIp, FloatingIpWish
from iaas.model.wiring import FixedIp
from iaas.network import ipam
from iaas.network.routing import placement
from iaas.network.settings import Settings


def create(
    tx: Tx,
    settings: Settings,
    context: Context,
    project_id: str,
    network: Network,
    values: Mapping[str, Any],
    wish: FloatingIpWish | None = None,
    made_for: str | None = None,
) -> FloatingIp:
    """``values``: ``ip`` and ``subnet_id`` (absent: any address of the network), ``description``. ``made_for``: the
    server that gets it by itself. Raises Invalid for a network that is not external, Conflict for an address in use,
    QuotaExceeded, and what associate raises."""
    if not network.external:
        raise _wrong(f"Network {network.id} is not a valid external network")
    quotas.take(tx, project_id, {"floatingips": 1}, settings.limits)
    id = new_uuid()
    own = _own_port(tx, settings, id, network, values.get("subnet_id"), values.get("ip"))
    row = {"id": id, "project_id": project_id, "network_id": network.id, "own_port_id": own.id, "made_for": made_for}
    floating_db.insert(tx, {**row, "ip": own.fixed_ips[0].ip, "description": values.get("description", "")})
    if wish is not None and wish.port_id is not None:
        _lead(tx, settings, context, floating_db.get(tx, id), wish)
    return floating_db.get(tx, id)


def associate(tx: Tx, settings: Settings, context: Context, floating: FloatingIp, wish: FloatingIpWish) -> FloatingIp:
    """Leads it to the port, or nowhere. Raises NotFound for a port that the caller can't see or that no router joins
    with the external network, Invalid for a bad address, Conflict for one that has a floating IP."""
    if wish.port_id is None:
        _lead_nowhere(tx, settings, [floating])
    else:
        _lead(tx, settings, context, floating, wish)
    return floating_db.get(tx, floating.id)


def delete(tx: Tx, settings: Settings, floating: FloatingIp) -> None:
    _lead_nowhere(tx, settings, [floating])
    if floating_db.delete(tx, floating.id):
        ports_db.delete(tx, [floating.own_port_id])
        quotas.give(tx, floating.project_id, {"floatingips": 1})


def ports_go(tx: Tx, settings: Settings, port_ids: Sequence[str]) -> None:
    """Before ports are deleted: what leads to them leads nowhere."""
    _lead_nowhere(tx, settings, floating_db.of_ports(tx, port_ids))


def addresses_go(tx: Tx, settings: Settings, port: Port) -> None:
    """After a change of a port's addresses: what led to one that is gone leads nowhere."""
    have = {fixed.ip for fixed in port.fixed_ips}
    _lead_nowhere(tx, settings, [item for item in floating_db.of_ports(tx, [port.id]) if item.fixed_ip not in have])


def _lead(tx: Tx, settings: Settings, context: Context, floating: FloatingIp, wish: FloatingIpWish) -> None:
    assert wish.port_id is not None
    port = ports_db.get(tx, wish.port_id, context)
    if port.project_id != floating.project_id and not context.is_admin:
        raise _wrong(
            f"Port {port.id} is associated with a different tenant than Floating IP {floating.id} "
            "and therefore cannot be bound"
        )
    fixed = _fixed(tx, port, wish.fixed_ip)
    router_id = _router(tx, floating, port, fixed)
    other = floating_db.to_address(tx, port.id, fixed.ip)
    if other is not None and other.id != floating.id:
        raise Conflict(
            f"Cannot associate floating IP {floating.ip} ({floating.id}) with port {port.id} using fixed IP "
            f"{fixed.ip}, as that fixed IP already has a floating IP on external network {floating.network_id}.",
            code="FloatingIPPortAlreadyAssociated",
        )
    if (floating.port_id, floating.fixed_ip, floating.router_id) == (port.id, fixed.ip, router_id):
        return
    leads = {"port_id": port.id, "fixed_ip": fixed.ip, "router_id": router_id, "status": DOWN}
    floating_db.update(tx, floating.id, leads)
    _sync(tx, settings, {floating.router_id, router_id})


def _lead_nowhere(tx: Tx, settings: Settings, floating_ips: Sequence[FloatingIp]) -> None:
    leading = [floating for floating in floating_ips if floating.port_id is not None]
    for floating in leading:
        nowhere = {"port_id": None, "fixed_ip": None, "router_id": None, "status": DOWN}
        floating_db.update(tx, floating.id, nowhere)
    _sync(tx, settings, {floating.router_id for floating in leading})


def _sync(tx: Tx, settings: Settings, router_ids: set[str | None]) -> None:
    for router_id in sorted(id for id in router_ids if id):
        routers_db.hold(tx, router_id)
        placement.sync(tx, settings, router_id)


def _fixed(tx: Tx, port: Port, wanted: str | None) -> FixedIp:
    have = [fixed for fixed in port.fixed_ips if ":" not in fixed.ip]
    if wanted is not None:
        found = [fixed for fixed in have if fixed.ip == wanted]
        if not found:
            raise _wrong(f"Port {port.id} does not have fixed ip {wanted[:64]}")
        return found[0]
    if not have:
        raise _wrong(f"Cannot add floating IP to port {port.id} that has no fixed IPv4 addresses")
    if len(have) > 1:
        raise _wrong(
            f"Port {port.id} has multiple fixed IPv4 addresses. Must provide a specific IPv4 address when assigning "
            "a floating IP"
        )
    return have[0]


def _router(tx: Tx, floating: FloatingIp, port: Port, fixed: FixedIp) -> str:
    """The router that joins the port's subnet with the external network, held until the transaction ends."""
    found = routers_db.reaching(tx, floating.network_id, fixed.subnet_id)
    if not found:
        raise NotFound(
            f"External network {floating.network_id} is not reachable from subnet {fixed.subnet_id}. Therefore, "
            f"cannot associate Port {port.id} with a Floating IP.",
            code="ExternalGatewayForFloatingIPNotFound",
        )
    routers_db.hold(tx, found[0])
    if found[0] not in routers_db.reaching(tx, floating.network_id, fixed.subnet_id):
        raise TryAgain("The router was changed meanwhile.")
    return found[0]


def _own_port(
    tx: Tx, settings: Settings, floating_id: str, network: Network, subnet_id: str | None, ip: str | None
) -> Port:
    """The port that holds the address: of no project, on no host."""
    subnets = [subnet for subnet in subnets_db.of_network(tx, network.id) if subnet.ip_version == 4]
    if not subnets:
        raise _wrong(f"Network {network.id} does not contain any IPv4 subnet")
    values = {
        "project_id": "",
        "network_id": network.id,
        "admin_state_up": True,
        "status": NOT_WIRED,
        "device_id": floating_id,
        "device_owner": FLOATING_OWNER,
        "port_security": False,
    }
    port_id = ports_db.insert(tx, values, None, settings.mac_prefix)
    if subnet_id is not None or ip is not None:
        ipam.give_wanted(tx, network.id, port_id, (FixedIpWish(subnet_id=subnet_id, ip=ip),))
    else:
        ipam.give_one(tx, subnets, port_id)
    port = ports_db.get(tx, port_id)
    if ":" in port.fixed_ips[0].ip:
        raise _wrong("A floating IP is an IPv4 address")
    return port


def _wrong(words: str) -> Invalid:
    return Invalid(f"Bad floatingip request: {words}.", code="BadRequest")
