"""The list of who has which role where, as stored or as it is in effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import flag
from iaas.api.identity.listing import links
from iaas.api.identity.rules import LIST_IN_DOMAIN
from iaas.api.identity.targets import named
from iaas.api.route import Route, Rule
from iaas.errors import Invalid
from iaas.identity.assignments import Query
from iaas.identity.service import IdentityServices
from iaas.model.role import SYSTEM, Actor, Assignment, Effective, Target


def list_assignments(call: Call[IdentityServices]) -> dict[str, Any]:
    query, own = _query(call), call.context.domain_id
    found = call.services.assignments.find(query if own is None else replace(query, names=True))
    if own is not None:  # the token of one domain sees what is given there
        found = [item if query.names else replace(item, names=None) for item in found if _domain_of(item) == own]
    return {"role_assignments": [_shown(call, item) for item in found], "links": links(call)}


def _domain_of(found: Effective) -> str | None:
    """The domain in which a role is given, of an assignment with names."""
    item, names = found.assignment, found.names
    return item.target_id if item.target_type is Target.DOMAIN else names.target_domain_id if names else None


def _query(call: Call[Any]) -> Query:
    query = call.query
    places = {
        Target.PROJECT: query.get("scope.project.id"),
        Target.DOMAIN: query.get("scope.domain.id"),
        Target.SYSTEM: SYSTEM if query.get("scope.system") == SYSTEM or flag(call, "scope.system") else None,
    }
    asked = [(kind, id) for kind, id in places.items() if id]
    if len(asked) > 1:
        raise Invalid("Specify a domain or project or system, not more than one of them.")
    subtree = flag(call, "include_subtree")
    if subtree and not places[Target.PROJECT]:
        raise Invalid("scope.project.id must be specified if include_subtree is also specified.")
    kind, id = asked[0] if asked else (None, None)
    inherited = query.get("scope.OS-INHERIT:inherited_to")
    return Query(
        user_id=query.get("user.id"),
        group_id=query.get("group.id"),
        role_id=query.get("role.id"),
        target_type=kind,
        target_id=id,
        subtree=subtree,
        inherited=None if inherited is None else inherited == "projects",
        effective=flag(call, "effective"),
        names=flag(call, "include_names"),
    )


def _shown(call: Call[Any], found: Effective) -> dict[str, Any]:
    item, names = found.assignment, found.names
    role: dict[str, Any] = {"id": item.role_id}
    actor: dict[str, Any] = {"id": item.actor_id}
    target: dict[str, Any] = {"id": item.target_id}
    if names:
        role["name"] = names.role
        if names.role_domain_id:
            role["domain"] = {"id": names.role_domain_id, "name": names.role_domain}
        actor |= {"name": names.actor, "domain": {"id": names.actor_domain_id, "name": names.actor_domain}}
        target["name"] = names.target
        if names.target_domain_id:
            target["domain"] = {"id": names.target_domain_id, "name": names.target_domain}
    scope: dict[str, Any] = {"system": {"all": True}}
    if item.target_type is not Target.SYSTEM:
        scope = {item.target_type.value: target}
    if found.via.inherited:
        scope["OS-INHERIT:inherited_to"] = "projects"
    return {"role": role, item.actor_type.value: actor, "scope": scope, "links": _links(call, found)}


def _links(call: Call[Any], found: Effective) -> dict[str, str]:
    """Where the assignment is stored and, for an effective one, what made it this user's and this role."""
    item, via = found.assignment, found.via
    answer = {"assignment": f"{call.base_url}/v3{_place(via)}"}
    if via.actor_type is Actor.GROUP and item.actor_type is Actor.USER:
        answer["membership"] = f"{call.base_url}/v3/groups/{via.actor_id}/users/{item.actor_id}"
    if via.role_id != item.role_id:
        answer["prior_role"] = f"{call.base_url}/v3/prior_role/{via.role_id}/implies/{item.role_id}"
    return answer


def _place(item: Assignment) -> str:
    where = "/system" if item.target_type is Target.SYSTEM else f"/{item.target_type.value}s/{item.target_id}"
    place = f"{where}/{item.actor_type.value}s/{item.actor_id}/roles/{item.role_id}"
    return f"/OS-INHERIT{place}/inherited_to_projects" if item.inherited else place


_LIST = Rule("identity:list_role_assignments", LIST_IN_DOMAIN)
ROUTES = (Route("GET", "/v3/role_assignments", list_assignments, policy=_LIST, about=named),)
