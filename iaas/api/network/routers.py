"""/v2.0/routers"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from iaas.api import schema
from iaas.api.network import query, rules
from iaas.api.network.rules import Services
from iaas.api.route import MEMBER, READER, Reply, Route, Rule
from iaas.api.schema import BOOLEAN, as_bool, obj
from iaas.db.engine import Tx
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.db.network import routers as routers_db
from iaas.db.network import subnets as subnets_db
from iaas.errors import Invalid
from iaas.model.port import FixedIpWish
from iaas.model.routing.router import GatewayWish, Router
from iaas.network.routing import interfaces, routers
from iaas.network.routing import routes as routes_of
from iaas.network.routing.interfaces import Interface

_ID = {"type": "string", "maxLength": 64}
_IP = {"type": "string", "maxLength": 64}
_ROUTES = {
    "type": ["array", "null"], "maxItems": 100,
    "items": obj({"destination": _IP, "nexthop": _IP}, ("destination", "nexthop")),
}  # fmt: skip
_GATEWAY: dict[str, Any] = {
    **obj({
        "network_id": _ID,
        "enable_snat": BOOLEAN,
        "external_fixed_ips": {
            "type": "array", "maxItems": 5, "items": obj({"subnet_id": _ID, "ip_address": _IP}),
        },
    }),
    "type": ["object", "null"],
}  # fmt: skip
_CHANGEABLE = {**query.DESCRIBED, "admin_state_up": BOOLEAN, "external_gateway_info": _GATEWAY}
_HINTS = {"type": "array", "items": {"type": "string", "maxLength": 255}, "maxItems": 4}
CREATE = query.one_or_many("router", "routers", {**_CHANGEABLE, **query.OWNER, "availability_zone_hints": _HINTS})
UPDATE = query.one("router", {**_CHANGEABLE, "routes": _ROUTES})
INTERFACE = {**obj({"subnet_id": _ID, "port_id": _ID}), "minProperties": 1}
EXTRA_ROUTES = query.one("router", {"routes": {**_ROUTES, "type": "array"}}, ("routes",))
ZONE = "nova"


def show(router: Router) -> dict[str, Any]:
    gateway = router.gateway
    return {
        **query.stamps(router),
        "name": router.name,
        "admin_state_up": router.admin_state_up,
        "status": router.status,
        "external_gateway_info": gateway and {
            "network_id": gateway.network_id,
            "enable_snat": router.enable_snat,
            "external_fixed_ips": [
                {"subnet_id": fixed.subnet_id, "ip_address": fixed.ip} for fixed in gateway.fixed_ips
            ],
        },
        "routes": [{"destination": destination, "nexthop": hop} for destination, hop in router.routes],
        "availability_zone_hints": [],
        "availability_zones": [ZONE] if router.host else [],
        "flavor_id": None,
        "tags": list(router.tags),
    }  # fmt: skip


def show_interface(interface: Interface) -> dict[str, Any]:
    router, port = interface.router, interface.port
    return {
        "id": router.id,
        "project_id": router.project_id,
        "tenant_id": router.project_id,
        "port_id": port.id,
        "network_id": port.network_id,
        "subnet_id": interface.subnet_ids[0],
        "subnet_ids": list(interface.subnet_ids),
        "tags": list(router.tags),
    }


def list_routers(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        found, more = routers_db.listed(tx, call.context, query.of_call(call, routers_db.FIELDS))
    return query.answer(call, "routers", found, more, show)


def show_router(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        router = routers_db.get(tx, query.ident(call), call.context)
    return {"router": query.pick(call, show(router))}


def create_router(call: Services) -> dict[str, Any]:
    wanted = [(_owner(call, item), _values(item)) for item in query.items(call, "router", "routers")]
    settings, context = call.services.settings, call.context
    made = call.services.database.run(
        lambda tx: [routers.create(tx, settings, context, project, values) for project, values in wanted]
    )
    return query.created(call, "router", "routers", [show(router) for router in made])


def update_router(call: Services) -> dict[str, Any]:
    item = call.body["router"]
    router = _writable(call, "update_router")
    _check_gateway(call, "update_router", item, router.project_id)
    values = _values(item)

    def write(tx: Tx) -> Router:
        fresh = routers_db.get(tx, router.id, call.context)
        return routers.update(tx, call.services.settings, call.context, fresh, values)

    return {"router": show(call.services.database.run(write))}


def delete_router(call: Services) -> Reply:
    router = _writable(call, "delete_router")
    call.services.database.run(
        lambda tx: routers.delete(tx, call.services.settings, call.context, routers_db.get(tx, router.id, call.context))
    )
    return Reply(status=204)


def add_interface(call: Services) -> dict[str, Any]:
    router = _writable(call, "add_router_interface")
    port_id, subnet_id = call.body.get("port_id"), call.body.get("subnet_id")
    if (port_id is None) == (subnet_id is None):
        raise Invalid("Bad router request: Either subnet_id or port_id must be specified.", code="BadRequest")

    def write(tx: Tx) -> Interface:
        fresh = routers_db.get(tx, router.id, call.context)
        if port_id is not None:
            port = ports_db.get(tx, port_id, call.context)
            call.enforce("update_port", rules.owned_by(port.project_id))
            return interfaces.add_port(tx, call.services.settings, fresh, port)
        subnet = subnets_db.get(tx, subnet_id, call.context)
        # It takes the subnet's gateway address, which is for the network's owner to give (S-056).
        call.enforce("create_port:fixed_ips:ip_address", rules.of_network(networks_db.get(tx, subnet.network_id)))
        return interfaces.add_subnet(tx, call.services.settings, fresh, subnet)

    return show_interface(call.services.database.run(write))


def remove_interface(call: Services) -> dict[str, Any]:
    router = _writable(call, "remove_router_interface")

    def write(tx: Tx) -> Interface:
        fresh = routers_db.get(tx, router.id, call.context)
        wanted = call.body.get("port_id"), call.body.get("subnet_id")
        return interfaces.remove(tx, call.services.settings, fresh, *wanted)

    return show_interface(call.services.database.run(write))


def add_routes(call: Services) -> dict[str, Any]:
    return _change_routes(call, "add_extraroutes", routes_of.added)


def remove_routes(call: Services) -> dict[str, Any]:
    return _change_routes(call, "remove_extraroutes", routes_of.removed)


Routes = Sequence[tuple[str, str]]


def _change_routes(call: Services, rule: str, change: Callable[[Routes, Routes], Routes]) -> dict[str, Any]:
    router = _writable(call, rule)
    given = _routes(call.body["router"])

    def write(tx: Tx) -> Router:
        routers_db.hold(tx, router.id)
        fresh = routers_db.get(tx, router.id, call.context)
        values = {"routes": change(fresh.routes, given)}
        return routers.update(tx, call.services.settings, call.context, fresh, values)

    return {"router": show(call.services.database.run(write))}


def _writable(call: Services, rule: str) -> Router:
    with call.services.database.read() as tx:
        router = routers_db.get(tx, query.ident(call), call.context)
    call.enforce(rule, rules.owned_by(router.project_id))
    return router


def _owner(call: Services, item: Mapping[str, Any]) -> str:
    project = query.owner(call, "create_router", item)
    _check_gateway(call, "create_router", item, project)
    for hint in item.get("availability_zone_hints", ()):
        if hint != ZONE:
            raise Invalid(f"AvailabilityZone {hint} could not be found.", code="AvailabilityZoneNotFound")
    return project


def _check_gateway(call: Services, action: str, item: Mapping[str, Any], project: str) -> None:
    """Whether its addresses are translated, and which addresses it has, is the operator's to say."""
    given = item.get("external_gateway_info") or {}
    names = ["external_gateway_info"] if "external_gateway_info" in item else []
    names += [f"external_gateway_info:{name}" for name in given]
    rules.enforce(call, action, names, rules.owned_by(project))


