"""A route of POST /servers/{id}/action: the key of the body selects it. For every module that offers such actions."""

from __future__ import annotations

from typing import Any

from iaas.api.route import MEMBER, Route, Rule
from iaas.api.schema import obj

PATH = "/v2.1/servers/<id>/action"
NOTHING = {"type": ["null", "object", "string"], "maxProperties": 0}


def action(name: str, handler: Any, policy: str, value: Any = NOTHING, status: int = 202, check: str = MEMBER) -> Route:
    """``policy``: the rule's name after ``os_compute_api:``; ``value``: the schema of what the key holds."""
    rule = Rule(f"os_compute_api:{policy}", check)
    return Route("POST", PATH, handler, policy=rule, body=obj({name: value}, (name,)), status=status, action=name)
