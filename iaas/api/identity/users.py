"""Users and their passwords."""

from __future__ import annotations

from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import (
    DESCRIPTION,
    ENABLED,
    ID,
    ID_OR_NULL,
    LONG_NAME,
    PASSWORD,
    entity,
    filters,
    home_domain,
    moments,
    values,
)
from iaas.api.identity.listing import paged, shown
from iaas.api.identity.rules import LIST_IN_DOMAIN, MANAGE_USER, SEE_GROUP, SEE_USER
from iaas.api.identity.targets import made, named, within
from iaas.api.route import Route, Rule
from iaas.api.schema import wrapped
from iaas.clock import iso8601_micro
from iaas.errors import Forbidden
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.user import User

_FIELDS = {
    "name": LONG_NAME,
    "domain_id": ID,
    "enabled": ENABLED,
    "default_project_id": ID_OR_NULL,
    "description": DESCRIPTION,
}
_SWITCH = {"type": ["boolean", "null"]}
_RULES = {"type": ["array", "null"], "maxItems": 16, "items": {
    "type": "array", "minItems": 1, "maxItems": 16, "items": {"type": "string", "minLength": 1, "maxLength": 64},
}}  # fmt: skip
OPTIONS = {
    **dict.fromkeys(
        (
            "ignore_change_password_upon_first_use",
            "ignore_password_expiry",
            "ignore_lockout_failure_attempts",
            "ignore_user_inactivity",
            "lock_password",
            "multi_factor_auth_enabled",
        ),
        _SWITCH,
    ),
    "multi_factor_auth_rules": _RULES,
}
_GIVEN = {
    **_FIELDS,
    "password": {**PASSWORD, "type": ["string", "null"]},
    "federated": {"type": "array", "maxItems": 0},  # no user comes from another cloud
}
CREATE = entity("user", _GIVEN, ("name",), OPTIONS)
UPDATE = entity("user", _GIVEN, options=OPTIONS)
CHANGE_PASSWORD = wrapped(
    "user", {"password": PASSWORD, "original_password": PASSWORD}, ("password", "original_password")
)


def show_user(call: Call[Any], user: User) -> dict[str, Any]:
    """What is not set is left out, as published; the password never shows."""
    optional = {"default_project_id": user.default_project_id, "description": user.description}
    return shown(call, "users", user, {
        "name": user.name,
        "domain_id": user.domain_id,
        "enabled": user.enabled,
        "password_expires_at": iso8601_micro(user.password_expires_at),
        "options": user.options,
        **{name: value for name, value in optional.items() if value is not None},
    })  # fmt: skip


def _filters(call: Call[Any]) -> dict[str, Any]:
    """No user comes from another cloud, so who asks for such users finds none."""
    found = filters(call, "name", "domain_id", flags=("enabled",)) | moments(call, "password_expires_at")
    federated = {"idp_id", "protocol_id", "unique_id"} & call.query.keys()
    return {**found, "id": ()} if federated else found


def list_users(call: Call[IdentityServices]) -> dict[str, Any]:
    equals = within(call, _filters(call))
    return paged(call, "users", partial(call.services.users.page, equals), show_user)


def list_group_users(call: Call[IdentityServices]) -> dict[str, Any]:
    equals = _filters(call)
    return paged(call, "users", partial(call.services.users.of_group, call.path["group_id"], equals), show_user)


def get_user(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"user": show_user(call, call.services.users.get(call.path["user_id"]))}


def create_user(call: Call[IdentityServices]) -> dict[str, Any]:
    body = call.body["user"]
    user = User(id=new_hex(), **{"domain_id": home_domain(call), **values(body, _FIELDS)})
    return {"user": show_user(call, call.services.users.create_with(user, body.get("password")))}


def update_user(call: Call[IdentityServices]) -> dict[str, Any]:
    body = call.body["user"]
    changes = values(body, _FIELDS)
    user = call.services.users.update_with(call.path["user_id"], changes, body.get("password"))
    return {"user": show_user(call, user)}


def delete_user(call: Call[IdentityServices]) -> None:
    call.services.users.delete(call.path["user_id"])


def change_password(call: Call[IdentityServices]) -> None:
    """The owner's way: the old password, which may have expired, and no token; another user's is refused (S-046)."""
    if call.token and call.services.validator.access(call.token).user.id != call.path["user_id"]:
        raise Forbidden("You are not authorized to change the password of another user.")
    words = call.body["user"]
    call.services.users.change_password(
        call.path["user_id"], words["original_password"], words["password"], call.source
    )


_ALL, _ONE = "/v3/users", "/v3/users/<user_id>"
_OF_GROUP = Rule("identity:list_users_in_group", SEE_GROUP)
ROUTES = (
    Route("GET", _ALL, list_users, policy=Rule("identity:list_users", LIST_IN_DOMAIN), about=named),
    Route("POST", _ALL, create_user, policy=Rule("identity:create_user", MANAGE_USER), about=made("user"), body=CREATE,
          status=201),
    Route("GET", _ONE, get_user, policy=Rule("identity:get_user", SEE_USER), target=("user_id",), about=named),
    Route("PATCH", _ONE, update_user, policy=Rule("identity:update_user", MANAGE_USER), about=named, body=UPDATE),
    Route("DELETE", _ONE, delete_user, policy=Rule("identity:delete_user", MANAGE_USER), about=named, status=204),
    Route("POST", f"{_ONE}/password", change_password, public=True, body=CHANGE_PASSWORD, status=204),
    Route("GET", "/v3/groups/<group_id>/users", list_group_users, policy=_OF_GROUP, about=named),
)  # fmt: skip
