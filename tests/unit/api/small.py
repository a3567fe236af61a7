"""A small API of a test's own: two personas, a few routes, everything that the frame promises visible from outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from werkzeug.test import Client

from iaas.api.app import ApiOptions, make_app
from iaas.api.call import Call
from iaas.api.dialect import STATUS
from iaas.api.microversion import Microversions
from iaas.api.policy import Policy
from iaas.api.route import ADMIN, ANY, EVERY_SCOPE, MEMBER, Reply, Route, Rule
from iaas.api.schema import wrapped
from iaas.context import Context
from iaas.errors import Error, Unauthenticated

LIMIT = 2000
CALLERS = {
    "admin": Context(request_id="", user_id="a", project_id="pa", roles=("admin", "member", "reader")),
    "member": Context(request_id="", user_id="m", project_id="pm", roles=("member", "reader")),
    "domain": Context(request_id="", user_id="d", domain_id="dd", roles=("member", "reader")),
    "unscoped": Context(request_id="", user_id="u"),
}
DELEGATED = {
    "robot": Context(
        request_id="", user_id="m", project_id="pm", roles=("admin",),
        access_rules=(("small", "GET", "/who"), ("small", "POST", "/things"), ("other", "GET", "/**")),
    ),
    "restricted": Context(request_id="", user_id="m", project_id="pm", restricted=True),
    "trustee": Context(request_id="", user_id="m", project_id="pm", trust_id="t"),
}  # fmt: skip


class SmallDialect:
    name = "small"

    def __init__(self, microversions: Microversions | None = None) -> None:
        self.microversions = microversions

    def fault(self, error: Error) -> tuple[int, dict[str, Any]]:
        return STATUS[error.kind], {"fault": {"kind": error.kind, "message": error.message, **error.details}}


def authenticate(token: str) -> Context:
    known = CALLERS | DELEGATED
    if token not in known:
        raise Unauthenticated("no")
    return known[token]


def show_context(call: Call[Any]) -> dict[str, Any]:
    return {"context": asdict(call.context), "query": dict(call.query), "path": dict(call.path), "url": call.url}


def echo(call: Call[Any]) -> dict[str, Any]:
    return {"body": call.body}


def read(call: Call[Any]) -> Reply:
    assert call.stream is not None
    return Reply(iter([call.stream.read(4), b"!"]), headers={"X-Length": str(call.content_length)})


def broken(call: Call[Any]) -> None:
    raise RuntimeError("secret detail of /etc/shadow")


def versioned(words: str) -> Any:
    return lambda call: {"words": words, "version": str(call.version), "new": call.at_least("2.5")}


def rule(name: str, check: str) -> Rule:
    return Rule(name, check, scopes=EVERY_SCOPE)


BODY = wrapped("thing", {"name": {"type": "string", "maxLength": 20}, "size": {"type": "integer"}}, ("name",))
JUMP = wrapped("jump", {})
ROUTES = (
    Route("GET", "/open", lambda call: {"open": True}, public=True),
    Route("GET", "/who", show_context, policy=rule("small:who", ANY)),
    Route("GET", "/who/<user_id>", show_context, policy=rule("small:self", "user_id:%(user_id)s"), target=("user_id",)),
    Route("GET", "/ours", show_context, policy=rule("small:ours", MEMBER)),
    Route("GET", "/admin", show_context, policy=rule("small:admin", ADMIN)),
    Route("POST", "/things", echo, policy=rule("small:create", ANY), body=BODY, status=201),
    Route("DELETE", "/things", lambda call: None, policy=rule("small:delete", ANY), status=204),
    Route("PUT", "/file", read, policy=rule("small:file", ANY), raw=True),
    Route("GET", "/guarded", show_context, policy=rule("small:guarded", ANY), guarded=True),
    Route("GET", "/broken", broken, policy=rule("small:broken", ANY)),
    Route(
        "POST",
        "/do",
        lambda call: {"did": "jump"},
        policy=rule("small:jump", ANY),
        body=wrapped("jump", {}),
        action="jump",
    ),
    Route("POST", "/do", lambda call: {"did": "run"}, policy=rule("small:run", ADMIN), action="run"),
    Route("GET", "/versioned", versioned("old"), policy=rule("small:old", ANY), until="2.4"),
    Route("GET", "/versioned", versioned("new"), policy=rule("small:new", ANY), since="2.5"),
    Route("GET", "/later", versioned("later"), policy=rule("small:later", ANY), since="2.5"),
)


def client(
    routes: Iterable[Route] = ROUTES, microversions: Microversions | None = None, policy: Policy | None = None
) -> Client:
    routes = tuple(routes)
    dialect = SmallDialect(microversions)
    options = ApiOptions(max_body=LIMIT, identity_url="http://identity.test/v3")
    app = make_app(dialect, routes, None, policy or Policy.of_routes(routes), authenticate, options)
    return Client(app)


def as_(who: str, **more: str) -> Mapping[str, str]:
    return {"X-Auth-Token": who, **{name.replace("_", "-"): value for name, value in more.items()}}
