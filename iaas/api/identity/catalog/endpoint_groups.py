"""OS-EP-FILTER: groups of endpoints, and which projects have them."""

from __future__ import annotations

from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import DESCRIPTION, ID, LONG_NAME, filters
from iaas.api.identity.endpoints import show_endpoint
from iaas.api.identity.listing import links, paged
from iaas.api.identity.projects import show_project
from iaas.api.identity.rules import SEE
from iaas.api.route import ADMIN, Route, Rule
from iaas.api.schema import obj, wrapped
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.catalog import INTERFACES
from iaas.model.identity.policy import FILTERS, EndpointGroup

_REGION = {"type": "string", "minLength": 1, "maxLength": 255}
_FILTERS = obj({"interface": {"enum": list(INTERFACES)}, "service_id": ID, "region_id": _REGION}) | {"minProperties": 1}
_FIELDS = {"name": LONG_NAME, "description": DESCRIPTION, "filters": _FILTERS}
CREATE = wrapped("endpoint_group", _FIELDS, ("name", "filters"))
UPDATE = wrapped("endpoint_group", _FIELDS)
_PREFIX = "/v3/OS-EP-FILTER"


def show_group(call: Call[Any], item: EndpointGroup) -> dict[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "description": item.description,
        "filters": item.filters,
        "links": {"self": f"{call.base_url}{_PREFIX}/endpoint_groups/{item.id}"},
    }


def list_groups(call: Call[IdentityServices]) -> dict[str, Any]:
    return paged(
        call, "endpoint_groups", partial(call.services.endpoint_groups.page, filters(call, "name")), show_group
    )


def get_group(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"endpoint_group": show_group(call, call.services.endpoint_groups.get(call.path["endpoint_group_id"]))}


def create_group(call: Call[IdentityServices]) -> dict[str, Any]:
    item = EndpointGroup(id=new_hex(), **_given(call))
    return {"endpoint_group": show_group(call, call.services.endpoint_groups.create(item))}


def update_group(call: Call[IdentityServices]) -> dict[str, Any]:
    """New filters replace the old ones as a whole."""
    changed = call.services.endpoint_groups.update(call.path["endpoint_group_id"], _given(call))
    return {"endpoint_group": show_group(call, changed)}


def delete_group(call: Call[IdentityServices]) -> None:
    call.services.endpoint_groups.delete(call.path["endpoint_group_id"])


def list_endpoints(call: Call[IdentityServices]) -> dict[str, Any]:
    found = call.services.endpoint_filter.endpoints_of_group(call.path["endpoint_group_id"])
    return {"endpoints": [show_endpoint(call, item) for item in found], "links": links(call)}


def list_projects(call: Call[IdentityServices]) -> dict[str, Any]:
    found = call.services.endpoint_filter.projects_of_group(call.path["endpoint_group_id"])
    return {"projects": [show_project(call, item) for item in found], "links": links(call)}


def list_groups_of_project(call: Call[IdentityServices]) -> dict[str, Any]:
    found = call.services.endpoint_filter.groups_of_project(call.path["project_id"])
    return {"endpoint_groups": [show_group(call, item) for item in found], "links": links(call)}


def check_pair(call: Call[IdentityServices]) -> dict[str, Any]:
    project_id, group_id = _pair(call)
    call.services.endpoint_filter.check_group(project_id, group_id)
    link = f"{call.base_url}{_PREFIX}/endpoint_groups/{group_id}/projects/{project_id}"
    pair = {"endpoint_group_id": group_id, "project_id": project_id}
    return {"project_endpoint_group": {**pair, "links": {"self": link}}}


def add_pair(call: Call[IdentityServices]) -> None:
    call.services.endpoint_filter.add_group(*_pair(call))


def remove_pair(call: Call[IdentityServices]) -> None:
    call.services.endpoint_filter.remove_group(*_pair(call))


def _pair(call: Call[Any]) -> tuple[str, str]:
    return call.path["project_id"], call.path["endpoint_group_id"]


def _given(call: Call[Any]) -> dict[str, Any]:
    given = dict(call.body["endpoint_group"])
    if "filters" in given:
        wanted = given.pop("filters")
        given |= {name: wanted.get(name) for name in FILTERS}
    return given


_ALL = f"{_PREFIX}/endpoint_groups"
_ONE = f"{_ALL}/<endpoint_group_id>"
_PAIR = f"{_ONE}/projects/<project_id>"
_MAKE = Rule("identity:create_endpoint_group", ADMIN)
_PROJECTS = Rule("identity:list_projects_associated_with_endpoint_group", SEE)
_ENDPOINTS = Rule("identity:list_endpoints_associated_with_endpoint_group", SEE)
_OF_PROJECT = Rule("identity:list_endpoint_groups_for_project", SEE)
_REMOVE = Rule("identity:remove_endpoint_group_from_project", ADMIN)
ROUTES = (
    Route("GET", _ALL, list_groups, policy=Rule("identity:list_endpoint_groups", SEE)),
    Route("POST", _ALL, create_group, policy=_MAKE, body=CREATE, status=201),
    Route("GET", _ONE, get_group, policy=Rule("identity:get_endpoint_group", SEE)),
    Route("PATCH", _ONE, update_group, policy=Rule("identity:update_endpoint_group", ADMIN), body=UPDATE),
    Route("DELETE", _ONE, delete_group, policy=Rule("identity:delete_endpoint_group", ADMIN), status=204),
    Route("GET", f"{_ONE}/projects", list_projects, policy=_PROJECTS),
    Route("GET", f"{_ONE}/endpoints", list_endpoints, policy=_ENDPOINTS),
    Route("GET", _PAIR, check_pair, policy=Rule("identity:get_endpoint_group_in_project", SEE)),
    Route("PUT", _PAIR, add_pair, policy=Rule("identity:add_endpoint_group_to_project", ADMIN), status=204),
    Route("DELETE", _PAIR, remove_pair, policy=_REMOVE, status=204),
    Route("GET", f"{_PREFIX}/projects/<project_id>/endpoint_groups", list_groups_of_project, policy=_OF_PROJECT),
)
