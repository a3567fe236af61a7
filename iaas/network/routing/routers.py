"""Routers: create, change, delete. Whether the caller may is decided above; what is possible is decided here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.context import Context
from iaas.db import quotas
from iaas.db.engine import Tx
from iaas.db.network import routers as routers_db
from iaas.errors import Conflict
from iaas.model.port import ACTIVE, INTERFACE_OWNER
from iaas.model.routing.router import Router
from iaas.network.routing import gateways, placement, routes
from iaas.network.settings import Settings

_PLAIN = ("name", "description", "admin_state_up")


def create(tx: Tx, settings: Settings, context: Context, project_id: str, values: Mapping[str, Any]) -> Router:
    """``values``: name, description, admin_state_up, and ``gateway`` (a GatewayWish or None). Raises NotFound for a
    network, Invalid, Conflict or QuotaExceeded."""
    row = {"name": "", "description": "", "admin_state_up": True, "enable_snat": True, "status": ACTIVE}
    row |= {name: values[name] for name in _PLAIN if name in values}
    quotas.take(tx, project_id, {"routers": 1}, settings.limits)
    router_id = routers_db.insert(tx, {**row, "project_id": project_id})
    if values.get("gateway"):
        gateways.change(tx, settings, context, routers_db.get(tx, router_id), values["gateway"])
        placement.sync(tx, settings, router_id)
    return routers_db.get(tx, router_id)


def update(tx: Tx, settings: Settings, context: Context, router: Router, values: Mapping[str, Any]) -> Router:
    """``values`` as in create, and ``routes`` ((destination, next hop)), which replace those that there are. Raises
    NotFound, Invalid, Conflict."""
    routers_db.hold(tx, router.id)
    changed = {name: values[name] for name in _PLAIN if name in values}
    if "gateway" in values:
        gateways.change(tx, settings, context, routers_db.get(tx, router.id), values["gateway"])
    if "routes" in values or ("gateway" in values and router.routes):
        changed["routes"] = routes.checked(tx, router.id, values.get("routes", router.routes))
    if changed:
        routers_db.update(tx, router.id, changed)
    placement.sync(tx, settings, router.id)
    return routers_db.get(tx, router.id)


def delete(tx: Tx, settings: Settings, context: Context, router: Router) -> None:
    """With its gateway. Raises Conflict while it has an interface."""
    routers_db.hold(tx, router.id)
    if any(port.device_owner == INTERFACE_OWNER for port in routers_db.ports_of(tx, router.id)):
        raise Conflict(f"Router {router.id} still has ports", code="RouterInUse")
    gateways.change(tx, settings, context, routers_db.get(tx, router.id), None)
    placement.sync(tx, settings, router.id)
    routers_db.delete(tx, router.id)
    quotas.give(tx, router.project_id, {"routers": 1})
