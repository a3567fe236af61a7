"""One API as a Flask application: request id, token, microversion, policy, body, handler, answer, fault.

Knows HTTP and the route tables; knows no service. The order is the security: nothing of a body is parsed before
the caller is known, nothing reaches a handler before policy has said yes (public routes excepted).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from iaas import context as contexts
from iaas import ids
from iaas.api import access_rules, old_paths, openapi, schema
from iaas.api.call import Call
from iaas.api.dialect import Dialect, Pages, wants_page
from iaas.api.microversion import Version
from iaas.api.policy import Policy, at_home
from iaas.api.route import TAKES_TIME, Reply, Route
from iaas.context import Context
from iaas.errors import Error, Forbidden, Internal, Invalid, NotFound, TooLarge, Unauthenticated

log = logging.getLogger(__name__)
Authenticate = Callable[[str], Context]


@dataclass(frozen=True, kw_only=True)
class ApiOptions:
    max_body: int = 114688
    public_url: str = ""  # scheme://host[/prefix] for links; empty: as the client called
    identity_url: str = "/v3"  # where a 401 sends the client for a token


_NOWHERE = "The resource could not be found."


class MethodNotAllowed(Error):
    kind = "method_not_allowed"


def make_app(
    dialect: Dialect,
    routes: Sequence[Route],
    services: Any,
    policy: Policy,
    authenticate: Authenticate,
    options: ApiOptions | None = None,
) -> flask.Flask:
    """``authenticate(token)`` gives the caller's Context (request id not yet set) or raises Unauthenticated."""
    app = flask.Flask(f"iaas-{dialect.name}", static_folder=None)
    front = _Front(dialect, routes, services, policy, authenticate, options or ApiOptions())
    app.url_map = Map([], strict_slashes=False, merge_slashes=False)
    app.before_request(front.serve)
    app.register_error_handler(HTTPException, front.http_fault)
    return app


