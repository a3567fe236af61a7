"""/v2.0/quotas"""

from __future__ import annotations

from typing import Any

from iaas.api.network import query, rules
from iaas.api.network.rules import Services
from iaas.api.route import ADMIN, READER, Reply, Route, Rule
from iaas.api.schema import BOOLEAN, as_bool
from iaas.errors import NotFound
from iaas.network import quotas

_LIMIT = {"type": ["integer", "string"], "minimum": -1, "maximum": 2**31 - 1, "pattern": "^(-1|[0-9]{1,9})$"}
_SWITCHES = {"force": BOOLEAN, "check_limit": BOOLEAN}
UPDATE = query.one("quota", {**dict.fromkeys(quotas.NAMES, _LIMIT), **_SWITCHES, **query.OWNER})


def list_quotas(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        found = quotas.listed(tx, call.services.settings)
    return {"quotas": [_owned(project, limits) for project, limits in found.items()]}


def show_own(call: Services) -> dict[str, Any]:
    """Whose quota the token would use: the old way to ask for it."""
    return {"tenant": {"tenant_id": call.context.owner, "project_id": call.context.owner}}


def show_quota(call: Services) -> dict[str, Any]:
    project = _project(call, "get_quota")
    with call.services.database.read() as tx:
        return {"quota": _owned(project, quotas.limits(tx, call.services.settings, project))}


def show_defaults(call: Services) -> dict[str, Any]:
    project = _project(call, "get_quota")
    return {"quota": _owned(project, quotas.defaults(call.services.settings))}


def show_details(call: Services) -> dict[str, Any]:
    project = _project(call, "get_quota")
    with call.services.database.read() as tx:
        limits, used = quotas.limits(tx, call.services.settings, project), quotas.used(tx, project)
    return {"quota": {name: {"limit": limits[name], "used": used[name], "reserved": 0} for name in quotas.NAMES}}


def update_quota(call: Services) -> dict[str, Any]:
    project = _project(call, "update_quota")
    item = call.body["quota"]
    values = {name: int(item[name]) for name in quotas.NAMES if name in item}
    check = as_bool(item.get("check_limit", False)) and not as_bool(item.get("force", False))
    changed = call.services.database.run(lambda tx: quotas.change(tx, call.services.settings, project, values, check))
    return {"quota": changed}


def delete_quota(call: Services) -> Reply:
    project = _project(call, "delete_quota")
    call.services.database.run(lambda tx: quotas.reset(tx, project))
    return Reply(status=204)


def _project(call: Services, rule: str) -> str:
    """The project of the path. A foreign one looks like an unknown one."""
    project = query.ident(call, "project_id")
    if len(project) > 64 or not call.allows(rule, rules.owned_by(project)):
        raise NotFound(f"Quota for project {project[:64]} could not be found.", code="TenantQuotaNotFound")
    return project


def _owned(project: str, limits: dict[str, int]) -> dict[str, Any]:
    return {**limits, "project_id": project, "tenant_id": project}


_ONE = "/v2.0/quotas/<project_id>"
_READ = Rule("get_quota", READER)
ROUTES = (
    Route("GET", "/v2.0/quotas", list_quotas, policy=Rule("get_quotas", ADMIN)),
    Route("GET", "/v2.0/quotas/tenant", show_own, policy=_READ),
    Route("GET", "/v2.0/quotas/project", show_own, policy=_READ),
    Route("GET", _ONE, show_quota, policy=_READ),
    Route("GET", f"{_ONE}/default", show_defaults, policy=_READ),
    Route("GET", f"{_ONE}/details", show_details, policy=_READ),
    Route("PUT", _ONE, update_quota, policy=Rule("update_quota", ADMIN), body=UPDATE),
    Route("DELETE", _ONE, delete_quota, policy=Rule("delete_quota", ADMIN), status=204),
)
