"""Roles given to users and groups on projects, domains and the system, and to what is below a project or domain:
ten resources of one shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.listing import links
from iaas.api.identity.roles import show_role
from iaas.api.identity.rules import LIST_GRANTS, MANAGE_GRANT, SEE, SEE_GRANT
from iaas.api.identity.targets import named as objects
from iaas.api.route import ADMIN, Route, Rule
from iaas.identity.service import IdentityServices
from iaas.model.role import SYSTEM, Actor, Assignment, Place, Target


def _routes(target: Target, actor: Actor, inherited: bool = False) -> Iterator[Route]:
    """GET the list, and PUT, HEAD, GET, DELETE one role, for this pair of target and actor."""
    where = "/system" if target is Target.SYSTEM else f"/{target.value}s/<{target.value}_id>"
    base = f"/v3{'/OS-INHERIT' if inherited else ''}{where}/{actor.value}s/<{actor.value}_id>/roles"
    end = "/inherited_to_projects" if inherited else ""

    def named(verb: str, many: bool = False) -> str:
        """Grants on the system have rules of their own, by the kind of actor."""
        if target is Target.SYSTEM:
            return f"identity:{verb}_system_grant{'s' if many else ''}_for_{actor.value}"
        return f"identity:{verb}_grant{'s' if many else ''}"

    def place(call: Call[Any]) -> Place:
        target_id = SYSTEM if target is Target.SYSTEM else call.path[f"{target.value}_id"]
        return Place(
            actor_type=actor,
            actor_id=call.path[f"{actor.value}_id"],
            target_type=target,
            target_id=target_id,
            inherited=inherited,
        )

    def one(call: Call[Any]) -> Assignment:
        return Assignment(**asdict(place(call)), role_id=call.path["role_id"])

    def list_grants(call: Call[IdentityServices]) -> dict[str, Any]:
        found = call.services.assignments.roles_on(place(call))
        return {"roles": [show_role(call, role) for role in found], "links": links(call)}

    def grant(call: Call[IdentityServices]) -> None:
        call.services.assignments.grant(one(call))

    def check(call: Call[IdentityServices]) -> None:
        call.services.assignments.check(one(call))

    def revoke(call: Call[IdentityServices]) -> None:
        call.services.assignments.revoke(one(call))

    single = f"{base}/<role_id>{end}"
    lists, sees, manages = (SEE, SEE, ADMIN) if target is Target.SYSTEM else (LIST_GRANTS, SEE_GRANT, MANAGE_GRANT)
    yield Route("GET", f"{base}{end}", list_grants, policy=Rule(named("list", many=True), lists), about=objects)
    yield Route("GET", single, check, policy=Rule(named("check"), sees), about=objects, status=204)
    yield Route("PUT", single, grant, policy=Rule(named("create"), manages), about=objects, status=204)
    yield Route("DELETE", single, revoke, policy=Rule(named("revoke"), manages), about=objects, status=204)


ROUTES = tuple(
    route
    for target in Target
    for actor in Actor
    for inherited in ((False,) if target is Target.SYSTEM else (False, True))
    for route in _routes(target, actor, inherited)
)
