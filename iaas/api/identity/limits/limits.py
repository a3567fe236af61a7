"""/v3/limits: where a project or domain differs from the registered limit. Others than administrators see their own."""

from __future__ import annotations

from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import DESCRIPTION, ID, ID_OR_NULL, LONG_NAME, filters
from iaas.api.identity.limits.registered_limits import MOST, NUMBER, REGION
from iaas.api.identity.listing import paged, shown
from iaas.api.route import ADMIN, ANY, Route, Rule
from iaas.api.schema import obj, wrapped
from iaas.errors import Invalid, NotFound
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.identity.limit import MODELS, Limit

_WHOSE = {"project_id": ID_OR_NULL, "domain_id": ID_OR_NULL}
_WHAT = {"service_id": ID, "region_id": REGION, "resource_name": LONG_NAME}
_FIELDS = {"resource_limit": NUMBER, "description": DESCRIPTION}
_NEW = obj({**_WHOSE, **_WHAT, **_FIELDS}, ("service_id", "resource_name", "resource_limit"))
CREATE = obj({"limits": {"type": "array", "minItems": 1, "maxItems": MOST, "items": _NEW}}, ("limits",))
UPDATE = wrapped("limit", _FIELDS)


def show_limit(call: Call[Any], item: Limit) -> dict[str, Any]:
    fields = {name: getattr(item, name) for name in (*_WHOSE, *_WHAT, *_FIELDS)}
    return shown(call, "limits", item, fields)


def list_limits(call: Call[IdentityServices]) -> dict[str, Any]:
    return paged(call, "limits", partial(_seen, call, filters(call, *_WHOSE, *_WHAT)), show_limit)


def get_limit(call: Call[IdentityServices]) -> dict[str, Any]:
    id = call.path["limit_id"]
    found = _seen(call, {"id": id}, None, 1)
    if not found:
        raise NotFound.of("limit", id)
    return {"limit": show_limit(call, found[0])}


def create_limits(call: Call[IdentityServices]) -> dict[str, Any]:
    """Several at once, all or none; the answer is a list without links of its own."""
    for given in call.body["limits"]:
        if (given.get("project_id") is None) == (given.get("domain_id") is None):
            raise Invalid("A limit is of either a project or a domain.", field="limits")
    made = [Limit(id=new_hex(), **given) for given in call.body["limits"]]
    call.services.limits.create_all(made)
    return {"limits": [show_limit(call, item) for item in made]}


def update_limit(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"limit": show_limit(call, call.services.limits.update(call.path["limit_id"], call.body["limit"]))}


def delete_limit(call: Call[IdentityServices]) -> None:
    call.services.limits.delete(call.path["limit_id"])


def show_model(call: Call[IdentityServices]) -> dict[str, Any]:
    name = call.services.limits.model
    return {"model": {"name": name, "description": MODELS[name]}}


def _seen(call: Call[IdentityServices], equals: dict[str, Any], marker: str | None, limit: int) -> list[Limit]:
    """Everything for the cloud's own people, else what is of the token's project, or of its domain."""
    caller = call.context
    if caller.is_admin or caller.system_scope:
        return call.services.limits.page(equals, marker, limit)
    return call.services.limits.seen(equals, marker, limit, project_id=caller.project_id, domain_id=caller.domain_id)


_ALL, _ONE = "/v3/limits", "/v3/limits/<limit_id>"
ROUTES = (
    Route("GET", _ALL, list_limits, policy=Rule("identity:list_limits", ANY)),
    Route("POST", _ALL, create_limits, policy=Rule("identity:create_limits", ADMIN), body=CREATE, status=201),
    Route("GET", "/v3/limits/model", show_model, policy=Rule("identity:get_limit_model", ANY)),
    Route("GET", _ONE, get_limit, policy=Rule("identity:get_limit", ANY)),
    Route("PATCH", _ONE, update_limit, policy=Rule("identity:update_limit", ADMIN), body=UPDATE),
    Route("DELETE", _ONE, delete_limit, policy=Rule("identity:delete_limit", ADMIN), status=204),
)
