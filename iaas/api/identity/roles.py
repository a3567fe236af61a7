"""Roles, and which role implies which."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import DESCRIPTION, ID_OR_NULL, IMMUTABLE, LONG_NAME, entity, filters, values
from iaas.api.identity.listing import links, paged, shown
from iaas.api.identity.rules import SEE, SEE_ROLE, SEE_ROLES
from iaas.api.identity.targets import named
from iaas.api.route import ADMIN, Route, Rule
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.role import Role

_FIELDS = {"name": LONG_NAME, "description": DESCRIPTION, "domain_id": ID_OR_NULL}
CREATE = entity("role", _FIELDS, ("name",), IMMUTABLE)
UPDATE = entity("role", _FIELDS, options=IMMUTABLE)


def show_role(call: Call[Any], role: Role) -> dict[str, Any]:
    fields = {"name": role.name, "description": role.description}
    return shown(call, "roles", role, {**fields, "domain_id": role.domain_id, "options": role.options})


def list_roles(call: Call[IdentityServices]) -> dict[str, Any]:
    """The cloud's roles, or those of the domain that is asked for."""
    equals = {"domain_id": None, **filters(call, "name", "domain_id")}
    return paged(call, "roles", partial(call.services.roles.page, equals), show_role)


def get_role(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"role": show_role(call, call.services.roles.get(call.path["role_id"]))}


def create_role(call: Call[IdentityServices]) -> dict[str, Any]:
    role = Role(id=new_hex(), **values(call.body["role"], _FIELDS))
    return {"role": show_role(call, call.services.roles.create(role))}


def update_role(call: Call[IdentityServices]) -> dict[str, Any]:
    changes = values(call.body["role"], _FIELDS)
    return {"role": show_role(call, call.services.roles.update(call.path["role_id"], changes))}


def delete_role(call: Call[IdentityServices]) -> None:
    call.services.roles.delete(call.path["role_id"])


def list_inferences(call: Call[IdentityServices]) -> dict[str, Any]:
    found = [_inference(call, prior, implied) for prior, implied in call.services.roles.inferences()]
    return {"role_inferences": found, "links": links(call)}


def list_implied(call: Call[IdentityServices]) -> dict[str, Any]:
    prior, implied = call.services.roles.implied(call.path["prior_role_id"])
    return {"role_inference": _inference(call, prior, implied), "links": links(call)}


def get_implied(call: Call[IdentityServices]) -> dict[str, Any]:
    prior, implied = call.services.roles.inference(call.path["prior_role_id"], call.path["implied_role_id"])
    return _one(call, prior, implied)


def create_implied(call: Call[IdentityServices]) -> dict[str, Any]:
    prior, implied = call.services.roles.imply(call.path["prior_role_id"], call.path["implied_role_id"])
    return _one(call, prior, implied)


def delete_implied(call: Call[IdentityServices]) -> None:
    call.services.roles.imply_not(call.path["prior_role_id"], call.path["implied_role_id"])


def _brief(call: Call[Any], role: Role) -> dict[str, Any]:
    return {"id": role.id, "name": role.name, "links": {"self": f"{call.base_url}/v3/roles/{role.id}"}}


def _inference(call: Call[Any], prior: Role, implied: Sequence[Role]) -> dict[str, Any]:
    return {"prior_role": _brief(call, prior), "implies": [_brief(call, role) for role in implied]}


def _one(call: Call[Any], prior: Role, implied: Role) -> dict[str, Any]:
    pair = {"prior_role": _brief(call, prior), "implies": _brief(call, implied)}
    return {"role_inference": pair, "links": links(call)}


_ALL, _ONE = "/v3/roles", "/v3/roles/<role_id>"
_IMPLIED = "/v3/roles/<prior_role_id>/implies"
_PAIR = f"{_IMPLIED}/<implied_role_id>"
ROUTES = (
    Route("GET", _ALL, list_roles, policy=Rule("identity:list_roles", SEE_ROLES), about=named),
    Route("POST", _ALL, create_role, policy=Rule("identity:create_role", ADMIN), body=CREATE, status=201),
    Route("GET", _ONE, get_role, policy=Rule("identity:get_role", SEE_ROLE), about=named),
    Route("PATCH", _ONE, update_role, policy=Rule("identity:update_role", ADMIN), body=UPDATE),
    Route("DELETE", _ONE, delete_role, policy=Rule("identity:delete_role", ADMIN), status=204),
    Route("GET", "/v3/role_inferences", list_inferences, policy=Rule("identity:list_role_inference_rules", SEE)),
    Route("GET", _IMPLIED, list_implied, policy=Rule("identity:list_implied_roles", SEE)),
    Route("GET", _PAIR, get_implied, policy=Rule("identity:get_implied_role", SEE)),
    Route("HEAD", _PAIR, get_implied, policy=Rule("identity:check_implied_role", SEE), status=204),
    Route("PUT", _PAIR, create_implied, policy=Rule("identity:create_implied_role", ADMIN), status=201),
    Route("DELETE", _PAIR, delete_implied, policy=Rule("identity:delete_implied_role", ADMIN), status=204),
)
