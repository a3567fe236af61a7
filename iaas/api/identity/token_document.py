"""What a token says, as JSON."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.identity.auth import catalog_of
from iaas.api.identity.delegation.access_rules import rule_fields
from iaas.clock import iso8601_micro
from iaas.identity.methods.receipt import Receipt
from iaas.identity.service import IdentityServices
from iaas.model.identity.delegation import ApplicationCredential, Mandate
from iaas.model.token import Access, Named, ScopeKind

_ACCESS_RULES = "OpenStack-Identity-Access-Rules"  # a service says with it that it enforces them, and in which version


def document(call: Call[IdentityServices], access: Access) -> dict[str, Any]:
    claims = access.claims
    token: dict[str, Any] = {
        "methods": list(claims.methods),
        "user": {**_named(access.user), "password_expires_at": iso8601_micro(access.password_expires_at)},
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
    if access.mandate is not None:
        token |= _given(access.mandate)
    if claims.scope.kind is not ScopeKind.UNSCOPED:
        token["roles"] = [{"id": role.id, "name": role.name} for role in access.roles]
        if "nocatalog" not in call.query:
            project_id = access.project.id if access.project else None
            token["catalog"] = catalog_of(call, access.user.id, project_id)
    return token


def is_understood(call: Call[Any], access: Access) -> bool:
    """Whether who asks can take the answer for what it is: a service that knows nothing of access rules must not take
    a token that has some for a whole one."""
    given = access.mandate
    if not isinstance(given, ApplicationCredential) or given.access_rules is None:
        return True
    try:
        return float(call.headers.get(_ACCESS_RULES, "0")) >= 1.0
    except ValueError:
        return False


def receipt(found: Receipt) -> dict[str, Any]:
    """What was proven, and which methods together are enough, as published."""
    return {
        "receipt": {
            "methods": list(found.methods),
            "user": _named(found.user),
            "issued_at": f"{iso8601_micro(found.issued_at)}Z",
            "expires_at": f"{iso8601_micro(found.expires_at)}Z",
        },
        "required_auth_methods": [list(rule) for rule in found.required],
    }


def _given(mandate: Mandate) -> dict[str, Any]:
    """The part about the delegation that a token comes from."""
    if isinstance(mandate, ApplicationCredential):
        shown: dict[str, Any] = {"id": mandate.id, "name": mandate.name, "restricted": not mandate.unrestricted}
        if mandate.access_rules is not None:
            shown["access_rules"] = [rule_fields(rule) for rule in mandate.access_rules]
        return {"application_credential": shown}
    return {
        "OS-TRUST:trust": {
            "id": mandate.id,
            "impersonation": mandate.impersonation,
            "trustor_user": {"id": mandate.trustor_user_id},
            "trustee_user": {"id": mandate.trustee_user_id},
        }
    }


def _named(item: Named) -> dict[str, Any]:
    return {"id": item.id, "name": item.name, "domain": {"id": item.domain_id, "name": item.domain_name}}
