"""A server's network side, read only: addresses and interfaces."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute.server_view import View
from iaas.api.route import READER, Route, Rule
from iaas.compute import servers
from iaas.compute.service import Compute
from iaas.errors import NotFound
from iaas.model.port import Port


def list_ips(call: Call[Compute]) -> dict[str, Any]:
    return {"addresses": _addresses(call)}


def show_network(call: Call[Compute]) -> dict[str, Any]:
    found = _addresses(call)
    if call.path["network"] not in found:
        raise NotFound("Instance is not a member of specified network")
    return {call.path["network"]: found[call.path["network"]]}


def _addresses(call: Call[Compute]) -> dict[str, list[dict[str, Any]]]:
    server, details = servers.show(call.services, call.context, call.path["id"])
    shown = View(call).full(server, details)["addresses"]
    return {
        network: [{"addr": item["addr"], "version": item["version"]} for item in items]
        for network, items in shown.items()
    }


def list_interfaces(call: Call[Compute]) -> dict[str, Any]:
    return {"interfaceAttachments": [_interface(call, port) for port in _ports(call)]}


def show_interface(call: Call[Compute]) -> dict[str, Any]:
    for port in _ports(call):
        if port.id == call.path["port"]:
            return {"interfaceAttachment": _interface(call, port)}
    raise NotFound(f"Port {call.path['port']} could not be found.")


def _ports(call: Call[Compute]) -> tuple[Port, ...]:
    with call.services.database.read() as tx:
        server = servers.get(tx, call.context, call.path["id"])
        return call.services.network.interfaces(tx, server.id)


def _interface(call: Call[Compute], port: Port) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "port_id": port.id,
        "net_id": port.network_id,
        "mac_addr": port.mac,
        "port_state": port.status,
        "fixed_ips": [{"subnet_id": fixed.subnet_id, "ip_address": fixed.ip} for fixed in port.fixed_ips],
    }
    if call.at_least("2.70"):
        shown["tag"] = None
    return shown


_SERVER = "/v2.1/servers/<id>"
ROUTES = (
    Route("GET", _SERVER + "/ips", list_ips, policy=Rule("os_compute_api:ips:index", READER)),
    Route("GET", _SERVER + "/ips/<network>", show_network, policy=Rule("os_compute_api:ips:show", READER)),
    Route("GET", _SERVER + "/os-interface", list_interfaces,
          policy=Rule("os_compute_api:os-attach-interfaces:list", READER)),
    Route("GET", _SERVER + "/os-interface/<port>", show_interface,
          policy=Rule("os_compute_api:os-attach-interfaces:show", READER)),
)  # fmt: skip
