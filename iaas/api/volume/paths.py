"""Every path of the volume API exists twice: /v3/… and /v3/{project_id}/…, which must be the caller's project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from iaas.api.call import Call
from iaas.api.route import Route
from iaas.errors import Invalid

Handler = Callable[[Call[Any]], Any]


def both(route: Route) -> tuple[Route, Route]:
    """The route, given without /v3, under both roots."""
    return (
        replace(route, path=f"/v3{route.path}"),
        replace(route, path=f"/v3/<project_id>{route.path}", handler=_checked(route.handler)),
    )


def all_of(*routes: Route) -> tuple[Route, ...]:
    return tuple(one for route in routes for one in both(route))


def _checked(handler: Handler) -> Handler:
    def handle(call: Call[Any]) -> Any:
        if call.path["project_id"] != call.context.owner:
            raise Invalid("Malformed request url")
        return handler(call)

    return handle


def root(call: Call[Any]) -> str:
    """What links begin with: the root under which the client came."""
    project: Mapping[str, str] = call.path
    return f"{call.base_url}/v3/{project['project_id']}" if "project_id" in project else f"{call.base_url}/v3"
