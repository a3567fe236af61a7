"""os-hosts: an older view of the hosts and what is used on each."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, Route, Rule
from iaas.compute import daemons, hosts
from iaas.compute.service import Compute

UNTIL = "2.42"


def list_hosts(call: Call[Compute]) -> dict[str, Any]:
    """``service`` and ``zone`` of the query narrow the list down."""
    service, zone = call.query.get("service"), call.query.get("zone")
    shown = [
        {"host_name": item.service.host, "service": daemons.published(item.service.binary).partition("-")[2],
         "zone": item.zone}
        for item in daemons.all_of(call.services)
        if zone in (None, item.zone)
    ]  # fmt: skip
    return {"hosts": [item for item in shown if service in (None, item["service"])]}


def show_host(call: Call[Compute]) -> dict[str, Any]:
    host = call.path["name"]
    node, by_project = hosts.usage(call.services, host)
    claimed = (node.vcpus_used, node.ram_mb_used, node.disk_gb_used)
    rows = [("(total)", (node.vcpus, node.ram_mb, node.disk_gb)), ("(used_now)", claimed), ("(used_max)", claimed)]
    resources = [
        {"resource": {"host": host, "project": project, "cpu": cpu, "memory_mb": ram, "disk_gb": disk}}
        for project, (cpu, ram, disk) in [*rows, *sorted(by_project.items())]
    ]
    return {"host": resources}


_RULE = "os_compute_api:os-hosts:"
ROUTES = (
    Route("GET", "/v2.1/os-hosts", list_hosts, policy=Rule(_RULE + "list", ADMIN), until=UNTIL),
    Route("GET", "/v2.1/os-hosts/<name>", show_host, policy=Rule(_RULE + "show", ADMIN), until=UNTIL),
)
