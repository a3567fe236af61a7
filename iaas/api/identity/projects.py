"""Projects: the owners of everything that the cloud's users make."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import (
    DESCRIPTION,
    ENABLED,
    ID,
    ID_OR_NULL,
    NAME,
    entity,
    filters,
    flag,
    home_domain,
    values,
)
from iaas.api.identity.listing import asked, listed, shown
from iaas.api.identity.rules import LIST_IN_DOMAIN, MANAGE_PROJECT, SEE_PROJECT, SEE_USER
from iaas.api.identity.targets import made, named, within
from iaas.api.route import Route, Rule
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.project import Domain, Project

_TAG = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^,/]*$"}
_FIELDS = {
    "name": NAME,
    "description": DESCRIPTION,
    "enabled": ENABLED,
    "parent_id": ID_OR_NULL,
    "domain_id": ID,
    "tags": {"type": "array", "maxItems": 80, "uniqueItems": True, "items": _TAG},
}
_KNOWN = {**_FIELDS, "is_domain": {"enum": [False, None]}}
CREATE = entity("project", _KNOWN, ("name",))
UPDATE = entity("project", _KNOWN)


def show_project(call: Call[Any], project: Project) -> dict[str, Any]:
    return shown(call, "projects", project, {
        "name": project.name,
        "domain_id": project.domain_id,
        "parent_id": project.parent_id,
        "description": project.description,
        "enabled": project.enabled,
        "is_domain": False,
        "tags": list(project.tags),
        "options": {},
    })  # fmt: skip


def _domain_as_project(call: Call[Any], domain: Domain) -> dict[str, Any]:
    """A domain in the list of projects that act as domains."""
    return shown(call, "projects", domain, {
        "name": domain.name, "domain_id": None, "parent_id": None, "description": domain.description,
        "enabled": domain.enabled, "is_domain": True, "tags": [], "options": {},
    })  # fmt: skip


def list_projects(call: Call[IdentityServices]) -> dict[str, Any]:
    limits = asked(call)
    most = limits.limit + 1
    if flag(call, "is_domain"):
        equals = filters(call, "name", flags=("enabled",)) | ({"id": own} if (own := call.context.domain_id) else {})
        domains = call.services.domains.page(equals, limits.marker, most)
        return listed(call, "projects", domains, limits, lambda item: _domain_as_project(call, item))
    equals = within(call, filters(call, "name", "domain_id", "parent_id", flags=("enabled",)))
    found = call.services.projects.page(equals, limits.marker, most)
    return listed(call, "projects", found, limits, lambda item: show_project(call, item))


def list_user_projects(call: Call[IdentityServices]) -> dict[str, Any]:
    limits = asked(call)
    equals = within(call, filters(call, "name", "domain_id", flags=("enabled",)))
    found = call.services.projects.of_user(call.path["user_id"], equals, limits.marker, limits.limit + 1)
    return listed(call, "projects", found, limits, lambda item: show_project(call, item))


def get_project(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"project": show_project(call, call.services.projects.get(call.path["project_id"]))}


def create_project(call: Call[IdentityServices]) -> dict[str, Any]:
    given = values(call.body["project"], _FIELDS)
    domain_id = given.pop("domain_id", None)
    parent_id = given.pop("parent_id", None)
    if domain_id is None:
        domain_id = call.services.projects.domain_below(parent_id) if parent_id else home_domain(call)
    tags = tuple(given.pop("tags", ()))
    project = Project(id=new_hex(), domain_id=domain_id, parent_id=parent_id or domain_id, tags=tags, **given)
    return {"project": show_project(call, call.services.projects.create(project))}


def update_project(call: Call[IdentityServices]) -> dict[str, Any]:
    changes = values(call.body["project"], _FIELDS)
    if "tags" in changes:
        changes["tags"] = tuple(changes["tags"])
    return {"project": show_project(call, call.services.projects.update(call.path["project_id"], changes))}


def delete_project(call: Call[IdentityServices]) -> None:
    call.services.projects.delete(call.path["project_id"])


_ALL, _ONE = "/v3/projects", "/v3/projects/<project_id>"
_OF_USER = "/v3/users/<user_id>/projects"
_GET = Rule("identity:get_project", SEE_PROJECT)
_LIST_OF_USER = Rule("identity:list_user_projects", SEE_USER)
ROUTES = (
    Route("GET", _ALL, list_projects, policy=Rule("identity:list_projects", LIST_IN_DOMAIN), about=named),
    Route("POST", _ALL, create_project, policy=Rule("identity:create_project", MANAGE_PROJECT), about=made("project"),
          body=CREATE, status=201),
    Route("GET", _ONE, get_project, policy=_GET, about=named, target=("project_id",)),
    Route("PATCH", _ONE, update_project, policy=Rule("identity:update_project", MANAGE_PROJECT), about=named,
          body=UPDATE),
    Route("DELETE", _ONE, delete_project, policy=Rule("identity:delete_project", MANAGE_PROJECT), about=named,
          status=204),
    Route("GET", _OF_USER, list_user_projects, policy=_LIST_OF_USER, about=named, target=("user_id",)),
)  # fmt: skip
