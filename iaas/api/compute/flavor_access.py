"""Which projects see a private flavor."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, Route, Rule
from iaas.api.schema import obj
from iaas.compute import flavors
from iaas.compute.service import Compute

_PROJECT = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9-]+$"}


def list_access(call: Call[Compute]) -> dict[str, Any]:
    return _shown(call, flavors.accesses(call.services, call.path["id"]))


def add_access(call: Call[Compute]) -> dict[str, Any]:
    project = call.body["addTenantAccess"]["tenant"]
    strict = call.at_least("2.7")
    return _shown(call, flavors.change_access(call.services, call.path["id"], project, True, strict))


def remove_access(call: Call[Compute]) -> dict[str, Any]:
    project = call.body["removeTenantAccess"]["tenant"]
    return _shown(call, flavors.change_access(call.services, call.path["id"], project, False, False))


def _shown(call: Call[Compute], projects: list[str]) -> dict[str, Any]:
    flavor_id = call.path["id"]
    return {"flavor_access": [{"flavor_id": flavor_id, "tenant_id": project} for project in projects]}


def _body(action: str) -> dict[str, Any]:
    return obj({action: obj({"tenant": _PROJECT}, ("tenant",))}, (action,))


_RULE = "os_compute_api:os-flavor-access"
ROUTES = (
    Route("GET", "/v2.1/flavors/<id>/os-flavor-access", list_access, policy=Rule(_RULE, ADMIN)),
    Route("POST", "/v2.1/flavors/<id>/action", add_access, policy=Rule(_RULE + ":add_tenant_access", ADMIN),
          body=_body("addTenantAccess"), action="addTenantAccess"),
    Route("POST", "/v2.1/flavors/<id>/action", remove_access, policy=Rule(_RULE + ":remove_tenant_access", ADMIN),
          body=_body("removeTenantAccess"), action="removeTenantAccess"),
)  # fmt: skip
