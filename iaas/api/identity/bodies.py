"""Bodies and queries that the identity API's nouns share: schema parts, further attributes, filters.

Identity objects keep attributes that the API does not know (a user's email is one); they are stored and answered,
and can never stand for a known one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from iaas.api import paging
from iaas.api.call import Call
from iaas.api.schema import as_bool, obj
from iaas.errors import Invalid
from iaas.model.identity.filters import Compare, Match, Order, Part

ID = {"type": "string", "pattern": "^[a-zA-Z0-9-]{1,64}$"}
ID_OR_NULL = {"type": ["string", "null"], "pattern": "^[a-zA-Z0-9-]{1,64}$"}
NAME = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"\S"}
LONG_NAME = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}
DESCRIPTION = {"type": ["string", "null"], "maxLength": 65535}
ENABLED = {"type": "boolean"}
PASSWORD = {"type": "string", "minLength": 1, "maxLength": 4096}

_MOST_MOMENTS = 8
_COMPARATORS = {f"{'i' if fold else ''}{part.value}": (part, fold) for part in Part for fold in (False, True)}
TAG = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^,/]*$"}
TAGS = {"type": "array", "maxItems": 80, "uniqueItems": True, "items": TAG}
IMMUTABLE = {"immutable": {"type": ["boolean", "null"]}}

# What the server decides or reads by itself: silently left out when a client sends back what it was shown.
_OURS = {
    "id", "links", "options", "is_domain", "password_expires_at", "password", "region", "federated",
    "explicit_domain_id",
}  # fmt: skip


def entity(
    key: str,
    properties: Mapping[str, Any],
    required: tuple[str, ...] = (),
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """``{key: {…}}`` that may hold further attributes, and these resource options alone."""
    return obj({key: obj({**properties, "options": obj(options or {})}, required, extra=True)}, (key,))


def values(body: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """The known attributes that are there, and the further ones under ``extra``."""
    names = set(known)
    found = {name: value for name, value in body.items() if name in names}
    if body.get("options"):
        found["options"] = body["options"]
    found["extra"] = {name: value for name, value in body.items() if name not in names | _OURS}
    return found


def tagged(given: dict[str, Any]) -> dict[str, Any]:
    """The values with their tags, if there are any, as the model has them."""
    return {**given, "tags": tuple(given["tags"])} if "tags" in given else given


def filters(call: Call[Any], *names: str, flags: tuple[str, ...] = ()) -> dict[str, Any]:
    """The filters of a list by what they are about: ``name=x`` and ``name__icontains=x``; a flag without a value
    means true. What the query has beside them is nobody's business (as published)."""
    found: dict[str, Any] = {}
    for key, value in call.query.items():
        name, _, comparator = key.partition("__")
        if name not in names:
            continue
        if not comparator:
            found.setdefault(name, []).append(value)
        elif comparator in _COMPARATORS:
            part, fold = _COMPARATORS[comparator]
            found.setdefault(name, []).append(Match(part, value, fold))
    exact = {name: wanted[0] if len(wanted) == 1 else wanted for name, wanted in found.items()}
    return exact | {name: flag(call, name) for name in flags if name in call.query}


def moments(call: Call[Any], name: str) -> dict[str, Any]:
    """A filter ``name=lt:2026-01-31T12:00:00Z``, without an operator for that very moment. Raises Invalid."""
    found = []
    asked = call.query_lists.get(name, ())
    if len(asked) > _MOST_MOMENTS:
        raise Invalid(f"A list has at most {_MOST_MOMENTS} filters of one time.", field=name)
    for text in asked:
        order, separator, rest = text.partition(":")
        if order not in tuple(Order):
            order, separator, rest = Order.EQ, ":", text
        moment = paging.moment({name: rest}, name) if separator else None
        if moment is None:
            raise Invalid(f"Invalid {name} filter {text[:40]!r}.", field=name)
        found.append(Compare(Order(order), moment))
    return {name: found} if found else {}


def flag(call: Call[Any], name: str) -> bool:
    """Whether a query key is there and does not say no."""
    value = call.query.get(name)
    return value is not None and (value == "" or as_bool(value))


def home_domain(call: Call[Any]) -> str:
    """The domain of what is created without naming one: the token's, as far as it has one."""
    caller = call.context
    return caller.domain_id or caller.project_domain_id or "default"
