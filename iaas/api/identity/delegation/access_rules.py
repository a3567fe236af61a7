"""/v3/users/<id>/access_rules: made together with application credentials, looked at and deleted here."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import filters
from iaas.api.identity.listing import links
from iaas.api.identity.rules import ADMIN_OR_SELF, SEE_OR_SELF
from iaas.api.route import Route, Rule
from iaas.identity.service import IdentityServices
from iaas.model.identity.delegation import AccessRule

METHODS = ("POST", "GET", "HEAD", "PATCH", "PUT", "DELETE")


def rule_fields(rule: AccessRule) -> dict[str, str]:
    return rule._asdict()


def _show(call: Call[Any], rule: AccessRule) -> dict[str, Any]:
    path = f"{call.base_url}/v3/users/{call.path['user_id']}/access_rules/{rule.id}"
    return {**rule_fields(rule), "links": {"self": path}}


def list_rules(call: Call[IdentityServices]) -> dict[str, Any]:
    equals = filters(call, "service", "method", "path")
    found = call.services.application_credentials.access_rules(call.path["user_id"], equals)
    return {"access_rules": [_show(call, rule) for rule in found], "links": links(call)}


def get_rule(call: Call[IdentityServices]) -> dict[str, Any]:
    rule = call.services.application_credentials.access_rule(call.path["user_id"], call.path["access_rule_id"])
    return {"access_rule": _show(call, rule)}


def delete_rule(call: Call[IdentityServices]) -> None:
    call.services.application_credentials.delete_access_rule(call.path["user_id"], call.path["access_rule_id"])


_ALL = "/v3/users/<user_id>/access_rules"
_ONE = f"{_ALL}/<access_rule_id>"
ROUTES = (
    Route("GET", _ALL, list_rules, policy=Rule("identity:list_access_rules", SEE_OR_SELF), target=("user_id",)),
    Route("GET", _ONE, get_rule, policy=Rule("identity:get_access_rule", SEE_OR_SELF), target=("user_id",)),
    Route("DELETE", _ONE, delete_rule, policy=Rule("identity:delete_access_rule", ADMIN_OR_SELF),
          target=("user_id",), status=204, guarded=True),
)  # fmt: skip
