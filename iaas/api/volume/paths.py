"""Every path of the volume API exists twice: /v3/… and /v3/{project_id}/…

The project of the path gives no rights and moves nothing: the token's project decides (S-035). It must be the same
one; only an administrator, who may see every project's volumes, may look through another project's path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from iaas.api.call import Call
from iaas.api.route import Route
from iaas.errors import Invalid

Handler = Callable[[Call[Any]], Any]


def both(*routes: Route) -> tuple[Route, ...]:
    """The routes, whose paths are given without /v3, under both roots."""
    return tuple(root for route in routes for root in (_plain(route), _with_project(route)))


def _plain(route: Route) -> Route:
    return replace(route, path=f"/v3{route.path}")


def _with_project(route: Route) -> Route:
    def handle(call: Call[Any]) -> Any:
        if not call.context.is_admin:
            own_project(call)
        return route.handler(call)

    return replace(route, path=f"/v3/<project_id>{route.path}", handler=handle)


def own_project(call: Call[Any]) -> None:
    """Raises Invalid when the path names another project than the token: also an administrator creates in the
    token's project, and must not believe to do it elsewhere."""
    if call.path.get("project_id", call.context.owner) != call.context.owner:
        raise Invalid("Malformed request url")


def root(call: Call[Any]) -> str:
    """What links begin with: the root under which the client came."""
    project = call.path.get("project_id")
    return f"{call.base_url}/v3/{project}" if project else f"{call.base_url}/v3"
