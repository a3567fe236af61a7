"""/v3/registered_limits: the default limit of each resource of a service."""

from __future__ import annotations

from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import DESCRIPTION, ID, LONG_NAME, filters
from iaas.api.identity.listing import paged, shown
from iaas.api.route import ADMIN, ANY, Route, Rule
from iaas.api.schema import obj, wrapped
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.identity.limit import RegisteredLimit

NUMBER = {"type": "integer", "minimum": -1, "maximum": 2**31 - 1}
REGION = {"type": ["string", "null"], "maxLength": 255}
MOST = 100  # limits in one request
_WHAT = {"service_id": ID, "region_id": REGION, "resource_name": LONG_NAME}
_FIELDS = {**_WHAT, "default_limit": NUMBER, "description": DESCRIPTION}
_NEW = obj(_FIELDS, ("service_id", "resource_name", "default_limit"))
CREATE = obj({"registered_limits": {"type": "array", "minItems": 1, "maxItems": MOST, "items": _NEW}},
             ("registered_limits",))  # fmt: skip
UPDATE = wrapped("registered_limit", _FIELDS)


def show_registered(call: Call[Any], item: RegisteredLimit) -> dict[str, Any]:
    fields = {name: getattr(item, name) for name in _FIELDS}
    return shown(call, "registered_limits", item, fields)


def list_registered(call: Call[IdentityServices]) -> dict[str, Any]:
    equals = filters(call, *_WHAT)
    return paged(call, "registered_limits", partial(call.services.registered_limits.page, equals), show_registered)


def get_registered(call: Call[IdentityServices]) -> dict[str, Any]:
    item = call.services.registered_limits.get(call.path["registered_limit_id"])
    return {"registered_limit": show_registered(call, item)}


def create_registered(call: Call[IdentityServices]) -> dict[str, Any]:
    """Several at once, all or none; the answer is a list without links of its own."""
    made = [RegisteredLimit(id=new_hex(), **given) for given in call.body["registered_limits"]]
    call.services.registered_limits.create_all(made)
    return {"registered_limits": [show_registered(call, item) for item in made]}


def update_registered(call: Call[IdentityServices]) -> dict[str, Any]:
    id = call.path["registered_limit_id"]
    changed = call.services.registered_limits.update(id, call.body["registered_limit"])
    return {"registered_limit": show_registered(call, changed)}


def delete_registered(call: Call[IdentityServices]) -> None:
    call.services.registered_limits.delete(call.path["registered_limit_id"])


_ALL, _ONE = "/v3/registered_limits", "/v3/registered_limits/<registered_limit_id>"
_MAKE = Rule("identity:create_registered_limits", ADMIN)
ROUTES = (
    Route("GET", _ALL, list_registered, policy=Rule("identity:list_registered_limits", ANY)),
    Route("POST", _ALL, create_registered, policy=_MAKE, body=CREATE, status=201),
    Route("GET", _ONE, get_registered, policy=Rule("identity:get_registered_limit", ANY)),
    Route("PATCH", _ONE, update_registered, policy=Rule("identity:update_registered_limit", ADMIN), body=UPDATE),
    Route("DELETE", _ONE, delete_registered, policy=Rule("identity:delete_registered_limit", ADMIN), status=204),
)