class _Front:
    def __init__(
        self,
        dialect: Dialect,
        routes: Sequence[Route],
        services: Any,
        policy: Policy,
        authenticate: Authenticate,
        options: ApiOptions,
    ) -> None:
        self.dialect, self.services, self.policy = dialect, services, policy
        self.authenticate, self.options = authenticate, options
        by_path: dict[str, list[Route]] = defaultdict(list)
        for route in (*routes, openapi.route(dialect, routes)):
            if route.policy and route.policy.name not in policy.rules:
                raise Internal(f"{route.method} {route.path} has a rule that policy does not know: {route.policy.name}")
            by_path[route.path].append(route)
        self.table = by_path
        self.map = _map(tuple(by_path))

    def serve(self) -> flask.Response:
        """Answers the current request; every way out of it has the shape of this API."""
        request = flask.request
        request_id = ids.new_request_id()
        given = request.headers.get("X-OpenStack-Request-ID", "")
        caller = Context(request_id=request_id, global_request_id=given if ids.is_request_id(given) else None)
        version: Version | None = None
        with contexts.use(caller):
            try:
                if self.dialect.microversions:
                    version = self.dialect.microversions.negotiate(_headers(request))
                response = self._dispatch(request, caller, version)
            except HTTPException as error:
                response = self.http_fault(error)
            except Error as error:
                response = self._fault(error)
            except Exception:
                log.exception("unhandled error in %s %s", request.method, request.path)
                response = self._fault(
                    Internal("An unexpected error prevented the server from fulfilling your request.")
                )
            # No colon between: after /tokens or /password the mask would take the status for a secret.
            log.info("%s %s %s %d", self.dialect.name, request.method, request.path, response.status_code)
        self._stamp(response, request_id, version)
        return response

    def http_fault(self, error: HTTPException) -> flask.Response:
        """werkzeug's own refusals (bad request line, too large …) in this API's words."""
        if error.code == 404:
            return self._fault(NotFound(_NOWHERE))
        kinds: dict[int, type[Error]] = {405: MethodNotAllowed, 413: TooLarge}
        return self._fault(kinds.get(error.code or 400, Invalid)(error.description or "Bad request."))

    def _dispatch(self, request: flask.Request, caller: Context, version: Version | None) -> flask.Response:
        plain, project = old_paths.plain(self.dialect, request.path)
        path, candidates = self._match(request, plain)
        caller, token = self._identify(request, caller, candidates)
        if b"%00" in request.query_string:
            raise Invalid("The query holds a NUL character.")
        with contexts.use(caller):
            old_paths.check(project, caller)
            body = None
            routes = [route for route in candidates if _in_range(route, version)]
            if not routes:
                raise NotFound(_NOWHERE)
            if any(route.action for route in routes):
                body = self._json(request)
                routes = [route for route in routes if isinstance(body, dict) and route.action in body]
                if not routes:
                    raise Invalid("There is no such action.", field="body")
            route = routes[0]
            target: Mapping[str, Any] = {name: path[name] for name in route.target}
            if route.policy:
                own = at_home(caller) if route.about else {}
                self.policy.enforce(route.policy.name, caller, {**own, **target})
            if route.guarded and (caller.restricted or caller.trust_id):
                raise Forbidden("A restricted or delegated token may not do this.")
            if route.body is not None:
                body = self._validated(route, self._json(request) if body is None else body)
            call = self._call(request, route, path, caller, token, body, version)
            if route.query is not None:
                _validator(route.query)(dict(call.query))
            if route.policy and route.about:
                self.policy.enforce(route.policy.name, caller, {**target, **route.about(call)})
            return self._answer(route, route.handler(call))

    def _match(self, request: flask.Request, plain: str) -> tuple[dict[str, str], list[Route]]:
        if "\x00" in plain:  # nothing has a name that PostgreSQL can't be asked for
            raise NotFound(_NOWHERE)
        adapter = self.map.bind("", path_info=plain)
        endpoint, variables = adapter.match(method=None)
        routes = self.table[endpoint]
        method = "GET" if request.method == "HEAD" else request.method
        chosen = [r for r in routes if r.method == request.method] or [r for r in routes if r.method == method]
        if not chosen:
            raise MethodNotAllowed(
                f"The method {request.method} is not allowed for this resource.",
                headers={"Allow": ", ".join(sorted({route.method for route in routes}))},
            )
        return dict(variables), chosen

    def _identify(self, request: flask.Request, caller: Context, routes: Iterable[Route]) -> tuple[Context, str | None]:
        token = request.headers.get("X-Auth-Token")
        if all(route.public for route in routes):
            return caller, token
        if not token:
            raise Unauthenticated("The request you have made requires authentication.")
        known = self.authenticate(token)
        self._check_access_rules(request, known)
        known = replace(known, request_id=caller.request_id, global_request_id=caller.global_request_id)
        return replace(known, is_admin=self.policy.is_admin(known)), token

    def _check_access_rules(self, request: flask.Request, caller: Context) -> None:
        """Raises Unauthenticated, as published, for what the token's access rules leave out (S-036)."""
        if caller.access_rules is None:
            return
        path, service = request.script_root + request.path, self.dialect.name
        if (service, request.method, request.path) == ("identity", "GET", "/v3/auth/tokens"):
            return  # any token may be looked at
        if not access_rules.permits(caller.access_rules, service, request.method, path):
            log.info("refused by access rules: %s %s", request.method, request.path)
            raise Unauthenticated("The request you have made requires authentication.")

    def _json(self, request: flask.Request) -> Any:
        limit = self.options.max_body
        if (request.content_length or 0) > limit:
            raise TooLarge(f"The body is larger than {limit} bytes.")
        data = bytearray()
        while len(data) <= limit and (piece := request.stream.read(limit + 1 - len(data))):
            data += piece  # a read may give less than was asked for, and nothing only at the end
        if len(data) > limit:
            raise TooLarge(f"The body is larger than {limit} bytes.")
        return schema.parse(bytes(data))

    def _validated(self, route: Route, body: Any) -> Any:
        assert route.body is not None
        return _validator(route.body)(body)

    def _call(
        self,
        request: flask.Request,
        route: Route,
        path: dict[str, str],
        caller: Context,
        token: str | None,
        body: Any,
        version: Version | None,
    ) -> Call[Any]:
        if route.raw:  # its bytes may take as long as they come
            request.environ.get(TAKES_TIME, lambda: None)()
        root = (self.options.public_url or request.host_url.rstrip("/")) + request.script_root
        return Call(
            services=self.services,
            policy=self.policy,
            path=path,
            query=request.args.to_dict(),
            query_lists=request.args.to_dict(flat=False),
            headers=_headers(request),
            body=body,
            stream=request.stream if route.raw else None,
            content_length=request.content_length,
            version=version,
            base_url=root,
            source=request.remote_addr or "",
            url=root + request.full_path.rstrip("?"),
            _context=None if route.public else caller,
            token=token,
        )

    def _answer(self, route: Route, result: Any) -> flask.Response:
        reply = result if isinstance(result, Reply) else Reply(result)
        status = reply.status or route.status
        if reply.body is None:
            response = flask.Response(status=status)
            del response.headers["Content-Type"]  # of nothing
        elif isinstance(reply.body, bytes) or hasattr(reply.body, "__next__"):
            streamed = not isinstance(reply.body, bytes)  # passed on as it is: the server may know its kind
            response = flask.Response(
                reply.body, status=status, mimetype="application/octet-stream", direct_passthrough=streamed
            )
        else:
            response = flask.Response(schema.encode(reply.body), status=status, mimetype="application/json")
        for name, value in reply.headers.items():
            response.headers[name] = value
        return response

    def _fault(self, error: Error) -> flask.Response:
        status, body = self.dialect.fault(error)
        if status >= 500 and not isinstance(error, Internal):
            log.warning("answered %d: %s", status, error.message)
        if isinstance(self.dialect, Pages) and wants_page(flask.request.headers.get("Accept")):
            response = flask.Response(self.dialect.page(status, body), status=status, mimetype="text/html")
        else:
            response = flask.Response(schema.encode(body), status=status, mimetype="application/json")
        for name, value in error.details.get("headers", {}).items():  # of what only HTTP knows: 405, 415, 416
            response.headers[name] = value
        if status == 503:
            response.headers["Retry-After"] = "1"
        if isinstance(error, Forbidden):
            log.info("refused: %s", error.message)
        return response

    def _stamp(self, response: flask.Response, request_id: str, version: Version | None) -> None:
        response.headers["X-OpenStack-Request-ID"] = request_id
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = f'Keystone uri="{self.options.identity_url}"'
        if self.dialect.microversions and version:
            for name, value in self.dialect.microversions.headers(version).items():
                response.headers[name] = value
        varies = response.headers.get("Vary")  # no cache may give one caller's answer to another
        response.headers["Vary"] = f"{varies}, X-Auth-Token" if varies else "X-Auth-Token"


@lru_cache(maxsize=32)
def _map(paths: tuple[str, ...]) -> Map:
    """Made once for all applications of a process that have these paths: rules are slow to compile."""
    return Map([Rule(path, endpoint=path) for path in paths], strict_slashes=False, merge_slashes=False)


_validators: dict[int, tuple[Any, Callable[[Any], Any]]] = {}


def _validator(rules: Any) -> Callable[[Any], Any]:
    """Compiled on first use: a daemon that never sees a body never pays for its schema. Schemas are constants of their
    modules; each is kept here with its validator, so that its id stays its own."""
    found = _validators.get(id(rules))
    if found is None:
        found = _validators[id(rules)] = (rules, schema.compiled(rules))
    return found[1]


def _headers(request: flask.Request) -> Mapping[str, str]:
    """werkzeug's headers are a case-insensitive mapping in all but name."""
    return cast(Mapping[str, str], request.headers)


def _in_range(route: Route, version: Version | None) -> bool:
    if version is None:
        return True
    low, high = route.since, route.until
    return (low is None or version >= Version.parse(low)) and (high is None or version <= Version.parse(high))
