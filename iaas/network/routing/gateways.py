"""The gateway of a router: its port on an external network, which is the platform's and not the project's."""

from __future__ import annotations

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.network import floating_ips as floating_db
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.db.network import routers as routers_db
from iaas.db.network import subnets as subnets_db
from iaas.errors import Conflict, Invalid
from iaas.model.network import Network
from iaas.model.port import DOWN, GATEWAY_OWNER
from iaas.model.routing.router import GatewayWish, Router
from iaas.network import doorbells, ipam
from iaas.network.routing import interfaces
from iaas.network.settings import Settings


def change(tx: Tx, settings: Settings, context: Context, router: Router, wish: GatewayWish | None) -> None:
    """Sets, changes or takes away (None) the gateway. Raises NotFound for a network that the caller can't see,
    Invalid for one that is not external, Conflict while floating IPs need the old one."""
    old = router.gateway
    if wish is None:
        routers_db.update(tx, router.id, {"enable_snat": True})
        if old:
            _remove(tx, settings, router)
        return
    if wish.enable_snat is not None:
        routers_db.update(tx, router.id, {"enable_snat": wish.enable_snat})
    if old and old.network_id == wish.network_id:
        if wish.fixed_ips is not None:
            ipam.change(tx, ports_db.get(tx, old.port_id), wish.fixed_ips)
        return
    network = networks_db.get(tx, wish.network_id, context)
    if not network.external:
        raise Invalid(f"Bad router request: Network {network.id} is not an external network.", code="BadRequest")
    if not network.subnet_ids:
        raise Invalid(f"Bad router request: No IPs available for external network {network.id}.", code="BadRequest")
    if old:
        _remove(tx, settings, router)
    _make(tx, settings, router, network, wish)


def _make(tx: Tx, settings: Settings, router: Router, network: Network, wish: GatewayWish) -> None:
    for subnet in subnets_db.of_network(tx, network.id):
        interfaces.check_overlap(tx, router.id, subnet)
    values = {
        "project_id": "",
        "network_id": network.id,
        "admin_state_up": True,
        "status": DOWN,
        "device_id": router.id,
        "device_owner": GATEWAY_OWNER,
        "router_id": router.id,
        "port_security": False,
    }
    port_id = ports_db.insert(tx, values, None, settings.mac_prefix)
    if wish.fixed_ips:
        ipam.give_wanted(tx, network.id, port_id, wish.fixed_ips)
    else:
        ipam.give_any(tx, network.id, port_id)
    routers_db.update(tx, router.id, {"gateway_port_id": port_id})


def _remove(tx: Tx, settings: Settings, router: Router) -> None:
    assert router.gateway is not None
    if floating_db.of_router(tx, router.id):
        raise Conflict(
            f"Gateway cannot be updated for router {router.id}, since a gateway to external network "
            f"{router.gateway.network_id} is required by one or more floating IPs.",
            code="RouterExternalGatewayInUseByFloatingIp",
        )
    doorbells.ports_changed(tx, settings, [ports_db.get(tx, router.gateway.port_id)])
    routers_db.update(tx, router.id, {"gateway_port_id": None})
    ports_db.delete(tx, [router.gateway.port_id])