def _values(item: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: item[name] for name in ("name", "description") if name in item}
    if "admin_state_up" in item:
        values["admin_state_up"] = schema.as_bool(item["admin_state_up"])
    if "external_gateway_info" in item:
        values["gateway"] = _gateway(item["external_gateway_info"])
    if "routes" in item:
        values["routes"] = _routes(item)
    return values


def _gateway(given: Mapping[str, Any] | None) -> GatewayWish | None:
    if not given:
        return None
    if not given.get("network_id"):
        raise Invalid("Invalid input for external_gateway_info. Reason: network_id is required.", code="HTTPBadRequest")
    fixed_ips = None
    if "external_fixed_ips" in given:
        fixed_ips = tuple(
            FixedIpWish(subnet_id=fixed.get("subnet_id"), ip=fixed.get("ip_address"))
            for fixed in given["external_fixed_ips"]
        )
    snat = as_bool(given["enable_snat"]) if "enable_snat" in given else None
    return GatewayWish(network_id=given["network_id"], enable_snat=snat, fixed_ips=fixed_ips)


def _routes(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(route["destination"], route["nexthop"]) for route in item["routes"] or ()]


_ONE = "/v2.0/routers/<id>"
ROUTES = (
    Route("GET", "/v2.0/routers", list_routers, policy=Rule("get_router", READER)),
    Route("POST", "/v2.0/routers", create_router, policy=Rule("create_router", MEMBER), body=CREATE, status=201),
    Route("GET", _ONE, show_router, policy=Rule("get_router", READER)),
    Route("PUT", _ONE, update_router, policy=Rule("update_router", MEMBER), body=UPDATE),
    Route("DELETE", _ONE, delete_router, policy=Rule("delete_router", MEMBER), status=204),
    Route("PUT", f"{_ONE}/add_router_interface", add_interface, policy=Rule("add_router_interface", MEMBER),
          body=INTERFACE),
    Route("PUT", f"{_ONE}/remove_router_interface", remove_interface,
          policy=Rule("remove_router_interface", MEMBER), body=INTERFACE),
    Route("PUT", f"{_ONE}/add_extraroutes", add_routes, policy=Rule("add_extraroutes", MEMBER), body=EXTRA_ROUTES),
    Route("PUT", f"{_ONE}/remove_extraroutes", remove_routes, policy=Rule("remove_extraroutes", MEMBER),
          body=EXTRA_ROUTES),
)  # fmt: skip
