"""os-server-groups: which hosts servers may share."""

from __future__ import annotations

from typing import Any

from iaas.api import paging
from iaas.api.call import Call
from iaas.api.compute import rules
from iaas.api.route import MEMBER, READER, Route, Rule
from iaas.api.schema import obj
from iaas.compute import server_groups
from iaas.compute.service import Compute
from iaas.errors import Invalid
from iaas.model.server_group import AFFINITY, ANTI_AFFINITY, POLICIES, ServerGroup

SOFT, RULES = "2.15", "2.64"
_NAME = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^\S(.*\S)?$"}
_PER_HOST = {"type": ["integer", "string"], "pattern": "^[1-9][0-9]{0,8}$", "minimum": 1, "maximum": 2**31 - 1}
CREATE = obj({"server_group": obj({
    "name": _NAME,
    "policies": {"type": "array", "items": {"type": "string", "maxLength": 32}, "minItems": 1, "maxItems": 1},
    "policy": {"type": "string", "maxLength": 32},
    "rules": obj({"max_server_per_host": _PER_HOST}),
}, ("name",))}, ("server_group",))  # fmt: skip


def list_groups(call: Call[Compute]) -> dict[str, Any]:
    everybodys = "all_projects" in call.query and call.context.is_admin
    if everybodys:
        call.enforce(rules.ALL_GROUPS.name)
    page = paging.page({key: call.query[key] for key in ("limit",) if key in call.query}, {}, ())
    offset = call.query.get("offset", "0")
    if not (offset.isascii() and offset.isdigit() and len(offset) < 10):
        raise Invalid(f"offset {offset[:32]!r} is not a non-negative integer.", field="offset")
    found = server_groups.listed(call.services, call.context, everybodys, page.limit, int(offset))
    return {"server_groups": [_shown(call, group) for group in found]}


def show_group(call: Call[Compute]) -> dict[str, Any]:
    return {"server_group": _shown(call, server_groups.get(call.services, call.context, call.path["id"]))}


def create_group(call: Call[Compute]) -> dict[str, Any]:
    body = call.body["server_group"]
    policy, given = _policy(call, body), body.get("rules", {})
    limits = {name: int(value) for name, value in given.items()}
    return {
        "server_group": _shown(call, server_groups.create(call.services, call.context, body["name"], policy, limits))
    }


def delete_group(call: Call[Compute]) -> None:
    server_groups.delete(call.services, call.context, call.path["id"])


def _policy(call: Call[Compute], body: dict[str, Any]) -> str:
    """``policies`` with one item, since 2.64 ``policy``; the soft ones since 2.15. Raises Invalid."""
    later = call.at_least(RULES)
    unexpected = {"policies"} if later else {"policy", "rules"}
    if found := sorted(unexpected & body.keys()):
        raise Invalid(f"Additional properties are not allowed ('{found[0]}' was unexpected)", field=found[0])
    name = "policy" if later else "policies"
    if name not in body:
        raise Invalid(f"'{name}' is a required property", field=name)
    policy: str = body["policy"] if later else body["policies"][0]
    if policy not in (POLICIES if call.at_least(SOFT) else (AFFINITY, ANTI_AFFINITY)):
        raise Invalid(f"Invalid input for field/attribute {name}. {policy[:32]!r} is not a policy.", field=name)
    return policy


def _shown(call: Call[Compute], group: ServerGroup) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": group.id, "name": group.name, "members": list(group.members)}
    if call.at_least(RULES):
        shown |= {"policy": group.policy, "rules": group.rules}
    else:
        shown |= {"policies": [group.policy], "metadata": {}}
    if call.at_least("2.13"):
        shown |= {"project_id": group.project_id, "user_id": group.user_id}
    return shown


_PATH = "/v2.1/os-server-groups"
_RULE = "os_compute_api:os-server-groups:"
ROUTES = (
    Route("GET", _PATH, list_groups, policy=Rule(_RULE + "index", READER)),
    Route("POST", _PATH, create_group, policy=Rule(_RULE + "create", MEMBER), body=CREATE),
    Route("GET", _PATH + "/<id>", show_group, policy=Rule(_RULE + "show", READER)),
    Route("DELETE", _PATH + "/<id>", delete_group, policy=Rule(_RULE + "delete", MEMBER), status=204),
)
