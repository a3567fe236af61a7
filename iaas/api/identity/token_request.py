"""What POST /v3/auth/tokens reads: the methods with their credentials, and the scope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.identity.bodies import PASSWORD
from iaas.api.schema import obj
from iaas.errors import Invalid, Unauthenticated
from iaas.identity.login import AppSecret, Credentials, Passcode, Wanted
from iaas.model.token import ScopeKind
from iaas.model.user import Reference

_TEXT = {"type": "string", "minLength": 1, "maxLength": 255}
_DOMAIN = obj({"id": _TEXT, "name": _TEXT}) | {"minProperties": 1}
_OWNED = {"id": _TEXT, "name": _TEXT, "domain": _DOMAIN}
_SCOPE = obj({
    "project": obj(_OWNED) | {"minProperties": 1},
    "domain": _DOMAIN,
    "system": obj({"all": {"enum": [True]}}, ("all",)),
    "unscoped": {"type": "object"},
    "OS-TRUST:trust": obj({"id": _TEXT}, ("id",)),
}) | {"minProperties": 1, "maxProperties": 1}  # fmt: skip
# What each method that is offered needs; one more is one more line here and one file in iaas/identity/methods.
_METHODS = {
    "password": obj({"user": obj({**_OWNED, "password": PASSWORD}, ("password",))}, ("user",)),
    "token": obj({"id": {"type": "string", "minLength": 1, "maxLength": 4096}}, ("id",)),
    "totp": obj({"user": obj({**_OWNED, "passcode": _TEXT}, ("passcode",))}, ("user",)),
    "application_credential": obj({"id": _TEXT, "name": _TEXT, "user": obj(_OWNED), "secret": PASSWORD}, ("secret",)),
}
_NAMES = {"type": "array", "minItems": 1, "maxItems": 16, "items": _TEXT}
_IDENTITY = obj({"methods": _NAMES, **_METHODS}, ("methods",), extra=True)
_AUTH = {"identity": _IDENTITY, "scope": {"anyOf": [_SCOPE, {"enum": ["unscoped"]}]}}
CREATE = obj({"auth": obj(_AUTH, ("identity",))}, ("auth",))


def credentials(identity: Mapping[str, Any], receipt: str | None) -> Credentials:
    """Each method once, however often it is named (S-044); one that is not offered authenticates nobody."""
    methods = set(identity["methods"])
    if not methods <= _METHODS.keys():
        raise Unauthenticated("Attempted to authenticate with an unsupported method.")
    for method in methods:
        if method not in identity:
            raise Invalid(f"Expecting to find {method} in identity.", field=f"auth.identity.{method}")
    given = {method: identity[method] for method in methods}
    user = given["password"]["user"] if "password" in given else None
    one = given["totp"]["user"] if "totp" in given else None
    return Credentials(
        user=_reference(user, "user") if user else None,
        password=user["password"] if user else None,
        token=given["token"]["id"] if "token" in given else None,
        application_credential=_secret(given["application_credential"]) if "application_credential" in given else None,
        passcode=Passcode(user=_reference(one, "user"), code=one["passcode"]) if one else None,
        receipt=receipt,
    )


def wanted(auth: Mapping[str, Any]) -> Wanted:
    scope = auth.get("scope")
    if scope is None:
        return Wanted()
    if "unscoped" in scope:
        return Wanted(kind=ScopeKind.UNSCOPED)
    if "OS-TRUST:trust" in scope:
        return Wanted(trust_id=scope["OS-TRUST:trust"]["id"])
    if "project" in scope:
        return Wanted(kind=ScopeKind.PROJECT, reference=_reference(scope["project"], "project"))
    if "domain" in scope:
        domain = scope["domain"]
        return Wanted(kind=ScopeKind.DOMAIN, reference=Reference(id=domain.get("id"), name=domain.get("name")))
    return Wanted(kind=ScopeKind.SYSTEM)


def _secret(given: Mapping[str, Any]) -> AppSecret:
    """By id, or by name and user. A user without a name or id beside an id says nothing and is left out."""
    user = _reference(given["user"], "user") if given.get("user") else None
    if "id" not in given and (user is None or "name" not in given):
        raise Invalid("An application credential is named by its id, or by its name and user.",
                      field="auth.identity.application_credential")  # fmt: skip
    return AppSecret(secret=given["secret"], id=given.get("id"), name=given.get("name"), user=user)


def _reference(given: Mapping[str, Any], noun: str) -> Reference:
    """By id, or by name and domain; an id makes the rest superfluous."""
    if "id" in given:
        return Reference(id=given["id"])
    if "name" not in given or "domain" not in given:
        missing = "domain" if "name" in given else "id or name"
        raise Invalid(f"Expecting to find {missing} in {noun}.", field=f"{noun}.{missing}")
    return Reference(name=given["name"], domain_id=given["domain"].get("id"), domain_name=given["domain"].get("name"))
