"""/v2.0/floatingips"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.network import query, rules
from iaas.api.network.rules import Services
from iaas.api.route import MEMBER, READER, Reply, Route, Rule
from iaas.db.engine import Tx
from iaas.db.network import floating_ips as floating_db
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.errors import Invalid
from iaas.model.port import Port
from iaas.model.routing.floating_ip import FloatingIp, FloatingIpWish
from iaas.network.routing import floating_ips

_ID = {"type": "string", "maxLength": 64}
_NULLABLE = {"type": ["string", "null"], "maxLength": 64}
_LEADS = {"port_id": _NULLABLE, "fixed_ip_address": _NULLABLE, "description": query.NAME}
CREATE = query.one_or_many(
    "floatingip",
    "floatingips",
    {**_LEADS, **query.OWNER, "floating_network_id": _ID, "floating_ip_address": _NULLABLE, "subnet_id": _NULLABLE},
    ("floating_network_id",),
)
UPDATE = query.one("floatingip", _LEADS)


def show(floating: FloatingIp, ports: Mapping[str, Port]) -> dict[str, Any]:
    """``ports``: those that floating IPs lead to, by id."""
    port = ports.get(floating.port_id or "")
    return {
        **query.stamps(floating),
        "floating_network_id": floating.network_id,
        "floating_ip_address": floating.ip,
        "fixed_ip_address": floating.fixed_ip,
        "port_id": floating.port_id,
        "router_id": floating.router_id,
        "status": floating.status,
        "port_details": port and {
            "name": port.name,
            "network_id": port.network_id,
            "mac_address": port.mac,
            "admin_state_up": port.admin_state_up,
            "status": port.status,
            "device_id": port.device_id,
            "device_owner": port.device_owner,
        },
        "tags": list(floating.tags),
    }  # fmt: skip


def list_floating_ips(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        found, more = floating_db.listed(tx, call.context, query.of_call(call, floating_db.FIELDS))
        ports = ports_db.by_ids(tx, [item.port_id for item in found if item.port_id])
    return query.answer(call, "floatingips", found, more, lambda item: show(item, ports))


def show_floating_ip(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        floating = floating_db.get(tx, query.ident(call), call.context)
        shown = _show(tx, floating)
    return {"floatingip": query.pick(call, shown)}


def create_floating_ip(call: Services) -> dict[str, Any]:
    given = query.items(call, "floatingip", "floatingips")
    owners = [_owner(call, item) for item in given]

    def write(tx: Tx) -> list[dict[str, Any]]:
        return [_create(tx, call, project, item) for project, item in zip(owners, given, strict=True)]

    return query.created(call, "floatingip", "floatingips", call.services.database.run(write))


def update_floating_ip(call: Services) -> dict[str, Any]:
    item = call.body["floatingip"]
    floating = _writable(call, "update_floatingip")
    wish = _wish(item)

    def write(tx: Tx) -> dict[str, Any]:
        fresh = floating_db.get(tx, floating.id, call.context)
        if "description" in item:
            floating_db.update(tx, floating.id, {"description": item["description"]})
        if wish is not None:
            floating_ips.associate(tx, call.services.settings, call.context, fresh, wish)
        return _show(tx, floating_db.get(tx, floating.id))

    return {"floatingip": call.services.database.run(write)}


def delete_floating_ip(call: Services) -> Reply:
    floating = _writable(call, "delete_floatingip")
    call.services.database.run(
        lambda tx: floating_ips.delete(tx, call.services.settings, floating_db.get(tx, floating.id, call.context))
    )
    return Reply(status=204)


def _create(tx: Tx, call: Services, project: str, item: Mapping[str, Any]) -> dict[str, Any]:
    network = networks_db.get(tx, item["floating_network_id"], call.context)
    values = {"description": item.get("description", "")}
    values |= {"ip": item.get("floating_ip_address"), "subnet_id": item.get("subnet_id")}
    made = floating_ips.create(tx, call.services.settings, call.context, project, network, values, _wish(item))
    return _show(tx, made)


def _owner(call: Services, item: Mapping[str, Any]) -> str:
    """Which address it gets is the operator's to say."""
    project = query.owner(call, "create_floatingip", item)
    named = [name for name in ("floating_ip_address",) if item.get(name) is not None]
    rules.enforce(call, "create_floatingip", named, rules.owned_by(project))
    return project


def _wish(item: Mapping[str, Any]) -> FloatingIpWish | None:
    """None: the body does not say where it leads."""
    if item.get("fixed_ip_address") and not item.get("port_id"):
        raise Invalid(
            "Bad floatingip request: fixed_ip_address cannot be specified without a port_id.", code="BadRequest"
        )
    if "port_id" not in item:
        return None
    return FloatingIpWish(port_id=item["port_id"] or None, fixed_ip=item.get("fixed_ip_address"))


def _writable(call: Services, rule: str) -> FloatingIp:
    with call.services.database.read() as tx:
        floating = floating_db.get(tx, query.ident(call), call.context)
    call.enforce(rule, rules.owned_by(floating.project_id))
    return floating


def _show(tx: Tx, floating: FloatingIp) -> dict[str, Any]:
    return show(floating, ports_db.by_ids(tx, [floating.port_id] if floating.port_id else []))


_ONE = "/v2.0/floatingips/<id>"
_CREATE = Rule("create_floatingip", MEMBER, "Take a floating IP.", aliases=("network:allocate_floating_ip",))
ROUTES = (
    Route("GET", "/v2.0/floatingips", list_floating_ips, policy=Rule("get_floatingip", READER)),
    Route("POST", "/v2.0/floatingips", create_floating_ip, policy=_CREATE,
          body=CREATE, status=201),
    Route("GET", _ONE, show_floating_ip, policy=Rule("get_floatingip", READER)),
    Route("PUT", _ONE, update_floating_ip, policy=Rule("update_floatingip", MEMBER), body=UPDATE),
    Route("DELETE", _ONE, delete_floating_ip, policy=Rule("delete_floatingip", MEMBER), status=204),
)  # fmt: skip
