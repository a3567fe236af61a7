"""/v3/users/<id>/application_credentials: made and deleted, never changed. The secret is in the first answer only."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import DESCRIPTION, LONG_NAME, PASSWORD, filters
from iaas.api.identity.delegation.access_rules import METHODS, rule_fields
from iaas.api.identity.listing import asked, listed
from iaas.api.identity.rules import ADMIN_OR_SELF, ONLY_SELF, SEE_OR_SELF
from iaas.api.paging import moment
from iaas.api.route import Route, Rule
from iaas.api.schema import obj, wrapped
from iaas.clock import iso8601_micro
from iaas.errors import Invalid
from iaas.identity.application_credentials import NewCredential, RoleName
from iaas.identity.service import IdentityServices
from iaas.model.identity.delegation import AccessRule, ApplicationCredential
from iaas.model.role import Role

_ID = {"type": "string", "minLength": 1, "maxLength": 64}
ROLES = {"type": "array", "maxItems": 64, "items": obj({"id": _ID, "name": LONG_NAME}, extra=True) | {
    "minProperties": 1}}  # fmt: skip
EXPIRES_AT = {"type": ["string", "null"], "maxLength": 64}
_PATH = {"type": "string", "maxLength": 255, "pattern": "^/"}
_SERVICE = {"type": "string", "minLength": 1, "maxLength": 64}
_ACCESS_RULE = obj({"id": _ID, "service": _SERVICE, "method": {"enum": list(METHODS)}, "path": _PATH, "links": {}})
CREATE = wrapped("application_credential", {
    "name": LONG_NAME,
    "secret": {**PASSWORD, "type": ["string", "null"]},
    "description": DESCRIPTION,
    "expires_at": EXPIRES_AT,
    "unrestricted": {"type": ["boolean", "null"]},
    "roles": ROLES,
    "access_rules": {"type": "array", "maxItems": 50, "items": _ACCESS_RULE},
    "project_id": {"type": ["string", "null"], "maxLength": 64},
}, ("name",))  # fmt: skip


def show(call: Call[Any], item: ApplicationCredential, roles: list[Role], **more: Any) -> dict[str, Any]:
    path = f"{call.base_url}/v3/users/{item.user_id}/application_credentials/{item.id}"
    shown = {
        "id": item.id,
        "name": item.name,
        "description": item.description,
        "project_id": item.project_id,
        "user_id": item.user_id,
        "roles": [{"id": role.id, "name": role.name, "domain_id": None} for role in roles],
        "expires_at": iso8601_micro(item.expires_at),
        "unrestricted": item.unrestricted,
        "links": {"self": path},
        **more,
    }
    if item.access_rules is not None:
        shown["access_rules"] = [rule_fields(rule) for rule in item.access_rules]
    return shown


def list_credentials(call: Call[IdentityServices]) -> dict[str, Any]:
    limits = asked(call)
    equals = filters(call, "name")
    found = call.services.application_credentials.page(call.path["user_id"], equals, limits.marker, limits.limit + 1)
    body = listed(call, "application_credentials", [item for item, _ in found], limits, lambda item: item)
    roles = {item.id: held for item, held in found}
    body["application_credentials"] = [show(call, item, roles[item.id]) for item in body["application_credentials"]]
    return body


def get_credential(call: Call[IdentityServices]) -> dict[str, Any]:
    item, roles = call.services.application_credentials.get(
        call.path["user_id"], call.path["application_credential_id"]
    )
    return {"application_credential": show(call, item, roles)}


def create_credential(call: Call[IdentityServices]) -> dict[str, Any]:
    """On the project of the caller's token, with roles of that token only."""
    body = call.body["application_credential"]
    asker = call.services.validator.access(call.token or "")
    if body.get("project_id", call.context.project_id) not in (None, call.context.project_id):
        raise Invalid("An application credential is for the project of the token.", field="project_id")
    new = NewCredential(
        name=body["name"],
        secret=body.get("secret"),
        description=body.get("description"),
        expires_at=moment(body, "expires_at"),
        unrestricted=bool(body.get("unrestricted")),
        roles=role_names(body.get("roles", ())),
        # An empty list, which stock clients send when none are wished for, narrows nothing.
        access_rules=tuple(_rule(rule) for rule in body.get("access_rules", ())) or None,
    )
    item, roles, secret = call.services.application_credentials.create(asker, new)
    return {"application_credential": show(call, item, roles, secret=secret)}


def delete_credential(call: Call[IdentityServices]) -> None:
    call.services.application_credentials.delete(call.path["user_id"], call.path["application_credential_id"])


def role_names(given: Any) -> tuple[RoleName, ...]:
    if any("id" not in role and "name" not in role for role in given):
        raise Invalid("A role is named by its id or its name.", field="roles")
    return tuple(RoleName(id=role.get("id"), name=role.get("name")) for role in given)


def _rule(given: dict[str, Any]) -> AccessRule:
    if "id" in given:
        return AccessRule(given["id"], "", "", "")
    for name in ("service", "method", "path"):
        if name not in given:
            raise Invalid(f"Expecting to find {name} in an access rule.", field="access_rules")
    return AccessRule("", given["service"], given["method"], given["path"])


_ALL = "/v3/users/<user_id>/application_credentials"
_ONE = f"{_ALL}/<application_credential_id>"
ROUTES = (
    Route("GET", _ALL, list_credentials, policy=Rule("identity:list_application_credentials", SEE_OR_SELF),
          target=("user_id",)),
    Route("POST", _ALL, create_credential, policy=Rule("identity:create_application_credential", ONLY_SELF),
          target=("user_id",), body=CREATE, status=201, guarded=True),
    Route("GET", _ONE, get_credential, policy=Rule("identity:get_application_credential", SEE_OR_SELF),
          target=("user_id",)),
    Route("DELETE", _ONE, delete_credential, policy=Rule("identity:delete_application_credential", ADMIN_OR_SELF),
          target=("user_id",), status=204, guarded=True),
)  # fmt: skip
