"""/v2.0/network-ip-availabilities: how full networks are."""

from __future__ import annotations

from typing import Any

from iaas.api.network import query
from iaas.api.network.rules import Services
from iaas.api.route import ADMIN, Route, Rule
from iaas.db.network import networks as networks_db
from iaas.model.network import NetworkAvailability


def show(item: NetworkAvailability) -> dict[str, Any]:
    subnets: list[dict[str, Any]] = [
        {
            "subnet_id": id, "subnet_name": name, "cidr": cidr, "ip_version": version,
            "total_ips": total, "used_ips": used,
        }
        for id, name, cidr, version, total, used in item.subnets
    ]  # fmt: skip
    return {
        "network_id": item.network_id,
        "network_name": item.network_name,
        "project_id": item.project_id,
        "tenant_id": item.project_id,
        # A number beyond 2^63 is a float to some clients; that many addresses are as good as any.
        "total_ips": min(sum(line["total_ips"] for line in subnets), 2**63 - 1),
        "used_ips": sum(line["used_ips"] for line in subnets),
        "subnet_ip_availability": [{**line, "total_ips": min(line["total_ips"], 2**63 - 1)} for line in subnets],
    }


def list_availabilities(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        found = networks_db.availabilities(tx, call.context)
    shown = [show(item) for item in found]
    for name in ("network_id", "network_name", "project_id", "tenant_id"):
        values = call.query_lists.get(name)
        shown = [item for item in shown if not values or item[name] in values]
    versions = call.query_lists.get("ip_version")
    if versions:
        shown = [
            item
            for item in shown
            if any(str(line["ip_version"]) in versions for line in item["subnet_ip_availability"])
        ]
    return {"network_ip_availabilities": [query.pick(call, item) for item in shown]}


def show_availability(call: Services) -> dict[str, Any]:
    network_id = query.ident(call)
    with call.services.database.read() as tx:
        found = networks_db.availabilities(tx, call.context, network_id)
    if not found:
        raise networks_db.missing(network_id)
    return {"network_ip_availability": query.pick(call, show(found[0]))}


_READ = Rule("get_network_ip_availability", ADMIN)
ROUTES = (
    Route("GET", "/v2.0/network-ip-availabilities", list_availabilities, policy=_READ),
    Route("GET", "/v2.0/network-ip-availabilities/<id>", show_availability, policy=_READ),
)
