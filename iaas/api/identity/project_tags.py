"""A project's tags: words without a comma or slash, to find projects by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import TAG, TAGS
from iaas.api.identity.projects import of_path
from iaas.api.identity.rules import MANAGE_PROJECT, SEE_PROJECT
from iaas.api.identity.targets import named
from iaas.api.route import Reply, Route, Rule
from iaas.api.schema import compiled, obj
from iaas.errors import NotFound
from iaas.identity.service import IdentityServices

Handler = Callable[[Call[IdentityServices]], Any]
REPLACE = obj({"tags": TAGS}, ("tags",))
_check = compiled(TAG)


def list_tags(call: Call[IdentityServices]) -> dict[str, Any]:
    _, project = of_path(call)
    return _shown(call, project.tags)


def replace_tags(call: Call[IdentityServices]) -> dict[str, Any]:
    where, project = of_path(call)
    return _shown(call, where.update(project.id, {"tags": tuple(call.body["tags"])}).tags)


def delete_tags(call: Call[IdentityServices]) -> None:
    where, project = of_path(call)
    where.update(project.id, {"tags": ()})


def check_tag(call: Call[IdentityServices]) -> None:
    _, project = of_path(call)
    if call.path["tag"] not in project.tags:
        raise NotFound.of("project_tag", call.path["tag"])


def add_tag(call: Call[IdentityServices]) -> Reply:
    _check(call.path["tag"])
    where, project = of_path(call)
    where.tag(project.id, call.path["tag"])
    return Reply(headers={"Location": call.url})


def delete_tag(call: Call[IdentityServices]) -> None:
    where, project = of_path(call)
    where.untag(project.id, call.path["tag"])


def _shown(call: Call[Any], tags: tuple[str, ...]) -> dict[str, Any]:
    return {"tags": list(tags), "links": {"next": None, "self": call.url, "previous": None}}


_ALL = "/v3/projects/<project_id>/tags"
_ONE = f"{_ALL}/<tag>"


def _route(method: str, path: str, handler: Handler, verb: str, **more: Any) -> Route:
    """Who sees a project sees its tags; who manages it manages them."""
    check = SEE_PROJECT if method == "GET" else MANAGE_PROJECT
    return Route(
        method, path, handler, policy=Rule(f"identity:{verb}", check), about=named, target=("project_id",), **more
    )


ROUTES = (
    _route("GET", _ALL, list_tags, "list_project_tags"),
    _route("PUT", _ALL, replace_tags, "update_project_tags", body=REPLACE),
    _route("DELETE", _ALL, delete_tags, "delete_project_tags", status=204),
    _route("GET", _ONE, check_tag, "get_project_tag", status=204),
    _route("PUT", _ONE, add_tag, "create_project_tag", status=201),
    _route("DELETE", _ONE, delete_tag, "delete_project_tag", status=204),
)
