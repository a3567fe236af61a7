"""/v2.0/subnets"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.network import query, rules
from iaas.api.network.rules import Services
from iaas.api.route import MEMBER, READER, Reply, Route, Rule
from iaas.api.schema import BOOLEAN, obj
from iaas.db.network import networks as networks_db
from iaas.db.network import subnets as subnets_db
from iaas.errors import Invalid
from iaas.model.network import Network
from iaas.model.subnet import Subnet
from iaas.network import subnets

_IP = {"type": "string", "maxLength": 64}
_MODE = {"type": ["string", "null"], "maxLength": 16}
_CHANGEABLE: dict[str, Any] = {
    **query.DESCRIBED,
    "enable_dhcp": BOOLEAN,
    "gateway_ip": {**_IP, "type": ["string", "null"]},
    "allocation_pools": {
        "type": ["array", "null"], "items": obj({"start": _IP, "end": _IP}, ("start", "end")), "maxItems": 20,
    },
    "dns_nameservers": {"type": ["array", "null"], "items": _IP, "maxItems": 20},
    "host_routes": {
        "type": ["array", "null"], "maxItems": 50,
        "items": obj({"destination": _IP, "nexthop": _IP}, ("destination", "nexthop")),
    },
}  # fmt: skip
CREATE = query.one_or_many(
    "subnet",
    "subnets",
    {
        **_CHANGEABLE,
        **query.OWNER,
        "network_id": {"type": "string", "maxLength": 64},
        "cidr": _IP,
        "ip_version": {"type": ["integer", "string"], "enum": [4, 6, "4", "6"]},
        "ipv6_ra_mode": _MODE,
        "ipv6_address_mode": _MODE,
        "subnetpool_id": {"type": "null"},
        "service_types": {"type": "array", "maxItems": 0},
    },
    ("network_id",),
)
UPDATE = query.one("subnet", _CHANGEABLE)
_PLAIN = (
    "name", "description", "enable_dhcp", "gateway_ip", "dns_nameservers", "cidr", "ipv6_ra_mode",
    "ipv6_address_mode",
)  # fmt: skip


def show(subnet: Subnet) -> dict[str, Any]:
    return {
        **query.stamps(subnet),
        "name": subnet.name,
        "network_id": subnet.network_id,
        "ip_version": subnet.ip_version,
        "cidr": subnet.cidr,
        "gateway_ip": subnet.gateway_ip,
        "enable_dhcp": subnet.enable_dhcp,
        "allocation_pools": [{"start": first, "end": last} for first, last in subnet.pools],
        "dns_nameservers": list(subnet.dns_nameservers),
        "host_routes": [{"destination": net, "nexthop": hop} for net, hop in subnet.host_routes],
        "ipv6_ra_mode": subnet.ipv6_ra_mode,
        "ipv6_address_mode": subnet.ipv6_address_mode,
        "subnetpool_id": None,
        "service_types": [],
        "tags": list(subnet.tags),
    }


def list_subnets(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        found, more = subnets_db.listed(tx, call.context, query.of_call(call, subnets_db.FIELDS))
    return query.answer(call, "subnets", found, more, show)


def show_subnet(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        subnet = subnets_db.get(tx, query.ident(call), call.context)
    return {"subnet": query.pick(call, show(subnet))}


def create_subnet(call: Services) -> dict[str, Any]:
    given = query.items(call, "subnet", "subnets")
    with call.services.database.read() as tx:
        known = networks_db.by_ids(tx, {item["network_id"] for item in given}, call.context)
    wanted = [_checked(call, known, item) for item in given]
    settings = call.services.settings
    made = call.services.database.run(
        lambda tx: [subnets.create(tx, settings, project, net, values) for project, net, values in wanted]
    )
    return query.created(call, "subnet", "subnets", [show(subnet) for subnet in made])


def update_subnet(call: Services) -> dict[str, Any]:
    item = call.body["subnet"]
    subnet = _writable(call, "update_subnet")
    changed = call.services.database.run(
        lambda tx: subnets.update(
            tx, call.services.settings, subnets_db.get(tx, subnet.id, call.context), _values(item)
        )
    )
    return {"subnet": show(changed)}


def delete_subnet(call: Services) -> Reply:
    subnet = _writable(call, "delete_subnet")
    call.services.database.run(
        lambda tx: subnets.delete(tx, call.services.settings, subnets_db.get(tx, subnet.id, call.context))
    )
    return Reply(status=204)


def _writable(call: Services, rule: str) -> Subnet:
    """The subnet, if its owner or its network's owner asks. Raises NotFound or Forbidden."""
    with call.services.database.read() as tx:
        subnet = subnets_db.get(tx, query.ident(call), call.context)
        network = networks_db.get(tx, subnet.network_id)
    if not call.allows(rule, rules.owned_by(subnet.project_id)):
        call.enforce(rule, rules.of_network(network))
    return subnet


def _checked(
    call: Services, known: Mapping[str, Network], item: Mapping[str, Any]
) -> tuple[str, Network, dict[str, Any]]:
    """Who shall own it, on which network, and what it shall be. Only the network's owner adds subnets to it."""
    project = query.owner(call, "create_subnet", item)
    network = known.get(item["network_id"])
    if network is None:
        raise networks_db.missing(item["network_id"])
    call.enforce("create_subnet", rules.of_network(network))
    if "cidr" not in item:
        raise Invalid("a subnetpool must be specified in the absence of a cidr", field="cidr", code="BadRequest")
    values = _values(item)
    version = 6 if ":" in item["cidr"] else 4
    values["ip_version"] = int(item.get("ip_version", version))
    return project, network, values


def _values(item: Mapping[str, Any]) -> dict[str, Any]:
    values = query.booleans({name: item[name] for name in _PLAIN if name in item}, ("enable_dhcp",))
    if item.get("allocation_pools") is not None:
        values["pools"] = tuple((pool["start"], pool["end"]) for pool in item["allocation_pools"])
    if "host_routes" in item:
        values["host_routes"] = tuple((route["destination"], route["nexthop"]) for route in item["host_routes"] or ())
    return values


_ONE = "/v2.0/subnets/<id>"
ROUTES = (
    Route("GET", "/v2.0/subnets", list_subnets, policy=Rule("get_subnet", READER)),
    Route("POST", "/v2.0/subnets", create_subnet, policy=Rule("create_subnet", MEMBER), body=CREATE, status=201),
    Route("GET", _ONE, show_subnet, policy=Rule("get_subnet", READER)),
    Route("PUT", _ONE, update_subnet, policy=Rule("update_subnet", MEMBER), body=UPDATE),
    Route("DELETE", _ONE, delete_subnet, policy=Rule("delete_subnet", MEMBER), status=204),
)
