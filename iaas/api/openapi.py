"""An API described in OpenAPI 3.1, made from its own route table: what is served is what is described.

GET /openapi.json of every API daemon answers it without a token. A route that exists in several ranges of
microversions is described in its newest form; actions that share a path are one operation with a body of each.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from iaas.api.call import Call
from iaas.api.dialect import Dialect
from iaas.api.route import Reply, Route
from iaas.api.schema import encode
from iaas.errors import NotFound

PATH = "/openapi.json"
_VARIABLE = re.compile(r"<(?:[a-z]+(?:\([^)]*\))?:)?(\w+)>")
_FAULTS = ("4XX", "5XX")
_JSON = "application/json"


def route(dialect: Dialect, routes: Sequence[Route]) -> Route:
    """The route that answers the description; made when it is asked for first."""

    @cache
    def text() -> bytes:
        return encode(document(dialect, routes))

    def show(call: Call[Any]) -> Reply:
        return Reply(text(), headers={"Content-Type": _JSON})

    return Route("GET", PATH, show, public=True)


def document(dialect: Dialect, routes: Iterable[Route]) -> dict[str, Any]:
    """The whole description as JSON data."""
    operations: dict[tuple[str, str], list[Route]] = defaultdict(list)
    for item in routes:
        operations[_VARIABLE.sub(r"{\1}", item.path), item.method].append(item)
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for (path, method), forms in sorted(operations.items()):
        paths[path][method.lower()] = _operation(dialect, path, method, _newest(forms))
    return {
        "openapi": "3.1.0",
        "info": {"title": f"iaas {dialect.name} API", "version": version("iaas")},
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
            "responses": {"fault": {"description": "What was wrong", "content": {_JSON: {"schema": _fault(dialect)}}}},
        },
    }


def _newest(forms: Sequence[Route]) -> list[Route]:
    """Of each action, or of the one operation, the form of the newest microversion."""
    found: dict[str | None, Route] = {}
    for item in forms:
        known = found.get(item.action)
        if known is None or (known.until is not None and item.until is None):
            found[item.action] = item
    return list(found.values())


def _operation(dialect: Dialect, path: str, method: str, forms: Sequence[Route]) -> dict[str, Any]:
    first = forms[0]
    described: dict[str, Any] = {
        "operationId": f"{method.lower()}{re.sub(r'[^A-Za-z0-9]+', '_', path)}",
        "summary": (first.handler.__doc__ or first.handler.__name__.replace("_", " ")).strip().split("\n")[0],
        "parameters": [*_in_path(path), *_in_query(first.query)],
        "responses": {
            **{str(item.status): {"description": "Done"} for item in forms},
            **{status: {"$ref": "#/components/responses/fault"} for status in _FAULTS},
        },
        "security": [] if all(item.public for item in forms) else [{"token": []}],
        "x-policy": sorted({item.policy.name for item in forms if item.policy}),
    }
    bodies = [item.body for item in forms if item.body is not None]
    if bodies:
        schema = bodies[0] if len(bodies) == 1 else {"anyOf": bodies}
        described["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema}}}
    elif any(item.raw for item in forms):
        described["requestBody"] = {"content": {"application/octet-stream": {}}}
    if dialect.microversions and first.since:
        described["x-since"] = first.since
    return described


def _in_path(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _in_query(query: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    known: Mapping[str, Any] = (query or {}).get("properties", {})
    return [{"name": name, "in": "query", "schema": schema} for name, schema in known.items()]


def _fault(dialect: Dialect) -> dict[str, Any]:
    """The shape of a refusal, read from one."""
    return _shape(dialect.fault(NotFound("An example."))[1])


def _shape(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {"type": "object", "properties": {str(name): _shape(item) for name, item in value.items()}}
    return {"type": {str: "string", int: "integer", bool: "boolean"}.get(type(value), "array")}
