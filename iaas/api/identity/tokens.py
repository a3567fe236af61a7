"""Tokens: POST makes one from credentials or another token, GET and HEAD check one, DELETE ends one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.auth import catalog_of
from iaas.api.identity.bodies import PASSWORD, flag
from iaas.api.identity.rules import TOKEN
from iaas.api.route import Reply, Route, Rule
from iaas.api.schema import obj
from iaas.clock import iso8601_micro
from iaas.errors import Invalid, NotFound, Unauthenticated
from iaas.identity.login import Credentials, Wanted
from iaas.identity.service import IdentityServices
from iaas.model.token import GRACE, Access, Named, ScopeKind
from iaas.model.user import Reference

_TEXT = {"type": "string", "minLength": 1, "maxLength": 255}
_DOMAIN = obj({"id": _TEXT, "name": _TEXT}) | {"minProperties": 1}
_OWNED = {"id": _TEXT, "name": _TEXT, "domain": _DOMAIN}
_SCOPE = obj({
    "project": obj(_OWNED) | {"minProperties": 1},
    "domain": _DOMAIN,
    "system": obj({"all": {"enum": [True]}}, ("all",)),
    "unscoped": {"type": "object"},
}) | {"minProperties": 1, "maxProperties": 1}  # fmt: skip
_METHODS = {"type": "array", "minItems": 1, "maxItems": 16, "items": _TEXT}
_IDENTITY = obj({
    "methods": _METHODS,
    "password": obj({"user": obj({**_OWNED, "password": PASSWORD}, ("password",))}, ("user",)),
    "token": obj({"id": {"type": "string", "minLength": 1, "maxLength": 4096}}, ("id",)),
}, ("methods",), extra=True)  # fmt: skip
_AUTH = {"identity": _IDENTITY, "scope": {"anyOf": [_SCOPE, {"enum": ["unscoped"]}]}}
CREATE = obj({"auth": obj(_AUTH, ("identity",))}, ("auth",))

VALIDATE = Rule("identity:validate_token", TOKEN)
CHECK = Rule("identity:check_token", TOKEN)
REVOKE = Rule("identity:revoke_token", TOKEN)


def create_token(call: Call[IdentityServices]) -> Reply:
    auth = call.body["auth"]
    issued = call.services.login.issue(_credentials(auth["identity"]), _wanted(auth), call.source)
    headers = {"X-Subject-Token": issued.token, "Vary": "X-Auth-Token"}
    return Reply({"token": document(call, issued.access)}, headers=headers)


def show_token(call: Call[IdentityServices]) -> Reply:
    token, access = _subject(call, VALIDATE)
    return Reply({"token": document(call, access)}, headers={"X-Subject-Token": token, "Vary": "X-Auth-Token"})


def check_token(call: Call[IdentityServices]) -> Reply:
    token, _ = _subject(call, CHECK)
    return Reply(headers={"X-Subject-Token": token, "Vary": "X-Auth-Token"})


def revoke_token(call: Call[IdentityServices]) -> None:
    _, access = _subject(call, REVOKE)
    call.services.revoke(access)


def _subject(call: Call[IdentityServices], rule: Rule) -> tuple[str, Access]:
    """The token that the request is about; one that does not hold is not found."""
    token = call.headers.get("X-Subject-Token")
    if not token:
        raise Invalid("The header X-Subject-Token is missing.", field="X-Subject-Token")
    try:
        access = call.services.validator.access(token, late=GRACE if flag(call, "allow_expired") else timedelta())
    except Unauthenticated:
        raise NotFound("Could not find token.", resource="token") from None
    call.enforce(rule.name, {"user_id": access.user.id})
    return token, access


def _credentials(identity: Mapping[str, Any]) -> Credentials:
    """Each method once, however often it is named (S-044); one that is not offered authenticates nobody."""
    methods = set(identity["methods"])
    if not methods <= {"password", "token"}:
        raise Unauthenticated("Attempted to authenticate with an unsupported method.")
    for method in methods:
        if method not in identity:
            raise Invalid(f"Expecting to find {method} in identity.", field=f"auth.identity.{method}")
    user = identity["password"]["user"] if "password" in methods else None
    return Credentials(
        user=_reference(user, "user") if user else None,
        password=user["password"] if user else None,
        token=identity["token"]["id"] if "token" in methods else None,
    )


def _wanted(auth: Mapping[str, Any]) -> Wanted:
    scope = auth.get("scope")
    if scope is None:
        return Wanted()
    if "unscoped" in scope:
        return Wanted(kind=ScopeKind.UNSCOPED)
    if "project" in scope:
        return Wanted(kind=ScopeKind.PROJECT, reference=_reference(scope["project"], "project"))
    if "domain" in scope:
        domain = scope["domain"]
        return Wanted(kind=ScopeKind.DOMAIN, reference=Reference(id=domain.get("id"), name=domain.get("name")))
    return Wanted(kind=ScopeKind.SYSTEM)


def _reference(given: Mapping[str, Any], noun: str) -> Reference:
    """By id, or by name and domain; an id makes the rest superfluous."""
    if "id" in given:
        return Reference(id=given["id"])
    if "name" not in given or "domain" not in given:
        missing = "domain" if "name" in given else "id or name"
        raise Invalid(f"Expecting to find {missing} in {noun}.", field=f"{noun}.{missing}")
    return Reference(name=given["name"], domain_id=given["domain"].get("id"), domain_name=given["domain"].get("name"))


def document(call: Call[IdentityServices], access: Access) -> dict[str, Any]:
    claims = access.claims
    token: dict[str, Any] = {
        "methods": list(claims.methods),
        "user": {**_named(access.user), "password_expires_at": None},
        "audit_ids": list(claims.audit_ids),
        "expires_at": f"{iso8601_micro(claims.expires_at)}Z",
        "issued_at": f"{iso8601_micro(claims.issued_at)}Z",
    }
    if access.project:
        token |= {"project": _named(access.project), "is_domain": False}
    if access.domain:
        token["domain"] = {"id": access.domain.id, "name": access.domain.name}
    if claims.scope.kind is ScopeKind.SYSTEM:
        token["system"] = {"all": True}
    if claims.scope.kind is not ScopeKind.UNSCOPED:
        token["roles"] = [{"id": role.id, "name": role.name} for role in access.roles]
        if "nocatalog" not in call.query:
            project_id = access.project.id if access.project else None
            token["catalog"] = catalog_of(call, access.user.id, project_id)
    return token


def _named(item: Named) -> dict[str, Any]:
    return {"id": item.id, "name": item.name, "domain": {"id": item.domain_id, "name": item.domain_name}}


ROUTES = (
    Route("POST", "/v3/auth/tokens", create_token, public=True, body=CREATE, status=201),
    Route("GET", "/v3/auth/tokens", show_token, policy=VALIDATE),
    Route("HEAD", "/v3/auth/tokens", check_token, policy=CHECK),
    Route("DELETE", "/v3/auth/tokens", revoke_token, policy=REVOKE, status=204),
)
