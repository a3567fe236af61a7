"""Projects: the owners of everything that the cloud's users make."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import (
    DESCRIPTION,
    ENABLED,
    ID_OR_NULL,
    IMMUTABLE,
    NAME,
    TAGS,
    entity,
    filters,
    flag,
    home_domain,
    tagged,
    values,
)
from iaas.api.identity.listing import paged, shown
from iaas.api.identity.rules import LIST_IN_DOMAIN, MANAGE_PROJECT, SEE_PROJECT, SEE_USER
from iaas.api.identity.targets import made, named, within
from iaas.api.route import Route, Rule
from iaas.errors import Forbidden, Invalid, NotFound
from iaas.identity.projects import MOST_TAGS, Domains, Projects
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.identity.filters import Tagged
from iaas.model.project import Domain, Project

_FIELDS = {
    "name": NAME,
    "description": DESCRIPTION,
    "enabled": ENABLED,
    "parent_id": ID_OR_NULL,
    "domain_id": ID_OR_NULL,
    "tags": TAGS,
}
_OF_DOMAIN = {"name": NAME, "description": DESCRIPTION, "enabled": ENABLED, "tags": TAGS}
_PLACE = ("domain_id", "parent_id")
_KNOWN = {**_FIELDS, "is_domain": {"type": ["boolean", "null"]}}
CREATE = entity("project", _KNOWN, ("name",), IMMUTABLE)
UPDATE = entity("project", _KNOWN, options=IMMUTABLE)


def show_project(call: Call[Any], project: Project | Domain) -> dict[str, Any]:
    """A domain is a project that acts as one: in no other domain, below no other project."""
    is_domain = isinstance(project, Domain)
    return shown(call, "projects", project, {
        "name": project.name,
        "domain_id": None if isinstance(project, Domain) else project.domain_id,
        "parent_id": None if isinstance(project, Domain) else project.parent_id,
        "description": project.description,
        "enabled": project.enabled,
        "is_domain": is_domain,
        "tags": list(project.tags),
        "options": project.options,
    })  # fmt: skip


def _tags(call: Call[Any]) -> dict[str, Any]:
    """The filters tags, tags-any, not-tags and not-tags-any, each a list with commas."""
    wanted = []
    for name in ("tags", "tags-any", "not-tags", "not-tags-any"):
        if tags := tuple(dict.fromkeys(tag for tag in call.query.get(name, "").split(",") if tag)):
            if len(tags) > MOST_TAGS:
                raise Invalid(f"A project has at most {MOST_TAGS} tags.", field=name)
            wanted.append(Tagged(tags, any=name.endswith("any"), never=name.startswith("not")))
    return {"tags": wanted} if wanted else {}


def list_projects(call: Call[IdentityServices]) -> dict[str, Any]:
    if flag(call, "is_domain"):
        own = {"id": call.context.domain_id} if call.context.domain_id else {}
        none = {"id": ()} if {"domain_id", "parent_id"} & call.query.keys() else {}  # they are in and below nothing
        equals = filters(call, "name", flags=("enabled",)) | _tags(call) | own | none
        return paged(call, "projects", partial(call.services.domains.page, equals), show_project)
    equals = within(call, filters(call, "name", "domain_id", "parent_id", flags=("enabled",)) | _tags(call))
    return paged(call, "projects", partial(call.services.projects.page, equals), show_project)


def list_user_projects(call: Call[IdentityServices]) -> dict[str, Any]:
    equals = within(call, filters(call, "name", "domain_id", flags=("enabled",)))
    return paged(call, "projects", partial(call.services.projects.of_user, call.path["user_id"], equals), show_project)


def of_path(call: Call[IdentityServices]) -> tuple[Domains | Projects, Project | Domain]:
    """The object of the path, which may be a domain, and the collection that it is in. Raises NotFound."""
    id, services = call.path["project_id"], call.services
    try:
        return services.projects, services.projects.get(id)
    except NotFound as missing:
        try:
            return services.domains, services.domains.get(id)
        except NotFound:
            raise missing from None


def get_project(call: Call[IdentityServices]) -> dict[str, Any]:
    _, project = of_path(call)
    return {"project": {**show_project(call, project), **_tree(call, project)}}


def _tree(call: Call[IdentityServices], project: Project | Domain) -> dict[str, Any]:
    """What is above and below, as the query asks: all ids as a tree, or the objects on which the caller has a role."""
    projects, found = call.services.projects, {}
    for which in ("parents", "subtree"):
        if flag(call, f"{which}_as_list") and flag(call, f"{which}_as_ids"):
            raise Invalid(f"Cannot use {which}_as_list and {which}_as_ids query params at the same time.")
    if flag(call, "parents_as_list") or flag(call, "parents_as_ids"):
        above = projects.parents(project.id) if isinstance(project, Project) else []
        found["parents"] = _seen(call, above)
        if flag(call, "parents_as_ids"):
            found["parents"] = None
            for id in reversed(above):
                found["parents"] = {id: found["parents"]}
    if flag(call, "subtree_as_list") or flag(call, "subtree_as_ids"):
        below = projects.below(project.id)
        found["subtree"] = _seen(call, [id for ids in below.values() for id in ids])
        if flag(call, "subtree_as_ids"):
            found["subtree"] = _ids(below, project.id)
    return found


def _seen(call: Call[IdentityServices], ids: list[str]) -> Any:
    seen = call.services.projects.seen_by(call.context.user_id or "", ids)
    return [{"project": show_project(call, item)} for item in seen]


def _ids(below: dict[str, list[str]], root: str) -> Any:
    return {id: _ids(below, id) for id in below[root]} if root in below else None


def create_project(call: Call[IdentityServices]) -> dict[str, Any]:
    body = call.body["project"]
    if body.get("is_domain"):
        if body.get("domain_id") or body.get("parent_id"):
            raise Invalid("A project acting as a domain is in no other domain and below no project.", field="parent_id")
        domain = Domain(id=new_hex(), **tagged(values(body, _OF_DOMAIN)))
        domain = replace(domain, extra={k: v for k, v in domain.extra.items() if k not in _FIELDS})
        return {"project": show_project(call, call.services.domains.create(domain))}
    given = tagged(values(body, _FIELDS))
    domain_id, parent_id = given.pop("domain_id", None), given.pop("parent_id", None)
    if domain_id is None:
        domain_id = call.services.projects.domain_below(parent_id) if parent_id else home_domain(call)
    project = Project(id=new_hex(), domain_id=domain_id, parent_id=parent_id or domain_id, **given)
    return {"project": show_project(call, call.services.projects.create(project))}


def update_project(call: Call[IdentityServices]) -> dict[str, Any]:
    where, project = of_path(call)
    body, is_domain = call.body["project"], isinstance(project, Domain)
    if body.get("is_domain") not in (None, is_domain):
        raise Forbidden("Update of `is_domain` is not allowed.")
    if is_domain and (body.get("domain_id") or body.get("parent_id")):
        raise Forbidden("Update of `parent_id` is not allowed.")
    changes = tagged(values({k: v for k, v in body.items() if not is_domain or k not in _PLACE}, _FIELDS))
    return {"project": show_project(call, where.update(project.id, changes))}


def delete_project(call: Call[IdentityServices]) -> None:
    where, project = of_path(call)
    where.delete(project.id)


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
