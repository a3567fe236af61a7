"""Regions: the parts of the catalog; the only identity objects whose id the client chooses."""

from __future__ import annotations

from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import DESCRIPTION, entity, filters, values
from iaas.api.identity.listing import paged, shown
from iaas.api.route import ADMIN, ANY, Route, Rule
from iaas.errors import Invalid
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.catalog import Region

_REGION_ID = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[^/?#\s]+$"}
_FIELDS = {"description": DESCRIPTION, "parent_region_id": {"type": ["string", "null"], "maxLength": 255}}
CREATE = entity("region", {**_FIELDS, "id": {**_REGION_ID, "type": ["string", "null"]}})
UPDATE = entity("region", _FIELDS)


def show_region(call: Call[Any], region: Region) -> dict[str, Any]:
    fields = {"description": region.description or "", "parent_region_id": region.parent_region_id}
    return shown(call, "regions", region, fields)


def list_regions(call: Call[IdentityServices]) -> dict[str, Any]:
    return paged(call, "regions", partial(call.services.regions.page, filters(call, "parent_region_id")), show_region)


def get_region(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"region": show_region(call, call.services.regions.get(call.path["region_id"]))}


def create_region(call: Call[IdentityServices]) -> dict[str, Any]:
    """POST lets the server choose an id; PUT has it in the path, and a body must not contradict."""
    body = call.body["region"]
    id = call.path.get("region_id") or body.get("id") or new_hex()
    if body.get("id") not in (None, id):
        raise Invalid("The region's id in the body is not that of the URL.", field="id")
    region = Region(id=id, **values(body, _FIELDS))
    return {"region": show_region(call, call.services.regions.create(region))}


def update_region(call: Call[IdentityServices]) -> dict[str, Any]:
    changes = values(call.body["region"], _FIELDS)
    return {"region": show_region(call, call.services.regions.update(call.path["region_id"], changes))}


def delete_region(call: Call[IdentityServices]) -> None:
    call.services.regions.delete(call.path["region_id"])


_ALL, _ONE = "/v3/regions", "/v3/regions/<region_id>"
_CREATE = Rule("identity:create_region", ADMIN)
ROUTES = (
    Route("GET", _ALL, list_regions, policy=Rule("identity:list_regions", ANY)),
    Route("POST", _ALL, create_region, policy=_CREATE, body=CREATE, status=201),
    Route("GET", _ONE, get_region, policy=Rule("identity:get_region", ANY)),
    Route("PUT", _ONE, create_region, policy=_CREATE, body=CREATE, status=201),
    Route("PATCH", _ONE, update_region, policy=Rule("identity:update_region", ADMIN), body=UPDATE),
    Route("DELETE", _ONE, delete_region, policy=Rule("identity:delete_region", ADMIN), status=204),
)
