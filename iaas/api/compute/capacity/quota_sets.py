"""Quota sets of projects, and the limits that a project sees of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.call import Call
from iaas.api.compute import rules
from iaas.api.route import ADMIN, ANY, READER, Route, Rule
from iaas.api.schema import BOOLEAN, as_bool, obj
from iaas.compute import quotas
from iaas.compute.quotas import Quotas
from iaas.compute.service import Compute
from iaas.errors import Forbidden

# What the API names and this platform has none of, or leaves to the network API: name -> (limit, last microversion).
_CONSTANT: Mapping[str, tuple[int, int]] = {
    "floating_ips": (-1, 35), "security_groups": (-1, 35), "security_group_rules": (-1, 35),
    "injected_files": (0, 56), "injected_file_content_bytes": (0, 56), "injected_file_path_bytes": (0, 56),
}  # fmt: skip
_UNTIL: Mapping[str, int] = {"fixed_ips": 35}  # resources that later microversions leave out; the limit holds in all
LIMIT = {"type": ["integer", "string"], "pattern": "^-?[0-9]{1,10}$", "minimum": -1, "maximum": 2**31 - 1}
RESOURCES = (
    "instances", "cores", "ram", "fixed_ips", "key_pairs", "metadata_items", "server_groups", "server_group_members",
)  # fmt: skip
UPDATE = obj({"quota_set": obj({**dict.fromkeys(RESOURCES, LIMIT), "force": BOOLEAN,
                                "tenant_id": {"type": "string", "maxLength": 64}})}, ("quota_set",))  # fmt: skip


def show(call: Call[Compute]) -> dict[str, Any]:
    found = _own(call, "show")
    return {"quota_set": {"id": call.path["id"], **shown(call, found.limits)}}


def defaults(call: Call[Compute]) -> dict[str, Any]:
    return {"quota_set": {"id": call.path["id"], **shown(call, quotas.defaults(call.services))}}


def detail(call: Call[Compute]) -> dict[str, Any]:
    found = _own(call, "detail")
    counted = {
        name: {"limit": limit, "in_use": found.used.get(name, 0) if name in quotas.COUNTED else 0, "reserved": 0}
        for name, limit in shown(call, found.limits).items()
    }
    return {"quota_set": {"id": call.path["id"], **counted}}


def update(call: Call[Compute]) -> dict[str, Any]:
    body = call.body["quota_set"]
    wanted = {name: int(body[name]) for name in RESOURCES if name in body}
    limits = quotas.update(call.services, call.path["id"], wanted, as_bool(body.get("force", False)))
    return {"quota_set": shown(call, limits)}


def delete(call: Call[Compute]) -> None:
    quotas.reset(call.services, call.path["id"])


def _own(call: Call[Compute], verb: str) -> Quotas:
    call.enforce(f"os_compute_api:os-quota-sets:{verb}", {"project_id": call.path["id"]})
    return quotas.of_project(call.services, call.path["id"])


def shown(call: Call[Compute], limits: Mapping[str, int]) -> dict[str, int]:
    minor = call.version.minor if call.version else 1
    constant = {name: limit for name, (limit, last) in _CONSTANT.items() if minor <= last}
    return {**{name: limits[name] for name in RESOURCES if minor <= _UNTIL.get(name, minor)}, **constant}


def limits(call: Call[Compute]) -> dict[str, Any]:
    project = call.query.get("tenant_id") or call.context.owner
    user = call.context.user_id if project == call.context.owner else None
    if project != call.context.owner and not call.allows(rules.OTHER_LIMITS.name):
        raise Forbidden(f"Policy doesn't allow {rules.OTHER_LIMITS.name} to be performed.")
    found = quotas.of_project(call.services, project, user)
    absolute = {
        "maxTotalInstances": found.limits["instances"],
        "maxTotalCores": found.limits["cores"],
        "maxTotalRAMSize": found.limits["ram"],
        "maxTotalKeypairs": found.limits["key_pairs"],
        "maxServerMeta": found.limits["metadata_items"],
        "maxServerGroups": found.limits["server_groups"],
        "maxServerGroupMembers": found.limits["server_group_members"],
        "totalInstancesUsed": found.used.get("instances", 0),
        "totalCoresUsed": found.used.get("cores", 0),
        "totalRAMUsed": found.used.get("ram", 0),
        "totalServerGroupsUsed": found.used.get("server_groups", 0),
    }
    return {"limits": {"rate": [], "absolute": {**absolute, **_former(call, found.limits)}}}


def _former(call: Call[Compute], limits: Mapping[str, int]) -> dict[str, int]:
    """Names that later microversions dropped."""
    found: dict[str, int] = {}
    if not call.at_least("2.57"):
        found |= {"maxPersonality": 0, "maxPersonalitySize": 0}
    if not call.at_least("2.39"):
        found["maxImageMeta"] = limits["metadata_items"]
    if not call.at_least("2.36"):
        found |= {"maxSecurityGroups": -1, "maxSecurityGroupRules": -1, "maxTotalFloatingIps": -1,
                  "totalSecurityGroupsUsed": 0, "totalFloatingIpsUsed": 0}  # fmt: skip
    return found


_PATH = "/v2.1/os-quota-sets/<id>"
_RULE = "os_compute_api:os-quota-sets:"

ROUTES = (
    Route("GET", _PATH, show, policy=Rule(_RULE + "show", READER)),
    Route("GET", _PATH + "/defaults", defaults, policy=Rule(_RULE + "defaults", ANY)),
    Route("GET", _PATH + "/detail", detail, policy=Rule(_RULE + "detail", READER)),
    Route("PUT", _PATH, update, policy=Rule(_RULE + "update", ADMIN), body=UPDATE),
    Route("DELETE", _PATH, delete, policy=Rule(_RULE + "delete", ADMIN), status=202),
    Route("GET", "/v2.1/limits", limits, policy=Rule("os_compute_api:limits", ANY)),
)
