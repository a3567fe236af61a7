"""Bodies and queries that the identity API's nouns share: schema parts, further attributes, filters.

Identity objects keep attributes that the API does not know (a user's email is one); they are stored and answered,
and can never stand for a known one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from iaas.api.call import Call
from iaas.api.schema import as_bool, obj

ID = {"type": "string", "pattern": "^[a-zA-Z0-9-]{1,64}$"}
ID_OR_NULL = {"type": ["string", "null"], "pattern": "^[a-zA-Z0-9-]{1,64}$"}
NAME = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"\S"}
LONG_NAME = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}
DESCRIPTION = {"type": ["string", "null"], "maxLength": 65535}
ENABLED = {"type": "boolean"}
NULL = {"type": "null"}
PASSWORD = {"type": "string", "minLength": 1, "maxLength": 4096}
NO_OPTIONS = {"type": "object", "additionalProperties": False}  # resource options are not offered

# What the server alone decides: silently left out when a client sends back what it was shown.
_OURS = {"id", "links", "options", "is_domain", "password_expires_at", "password", "region"}


def entity(key: str, properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """``{key: {…}}`` that may hold further attributes, and no resource options."""
    return obj({key: obj({**properties, "options": NO_OPTIONS}, required, extra=True)}, (key,))


def values(body: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """The known attributes that are there, and the further ones under ``extra``."""
    names = set(known)
    found = {name: value for name, value in body.items() if name in names}
    found["extra"] = {name: value for name, value in body.items() if name not in names | _OURS}
    return found


def filters(call: Call[Any], *names: str, flags: tuple[str, ...] = ()) -> dict[str, Any]:
    """Exact filters of a list by query key; a flag without a value means true."""
    found: dict[str, Any] = {name: call.query[name] for name in names if name in call.query}
    return found | {name: flag(call, name) for name in flags if name in call.query}


def flag(call: Call[Any], name: str) -> bool:
    """Whether a query key is there and does not say no."""
    value = call.query.get(name)
    return value is not None and (value == "" or as_bool(value))


def home_domain(call: Call[Any]) -> str:
    """The domain of what is created without naming one: the token's, as far as it has one."""
    caller = call.context
    return caller.domain_id or caller.project_domain_id or "default"
