"""/v2.0/networks"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.network import query, rules
from iaas.api.network.rules import Services
from iaas.api.route import MEMBER, READER, Reply, Route, Rule
from iaas.api.schema import BOOLEAN
from iaas.db.network import networks as networks_db
from iaas.errors import Invalid
from iaas.model.network import Network
from iaas.network import networks

_COLUMNS = {
    "name": "name", "description": "description", "admin_state_up": "admin_state_up", "shared": "shared",
    "router:external": "external", "port_security_enabled": "port_security", "mtu": "mtu",
    "is_default": "is_default",
    "provider:network_type": "kind", "provider:physical_network": "physical_network",
    "provider:segmentation_id": "segmentation_id",
}  # fmt: skip
_BOOLEANS = ("admin_state_up", "shared", "external", "port_security", "is_default")
_DEFAULTS = {"shared": False, "router:external": False, "is_default": False, "port_security_enabled": True}
_CHANGEABLE: dict[str, Any] = {
    **query.DESCRIBED,
    "admin_state_up": BOOLEAN,
    "shared": BOOLEAN,
    "router:external": BOOLEAN,
    "is_default": BOOLEAN,
    "port_security_enabled": BOOLEAN,
    "mtu": {"type": ["integer", "string"], "minimum": 0, "maximum": 65535, "pattern": "^[0-9]{1,5}$"},
}
_PROVIDER: dict[str, Any] = {
    "provider:network_type": {"type": "string", "maxLength": 16},
    "provider:physical_network": {"type": ["string", "null"], "maxLength": 64},
    "provider:segmentation_id": {
        "type": ["integer", "string", "null"],
        "minimum": 0,
        "maximum": 2**24,
        "pattern": "^[0-9]{1,8}$",
    },
}
_HINTS = {"type": "array", "items": {"type": "string", "maxLength": 255}, "maxItems": 4}
CREATE = query.one_or_many(
    "network", "networks",
    {**_CHANGEABLE, **_PROVIDER, **query.OWNER, "availability_zone_hints": _HINTS},
)  # fmt: skip
UPDATE = query.one("network", {**_CHANGEABLE, **_PROVIDER})
ZONE = "nova"


def show(network: Network) -> dict[str, Any]:
    return {
        **query.stamps(network),
        **({"is_default": network.is_default} if network.external else {}),
        "name": network.name,
        "admin_state_up": network.admin_state_up,
        "status": "ACTIVE",
        "mtu": network.mtu,
        "shared": network.shared,
        "router:external": network.external,
        "port_security_enabled": network.port_security,
        "subnets": list(network.subnet_ids),
        "tags": list(network.tags),
        "availability_zone_hints": [],
        "availability_zones": [ZONE] if network.subnet_ids else [],
        "ipv4_address_scope": None,
        "ipv6_address_scope": None,
        "provider:network_type": network.kind,
        "provider:physical_network": network.physical_network,
        "provider:segmentation_id": network.segmentation_id,
    }


def list_networks(call: Services) -> dict[str, Any]:
    hidden = rules.hidden(call, "network")
    with call.services.database.read() as tx:
        found, more = networks_db.listed(tx, call.context, query.of_call(call, networks_db.FIELDS, hidden))
    return query.answer(call, "networks", found, more, lambda item: query.without(show(item), hidden))


def show_network(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        network = networks_db.get(tx, query.ident(call), call.context)
    return {"network": query.pick(call, query.without(show(network), rules.hidden(call, "network")))}


def create_network(call: Services) -> dict[str, Any]:
    wanted = [(_owner(call, item), _values(item)) for item in query.items(call, "network", "networks")]
    settings = call.services.settings
    made = call.services.database.run(
        lambda tx: [networks.create(tx, settings, project, values) for project, values in wanted]
    )
    hidden = rules.hidden(call, "network")
    return query.created(call, "network", "networks", [query.without(show(network), hidden) for network in made])


def update_network(call: Services) -> dict[str, Any]:
    item = call.body["network"]
    with call.services.database.read() as tx:
        network = networks_db.get(tx, query.ident(call), call.context)
    target = rules.of_network(network)
    call.enforce("update_network", target)
    rules.enforce(call, "update_network", item, target)
    if any(name in item for name in _PROVIDER):
        raise Invalid("Invalid input for operation: Plugin does not support updating provider attributes.",
                      code="InvalidInput")  # fmt: skip
    changed = call.services.database.run(
        lambda tx: networks.update(
            tx, call.services.settings, networks_db.get(tx, network.id, call.context), _values(item)
        )
    )
    return {"network": query.without(show(changed), rules.hidden(call, "network"))}


def delete_network(call: Services) -> Reply:
    with call.services.database.read() as tx:
        network = networks_db.get(tx, query.ident(call), call.context)
    call.enforce("delete_network", rules.of_network(network))
    call.services.database.run(
        lambda tx: networks.delete(tx, call.services.settings, networks_db.get(tx, network.id, call.context))
    )
    return Reply(status=204)


def _owner(call: Services, item: Mapping[str, Any]) -> str:
    project = query.owner(call, "create_network", item)
    rules.enforce(call, "create_network", rules.explicit(item, _DEFAULTS), rules.owned_by(project))
    for hint in item.get("availability_zone_hints", ()):
        if hint != ZONE:
            raise Invalid(f"AvailabilityZone {hint} could not be found.", code="AvailabilityZoneNotFound")
    return project


def _values(item: Mapping[str, Any]) -> dict[str, Any]:
    values = query.booleans(query.columns(item, _COLUMNS), _BOOLEANS)
    # The stock client sends numbers as text.
    numbers = ("mtu", "segmentation_id")
    return values | {name: int(values[name]) for name in numbers if values.get(name) is not None}


_ONE = "/v2.0/networks/<id>"
ROUTES = (
    Route("GET", "/v2.0/networks", list_networks, policy=Rule("get_network", READER)),
    Route("POST", "/v2.0/networks", create_network, policy=Rule("create_network", MEMBER), body=CREATE, status=201),
    Route("GET", _ONE, show_network, policy=Rule("get_network", READER)),
    Route("PUT", _ONE, update_network, policy=Rule("update_network", MEMBER), body=UPDATE),
    Route("DELETE", _ONE, delete_network, policy=Rule("delete_network", MEMBER), status=204),
)
