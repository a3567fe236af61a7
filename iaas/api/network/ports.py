"""/v2.0/ports"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from iaas.api.network import query, rules
from iaas.api.network.rules import Services
from iaas.api.route import MEMBER, READER, Reply, Route, Rule
from iaas.api.schema import BOOLEAN, obj
from iaas.db.engine import Tx
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.errors import Forbidden, Invalid
from iaas.model.network import Network
from iaas.model.port import SERVICE_OWNERS, FixedIpWish, Port
from iaas.network import ports

_IP = {"type": "string", "maxLength": 64}
_MAC = {"type": "string", "maxLength": 32}
_ID = {"type": "string", "maxLength": 64}
_CHANGEABLE: dict[str, Any] = {
    **query.DESCRIBED,
    "admin_state_up": BOOLEAN,
    "device_id": query.NAME,
    "device_owner": query.NAME,
    "mac_address": _MAC,
    "port_security_enabled": BOOLEAN,
    "fixed_ips": {
        "type": ["array", "null"], "items": obj({"subnet_id": _ID, "ip_address": _IP}), "maxItems": 20,
    },
    "security_groups": {"type": ["array", "null"], "items": _ID, "maxItems": 100},
    "allowed_address_pairs": {
        "type": ["array", "null"], "items": obj({"mac_address": _MAC, "ip_address": _IP}, ("ip_address",)),
        "maxItems": 100,
    },
    "binding:host_id": {"type": ["string", "null"], "maxLength": 255, "pattern": "^[0-9A-Za-z._-]*$"},
    "binding:profile": {"type": ["object", "null"], "maxProperties": 20},
    "binding:vnic_type": {"type": "string", "maxLength": 32},
}  # fmt: skip
CREATE = query.one_or_many("port", "ports", {**_CHANGEABLE, **query.OWNER, "network_id": _ID}, ("network_id",))
UPDATE = query.one("port", _CHANGEABLE)
_COLUMNS = {
    "name": "name", "description": "description", "admin_state_up": "admin_state_up", "device_id": "device_id",
    "device_owner": "device_owner", "port_security_enabled": "port_security", "mac_address": "mac",
    "binding:host_id": "host", "binding:vnic_type": "vnic_type",
}  # fmt: skip
_DEFAULTS = {
    "port_security_enabled": True, "binding:host_id": "", "binding:profile": {}, "allowed_address_pairs": [],
}  # fmt: skip


def show(port: Port, hidden: Collection[str] = ()) -> dict[str, Any]:
    shown = {
        **query.stamps(port),
        "name": port.name,
        "network_id": port.network_id,
        "mac_address": port.mac,
        "admin_state_up": port.admin_state_up,
        "status": port.status,
        "device_id": port.device_id,
        "device_owner": port.device_owner,
        "fixed_ips": [{"subnet_id": fixed.subnet_id, "ip_address": fixed.ip} for fixed in port.fixed_ips],
        "allowed_address_pairs": [{"mac_address": mac, "ip_address": address} for mac, address in port.allowed_pairs],
        "security_groups": list(port.groups),
        "port_security_enabled": port.port_security,
        "binding:vnic_type": port.vnic_type,
        "binding:host_id": port.host or "",
        "binding:profile": port.profile,
        "binding:vif_type": "bridge" if port.host else "unbound",
        "binding:vif_details": {"port_filter": True, "connectivity": "l2"} if port.host else {},
        "tags": list(port.tags),
    }
    return query.without(shown, hidden)


def list_ports(call: Services) -> dict[str, Any]:
    hidden = rules.hidden(call, "port")
    with call.services.database.read() as tx:
        found, more = ports_db.listed(tx, call.context, query.of_call(call, ports_db.FIELDS, hidden))
    return query.answer(call, "ports", found, more, partial(show, hidden=hidden))


def show_port(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        port = ports_db.get(tx, query.ident(call), call.context)
    return {"port": query.pick(call, show(port, rules.hidden(call, "port")))}


def create_port(call: Services) -> dict[str, Any]:
    given = query.items(call, "port", "ports")
    with call.services.database.read() as tx:
        known = networks_db.by_ids(tx, {item["network_id"] for item in given}, call.context)
    wanted = [_checked(call, known, item) for item in given]

    def write(tx: Tx) -> list[Port]:
        settings, context = call.services.settings, call.context
        return [ports.create(tx, settings, context, project, net, values) for project, net, values in wanted]

    made = call.services.database.run(write)
    hidden = rules.hidden(call, "port")
    return query.created(call, "port", "ports", [show(port, hidden) for port in made])


def update_port(call: Services) -> dict[str, Any]:
    item = call.body["port"]
    with call.services.database.read() as tx:
        port = ports_db.get(tx, query.ident(call), call.context)
        network = networks_db.get(tx, port.network_id)
    call.enforce("update_port", rules.owned_by(port.project_id))
    _check_attributes(call, "update_port", item, list(item), network)

    def write(tx: Tx) -> Port:
        fresh = ports_db.get(tx, port.id, call.context)
        return ports.update(tx, call.services.settings, call.context, fresh, _values(item))

    return {"port": show(call.services.database.run(write), rules.hidden(call, "port"))}


def delete_port(call: Services) -> Reply:
    with call.services.database.read() as tx:
        port = ports_db.get(tx, query.ident(call), call.context)
        network = networks_db.get(tx, port.network_id)
    if not call.allows("delete_port", rules.owned_by(port.project_id)):
        call.enforce("delete_port", rules.of_network(network))
    call.services.database.run(
        lambda tx: ports.delete(tx, call.services.settings, [ports_db.get(tx, port.id, call.context)])
    )
    return Reply(status=204)


def _checked(
    call: Services, known: Mapping[str, Network], item: Mapping[str, Any]
) -> tuple[str, Network, dict[str, Any]]:
    """Who shall own the port, on which network, and what it shall be."""
    project = query.owner(call, "create_port", item)
    network = known.get(item["network_id"])
    if network is None:
        raise networks_db.missing(item["network_id"])
    if not network.shared and not call.allows("create_port", rules.of_network(network)):
        raise Forbidden(f"Ports can't be made on the external network {network.id}.", rule="create_port")
    _check_attributes(call, "create_port", item, rules.explicit(item, _DEFAULTS), network)
    return project, network, _values(item)


def _check_attributes(
    call: Services, action: str, item: Mapping[str, Any], names: Collection[str], network: Network
) -> None:
    """Binding is the operator's; MAC, addresses, pairs, filtering and platform roles the network owner's (S-056)."""
    target = rules.of_network(network)
    platform = str(item.get("device_owner", "")).startswith("network:")
    checked = [name for name in names if name != "device_owner" or platform]
    if any(fixed.get("ip_address") for fixed in item.get("fixed_ips") or ()):
        checked.append("fixed_ips:ip_address")
    rules.enforce(call, action, [name for name in checked if item.get(name, True) is not None], target)
    if item.get("device_owner") in SERVICE_OWNERS:
        raise Forbidden("Ports of the platform's own are not made by hand.", rule=f"{action}:device_owner")
    if item.get("binding:vnic_type", "normal") != "normal":
        raise Invalid("Only binding:vnic_type normal is supported.", field="binding:vnic_type")


def _values(item: Mapping[str, Any]) -> dict[str, Any]:
    values = query.booleans(query.columns(item, _COLUMNS), ("admin_state_up", "port_security"))
    if "binding:profile" in item:
        values["profile"] = item["binding:profile"] or {}
    if item.get("fixed_ips") is not None:
        values["fixed_ips"] = tuple(
            FixedIpWish(subnet_id=fixed.get("subnet_id"), ip=fixed.get("ip_address")) for fixed in item["fixed_ips"]
        )
    if item.get("security_groups") is not None:
        values["groups"] = tuple(item["security_groups"])
    if "allowed_address_pairs" in item:
        pairs = item["allowed_address_pairs"] or ()
        values["allowed_pairs"] = tuple((pair.get("mac_address"), pair["ip_address"]) for pair in pairs)
    return values


_ONE = "/v2.0/ports/<id>"
ROUTES = (
    Route("GET", "/v2.0/ports", list_ports, policy=Rule("get_port", READER)),
    Route("POST", "/v2.0/ports", create_port, policy=Rule("create_port", MEMBER), body=CREATE, status=201),
    Route("GET", _ONE, show_port, policy=Rule("get_port", READER)),
    Route("PUT", _ONE, update_port, policy=Rule("update_port", MEMBER), body=UPDATE),
    Route("DELETE", _ONE, delete_port, policy=Rule("delete_port", MEMBER), status=204),
)
