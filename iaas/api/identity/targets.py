"""What identity's rules ask about the objects of a request, and how far the token of one domain reaches.

The names are the published ones: ``target.user.domain_id``, ``target.role.name`` … An unknown object adds nothing, so
that it is refused like one of another domain: only who may everything learns that it does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import home_domain
from iaas.errors import NotFound
from iaas.identity.service import IdentityServices

Target = dict[str, Any]


def named(call: Call[IdentityServices]) -> Target:
    """Of a route's ``about``: the objects that the path names; of a list, the domain to which it will be limited."""
    found: Target = {"target.domain_id": call.context.domain_id}
    collections = {"user": call.services.users, "group": call.services.groups, "project": call.services.projects}
    for noun, collection in collections.items():
        if f"{noun}_id" in call.path:
            found |= _domain_of(noun, collection, call.path[f"{noun}_id"])
    if "domain_id" in call.path:
        found["target.domain.id"] = call.path["domain_id"]
    return found | (_role(call) if "role_id" in call.path else {})


def made(noun: str) -> Callable[[Call[IdentityServices]], Target]:
    """Of a route's ``about``: the domain in which the body wants a new object."""

    def about(call: Call[IdentityServices]) -> Target:
        wanted = call.body[noun]
        if wanted.get("is_domain"):
            return {}  # a new domain is in none
        domain_id, parent_id = wanted.get("domain_id"), wanted.get("parent_id")
        if domain_id is None and parent_id and noun == "project":
            try:
                domain_id = call.services.projects.domain_below(parent_id)
            except NotFound:
                return {}
        return {f"target.{noun}.domain_id": domain_id or home_domain(call)}

    return about


def within(call: Call[Any], equals: Mapping[str, Any]) -> dict[str, Any]:
    """The filters of a list, limited to the domain of a token that is for a domain. No object is in domain ``""``."""
    own = call.context.domain_id
    if own is None:
        return dict(equals)
    return {**equals, "domain_id": own if equals.get("domain_id", own) == own else ""}


def _domain_of(noun: str, collection: Any, id: str) -> Target:
    try:
        return {f"target.{noun}.domain_id": collection.get(id).domain_id, f"target.{noun}.id": id}
    except NotFound:
        return {}


def _role(call: Call[IdentityServices]) -> Target:
    try:
        role = call.services.roles.get(call.path["role_id"])
    except NotFound:
        return {}
    return {"target.role.name": role.name, "target.role.domain_id": role.domain_id or "None"}
