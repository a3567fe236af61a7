"""What the token's own user can see and where it can scope to."""

from __future__ import annotations

from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.domains import show_domain
from iaas.api.identity.listing import links, paged
from iaas.api.identity.projects import show_project
from iaas.api.route import ANY, Route, Rule
from iaas.errors import Forbidden
from iaas.identity.service import IdentityServices


def catalog_of(call: Call[IdentityServices], user_id: str, project_id: str | None) -> list[dict[str, Any]]:
    """The catalog as tokens carry it; ``region`` repeats ``region_id`` for old clients."""
    return [
        {
            "id": entry.service.id,
            "type": entry.service.type,
            "name": entry.service.name or "",
            "endpoints": [
                {
                    "id": endpoint.id,
                    "interface": endpoint.interface,
                    "region": endpoint.region_id,
                    "region_id": endpoint.region_id,
                    "url": endpoint.url,
                }
                for endpoint in entry.endpoints
            ],
        }
        for entry in call.services.endpoints.catalog(user_id, project_id)
    ]


def show_catalog(call: Call[IdentityServices]) -> dict[str, Any]:
    caller = call.context
    if not caller.project_id:
        raise Forbidden("A project-scoped token is required to produce a service catalog.")
    return {"catalog": catalog_of(call, caller.user_id or "", caller.project_id), "links": links(call)}


def list_projects(call: Call[IdentityServices]) -> dict[str, Any]:
    equals: dict[str, Any] = {"enabled": True}
    if _is_delegated(call):
        equals["id"] = call.context.project_id
    user_id = call.context.user_id or ""
    return paged(call, "projects", partial(call.services.projects.of_user, user_id, equals, usable=True), show_project)


def list_domains(call: Call[IdentityServices]) -> dict[str, Any]:
    if _is_delegated(call):
        return {"domains": [], "links": links(call)}
    return paged(call, "domains", partial(call.services.domains.of_user, call.context.user_id or ""), show_domain)


def show_system(call: Call[IdentityServices]) -> dict[str, Any]:
    on = not _is_delegated(call) and call.services.assignments.is_on_system(call.context.user_id or "")
    return {"system": [{"all": True}] if on else [], "links": links(call)}


def _is_delegated(call: Call[Any]) -> bool:
    """Such a token can go nowhere but to its own project."""
    return bool(call.context.application_credential_id or call.context.trust_id)


ROUTES = (
    Route("GET", "/v3/auth/catalog", show_catalog, policy=Rule("identity:get_auth_catalog", ANY)),
    Route("GET", "/v3/auth/projects", list_projects, policy=Rule("identity:get_auth_projects", ANY)),
    Route("GET", "/v3/auth/domains", list_domains, policy=Rule("identity:get_auth_domains", ANY)),
    Route("GET", "/v3/auth/system", show_system, policy=Rule("identity:get_auth_system", ANY)),
)
