"""Endpoints of the catalog: where a service answers, by region and interface."""

from __future__ import annotations

from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import DESCRIPTION, ENABLED, ID, entity, filters, values
from iaas.api.identity.listing import paged, shown
from iaas.api.identity.rules import SEE
from iaas.api.route import ADMIN, Route, Rule
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.catalog import INTERFACES, Endpoint

_REGION = {"type": ["string", "null"], "minLength": 1, "maxLength": 255, "pattern": r"^[^/?#\s]+$"}
_FIELDS = {
    "service_id": ID,
    "interface": {"enum": list(INTERFACES)},
    "url": {"type": "string", "minLength": 1, "maxLength": 2048, "pattern": r"^[a-zA-Z0-9+.-]+:\S+$"},
    "region_id": _REGION,
    "enabled": ENABLED,
    "description": DESCRIPTION,
}
CREATE = entity("endpoint", {**_FIELDS, "region": _REGION}, ("service_id", "interface", "url"))
UPDATE = entity("endpoint", {**_FIELDS, "region": _REGION})


def show_endpoint(call: Call[Any], endpoint: Endpoint) -> dict[str, Any]:
    fields = {
        "service_id": endpoint.service_id,
        "interface": endpoint.interface,
        "url": endpoint.url,
        "region_id": endpoint.region_id,
        "region": endpoint.region_id,
        "enabled": endpoint.enabled,
    }
    if endpoint.description is not None:
        fields["description"] = endpoint.description
    return shown(call, "endpoints", endpoint, fields)


def list_endpoints(call: Call[IdentityServices]) -> dict[str, Any]:
    equals = filters(call, "interface", "service_id", "region_id")
    return paged(call, "endpoints", partial(call.services.endpoints.page, equals), show_endpoint)


def get_endpoint(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"endpoint": show_endpoint(call, call.services.endpoints.get(call.path["endpoint_id"]))}


def create_endpoint(call: Call[IdentityServices]) -> dict[str, Any]:
    """``region``, the old name of ``region_id``, makes the region if need be."""
    body = call.body["endpoint"]
    old = body.get("region") if "region_id" not in body else None
    endpoint = Endpoint(id=new_hex(), **_given(call))
    return {"endpoint": show_endpoint(call, call.services.endpoints.create_in(endpoint, old))}


def update_endpoint(call: Call[IdentityServices]) -> dict[str, Any]:
    endpoint = call.services.endpoints.update(call.path["endpoint_id"], _given(call))
    return {"endpoint": show_endpoint(call, endpoint)}


def delete_endpoint(call: Call[IdentityServices]) -> None:
    call.services.endpoints.delete(call.path["endpoint_id"])


def _given(call: Call[Any]) -> dict[str, Any]:
    """``region`` is the old name of ``region_id``."""
    body = call.body["endpoint"]
    given = values(body, _FIELDS)
    if "region" in body and "region_id" not in body:
        given["region_id"] = body["region"]
    return given


_ALL, _ONE = "/v3/endpoints", "/v3/endpoints/<endpoint_id>"
ROUTES = (
    Route("GET", _ALL, list_endpoints, policy=Rule("identity:list_endpoints", SEE)),
    Route("POST", _ALL, create_endpoint, policy=Rule("identity:create_endpoint", ADMIN), body=CREATE, status=201),
    Route("GET", _ONE, get_endpoint, policy=Rule("identity:get_endpoint", SEE)),
    Route("PATCH", _ONE, update_endpoint, policy=Rule("identity:update_endpoint", ADMIN), body=UPDATE),
    Route("DELETE", _ONE, delete_endpoint, policy=Rule("identity:delete_endpoint", ADMIN), status=204),
)
