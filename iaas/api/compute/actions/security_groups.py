"""/servers/{id}/os-security-groups, and the actions addSecurityGroup and removeSecurityGroup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.call import Call
from iaas.api.compute.actions.action import action
from iaas.api.route import READER, Route, Rule
from iaas.api.schema import NAME, obj
from iaas.compute import security_groups
from iaas.compute.service import Compute
from iaas.model.security_group import SecurityGroup, SecurityGroupRule

_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


def list_groups(call: Call[Compute]) -> dict[str, Any]:
    found, named = security_groups.of_server(call.services, call.context, call.path["id"])
    return {"security_groups": [_group(group, named) for group in found]}


def add_group(call: Call[Compute]) -> None:
    name = call.body["addSecurityGroup"]["name"]
    security_groups.add(call.services, call.context, call.path["id"], name)


def remove_group(call: Call[Compute]) -> None:
    name = call.body["removeSecurityGroup"]["name"]
    security_groups.remove(call.services, call.context, call.path["id"], name)


def _group(group: SecurityGroup, named: Mapping[str, SecurityGroup]) -> dict[str, Any]:
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "tenant_id": group.project_id,
        "rules": [_rule(rule, named) for rule in group.rules if rule.direction == "ingress"],
    }


def _rule(rule: SecurityGroupRule, named: Mapping[str, SecurityGroup]) -> dict[str, Any]:
    """In the words of the time when only what comes in had rules: a port range is always said."""
    low, high = rule.port_min, rule.port_max
    if rule.protocol and low is None and high is None:
        low, high = (1, 65535) if rule.protocol in ("tcp", "udp") else (-1, -1)
    remote = named.get(rule.remote_group_id or "")
    cidr = None if rule.remote_group_id else rule.remote_cidr or _EVERYWHERE[rule.ip_version]
    return {
        "id": rule.id,
        "parent_group_id": rule.group_id,
        "ip_protocol": rule.protocol,
        "from_port": low,
        "to_port": high,
        "group": {"name": remote.name, "tenant_id": remote.project_id} if remote else {},
        "ip_range": {"cidr": cidr} if cidr else {},
    }


_NAMED = obj({"name": NAME}, ("name",))
_PATH = "/v2.1/servers/<id>/os-security-groups"
ROUTES = (
    Route("GET", _PATH, list_groups, policy=Rule("os_compute_api:os-security-groups:list", READER)),
    action("addSecurityGroup", add_group, "os-security-groups:add", _NAMED),
    action("removeSecurityGroup", remove_group, "os-security-groups:remove", _NAMED),
)
