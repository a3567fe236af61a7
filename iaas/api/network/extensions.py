"""/v2.0/extensions: what clients may count on. Only what works is in the list."""

from __future__ import annotations

from typing import Any

from iaas.api.network import query
from iaas.api.network.rules import Services
from iaas.api.route import ANY, Route, Rule
from iaas.errors import NotFound

# alias -> (name, description)
_EXTENSIONS = {
    "agent": ("agent", "The agents and whether they are alive."),
    "allowed-address-pairs": ("Allowed Address Pairs", "Further addresses that a port may send from."),
    "auto-allocated-topology": ("Auto Allocated Topology Services", "A network for each project, made by itself."),
    "availability_zone": ("Availability Zone", "Availability zones of the network service."),
    "binding": ("Port Binding", "The host that a port is on."),
    "empty-string-filtering": ("Empty String Filtering Extension", "Filters accept empty values."),
    "dhcp_agent_scheduler": ("DHCP Agent Scheduler", "Which agents serve a network."),
    "ext-gw-mode": ("Neutron L3 Configurable external gateway mode", "A router translates addresses or not."),
    "extraroute": ("Neutron Extra Route", "Routes of a router."),
    "extraroute-atomic": ("Atomically add/remove extra routes", "Routes of a router one by one."),
    "external-net": ("Neutron external network", "Networks that lead outside."),
    "fip-port-details": ("Floating IP Port Details Extension", "The port that a floating IP leads to."),
    "ip-substring-filtering": ("IP address substring filtering", "Ports by a part of an address."),
    "l3_agent_scheduler": ("L3 Agent Scheduler", "Which agents serve a router."),
    "net-mtu": ("Network MTU", "The MTU of a network."),
    "net-mtu-writable": ("Network MTU (writable)", "The MTU of a network can be set."),
    "network-ip-availability": ("Network IP Availability", "How many addresses are taken."),
    "network_availability_zone": ("Network Availability Zone", "Availability zones of networks."),
    "pagination": ("Pagination support", "Lists come in pages."),
    "port-security": ("Port Security", "Filtering of a port can be switched off."),
    "port-security-groups-filtering": ("Port filtering on security groups", "Ports by security group."),
    "project-id": ("project_id field enabled", "project_id is the same as tenant_id."),
    "provider": ("Provider Network", "How a network is realised."),
    "quotas": ("Quota management support", "Limits of a project."),
    "quota_details": ("Quota details management support", "Limits and what is used of them."),
    "router": ("Neutron L3 Router", "Routers between networks, and floating IPs."),
    "router_availability_zone": ("Router Availability Zone", "Availability zones of routers."),
    "security-group": ("security-group", "Packet filters for ports."),
    "security-groups-shared-filtering": ("Security group filtering on the shared field", "Groups by shared."),
    "sorting": ("Sorting support", "Lists are sorted by any attribute."),
    "standard-attr-description": ("standard-attr-description", "Everything has a description."),
    "standard-attr-revisions": ("Resource revision numbers", "Everything counts its changes."),
    "standard-attr-tag": ("Tag support", "Everything can have tags."),
    "standard-attr-timestamp": ("Resource timestamps", "Everything knows when it was made and changed."),
    "subnet-external-network": ("Subnets of external networks", "They are visible to everybody."),
}


def _show(alias: str) -> dict[str, Any]:
    name, description = _EXTENSIONS[alias]
    stamp = "2026-01-01T00:00:00-00:00"
    return {"alias": alias, "name": name, "description": description, "updated": stamp, "links": []}


def list_extensions(call: Services) -> dict[str, Any]:
    return {"extensions": [query.pick(call, _show(alias)) for alias in _EXTENSIONS]}


def show_extension(call: Services) -> dict[str, Any]:
    alias = call.path["alias"]
    if alias not in _EXTENSIONS:
        raise NotFound(f"Extension with alias {alias[:64]} does not exist", code="ExtensionNotFound")
    return {"extension": _show(alias)}


_READ = Rule("get_extension", ANY)
ROUTES = (
    Route("GET", "/v2.0/extensions", list_extensions, policy=_READ),
    Route("GET", "/v2.0/extensions/<alias>", show_extension, policy=_READ),
)
