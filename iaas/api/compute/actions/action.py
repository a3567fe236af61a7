"""A route of POST /servers/{id}/action: the key of the body selects it. For every module that offers such actions."""

from __future__ import annotations

from typing import Any

from iaas.api.route import MEMBER, Route, Rule
from iaas.api.schema import obj
from iaas.errors import Invalid
from iaas.ids import is_uuid

PATH = "/v2.1/servers/<id>/action"
NOTHING = {"type": ["null", "object", "string"], "maxProperties": 0}


def action(
    name: str,
    handler: Any,
    policy: str,
    value: Any = NOTHING,
    status: int = 202,
    check: str = MEMBER,
    until: str | None = None,
) -> Route:
    """``policy``: the rule's name after ``os_compute_api:``; ``value``: the schema of what the key holds;
    ``until``: the last microversion with it."""
    rule, body = Rule(f"os_compute_api:{policy}", check), obj({name: value}, (name,))
    return Route("POST", PATH, handler, policy=rule, body=body, status=status, action=name, until=until)


def image_ref(text: str, field: str) -> str:
    """The id in a reference to an image: the id itself, or a URL that ends with it. Raises Invalid."""
    found = text.rstrip("/").rpartition("/")[2]
    if not is_uuid(found):
        raise Invalid(f"Invalid {field} provided.", field=field)
    return found
