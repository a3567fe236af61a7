"""OS-EP-FILTER: endpoints that are chosen for a project. Its catalog then holds no others."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.identity.endpoints import show_endpoint
from iaas.api.identity.listing import links
from iaas.api.identity.projects import show_project
from iaas.api.identity.rules import SEE
from iaas.api.route import ADMIN, Route, Rule
from iaas.identity.service import IdentityServices


def list_endpoints(call: Call[IdentityServices]) -> dict[str, Any]:
    found = call.services.endpoint_filter.endpoints_of_project(call.path["project_id"])
    return {"endpoints": [show_endpoint(call, item) for item in found], "links": links(call)}


def list_projects(call: Call[IdentityServices]) -> dict[str, Any]:
    found = call.services.endpoint_filter.projects_of_endpoint(call.path["endpoint_id"])
    return {"projects": [show_project(call, item) for item in found], "links": links(call)}


def check_pair(call: Call[IdentityServices]) -> None:
    call.services.endpoint_filter.check_endpoint(*_pair(call))


def add_pair(call: Call[IdentityServices]) -> None:
    call.services.endpoint_filter.add_endpoint(*_pair(call))


def remove_pair(call: Call[IdentityServices]) -> None:
    call.services.endpoint_filter.remove_endpoint(*_pair(call))


def _pair(call: Call[Any]) -> tuple[str, str]:
    return call.path["project_id"], call.path["endpoint_id"]


_PREFIX = "/v3/OS-EP-FILTER"
_OF_PROJECT = f"{_PREFIX}/projects/<project_id>/endpoints"
_PAIR = f"{_OF_PROJECT}/<endpoint_id>"
_REMOVE = Rule("identity:remove_endpoint_from_project", ADMIN)
_PROJECTS = Rule("identity:list_projects_for_endpoint", SEE)
ROUTES = (
    Route("GET", _OF_PROJECT, list_endpoints, policy=Rule("identity:list_endpoints_for_project", SEE)),
    Route("GET", f"{_PREFIX}/endpoints/<endpoint_id>/projects", list_projects, policy=_PROJECTS),
    Route("GET", _PAIR, check_pair, policy=Rule("identity:check_endpoint_in_project", SEE), status=204),
    Route("PUT", _PAIR, add_pair, policy=Rule("identity:add_endpoint_to_project", ADMIN), status=204),
    Route("DELETE", _PAIR, remove_pair, policy=_REMOVE, status=204),
)
