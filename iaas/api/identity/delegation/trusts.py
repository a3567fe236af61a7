"""/v3/OS-TRUST/trusts: made by the trustor, seen by the two that it is between, deleted by the trustor."""

from __future__ import annotations

from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import ID, filters
from iaas.api.identity.delegation.application_credentials import EXPIRES_AT, ROLES, role_names
from iaas.api.identity.listing import links, paged
from iaas.api.identity.roles import show_role
from iaas.api.identity.rules import END_TRUST, MAKE_TRUST, SEE_GIVEN, SEE_RECEIVED, SEE_TRUST
from iaas.api.paging import moment
from iaas.api.route import Route, Rule
from iaas.api.schema import wrapped
from iaas.clock import iso8601_micro
from iaas.errors import Forbidden, NotFound
from iaas.identity.service import IdentityServices
from iaas.identity.trusts import NewTrust
from iaas.model.identity.delegation import Trust
from iaas.model.role import Role

_COUNT = {"type": ["integer", "null"], "minimum": 0, "maximum": 2**31 - 1}
CREATE = wrapped("trust", {
    "trustor_user_id": ID,
    "trustee_user_id": ID,
    "impersonation": {"type": "boolean"},
    "project_id": {**ID, "type": ["string", "null"]},
    "remaining_uses": {**_COUNT, "minimum": 1},
    "expires_at": EXPIRES_AT,
    "allow_redelegation": {"type": ["boolean", "null"]},
    "redelegation_count": _COUNT,
    "roles": ROLES,
}, ("trustor_user_id", "trustee_user_id", "impersonation"))  # fmt: skip

_SEE = Rule("identity:get_trust", SEE_TRUST)
_GIVEN = Rule("identity:list_trusts_for_trustor", SEE_GIVEN)
_RECEIVED = Rule("identity:list_trusts_for_trustee", SEE_RECEIVED)


def _about(call: Call[IdentityServices]) -> dict[str, Any]:
    """Of a route's ``about``: whose trust it is. Raises NotFound, for one of others as for none."""
    trust, _ = call.services.trusts.get(call.path["trust_id"])
    target = _ends(trust.trustor_user_id, trust.trustee_user_id)
    if not call.allows(_SEE.name, target):
        raise NotFound.of("trust", trust.id)
    return target


def _ends(trustor: str, trustee: str) -> dict[str, Any]:
    return {"target.trust.trustor_user_id": trustor, "target.trust.trustee_user_id": trustee}


def _asked(call: Call[IdentityServices]) -> dict[str, Any]:
    """Of the list: whose trusts; without a filter, everybody's."""
    return _ends(call.query.get("trustor_user_id", "-"), call.query.get("trustee_user_id", "-"))


def _wanted(call: Call[IdentityServices]) -> dict[str, Any]:
    body = call.body["trust"]
    return _ends(body["trustor_user_id"], body["trustee_user_id"])


def _show(call: Call[Any], trust: Trust) -> dict[str, Any]:
    path = f"{call.base_url}/v3/OS-TRUST/trusts/{trust.id}"
    expires = iso8601_micro(trust.expires_at)
    return {
        "id": trust.id,
        "trustor_user_id": trust.trustor_user_id,
        "trustee_user_id": trust.trustee_user_id,
        "project_id": trust.project_id,
        "impersonation": trust.impersonation,
        "expires_at": f"{expires}Z" if expires else None,
        "deleted_at": None,
        "remaining_uses": trust.remaining_uses,
        "redelegated_trust_id": trust.redelegated_trust_id,
        "redelegation_count": trust.redelegation_count,
        "links": {"self": path},
    }


def _whole(call: Call[Any], trust: Trust, roles: list[Role]) -> dict[str, Any]:
    shown = _show(call, trust)
    its_links = {"self": f"{shown['links']['self']}/roles", "next": None, "previous": None}
    return {"trust": {**shown, "roles": [show_role(call, role) for role in roles], "roles_links": its_links}}


def list_trusts(call: Call[IdentityServices]) -> dict[str, Any]:
    """Everybody's, or those that one user gave or received; with both filters, either is enough to ask."""
    equals = filters(call, "trustor_user_id", "trustee_user_id")
    asks = [rule for rule, name in ((_GIVEN, "trustor_user_id"), (_RECEIVED, "trustee_user_id")) if name in equals]
    if asks and not any(call.allows(rule.name, _asked(call)) for rule in asks):
        call.enforce(asks[0].name, _asked(call))
    return paged(call, "trusts", partial(call.services.trusts.page, equals), _show)


def get_trust(call: Call[IdentityServices]) -> dict[str, Any]:
    return _whole(call, *call.services.trusts.get(call.path["trust_id"]))


def create_trust(call: Call[IdentityServices]) -> dict[str, Any]:
    body = call.body["trust"]
    _check_unrestricted(call)
    new = NewTrust(
        trustor_user_id=body["trustor_user_id"],
        trustee_user_id=body["trustee_user_id"],
        impersonation=body["impersonation"],
        project_id=body.get("project_id"),
        roles=role_names(body.get("roles", ())),
        expires_at=moment(body, "expires_at"),
        remaining_uses=body.get("remaining_uses"),
        allow_redelegation=bool(body.get("allow_redelegation")),
        redelegation_count=body.get("redelegation_count"),
    )
    asker = call.services.validator.access(call.token or "", fresh=True)
    return _whole(call, *call.services.trusts.create(asker, new))


def delete_trust(call: Call[IdentityServices]) -> None:
    _check_unrestricted(call)
    trust, _ = call.services.trusts.get(call.path["trust_id"])
    if call.context.trust_id not in (None, trust.id, trust.redelegated_trust_id):
        raise Forbidden("A token of a trust ends that trust, or what was handed on from it.")  # S-037
    call.services.trusts.delete(trust.id)


def list_roles(call: Call[IdentityServices]) -> dict[str, Any]:
    _, roles = call.services.trusts.get(call.path["trust_id"])
    return {"roles": [show_role(call, role) for role in roles], "links": links(call)}


def get_role(call: Call[IdentityServices]) -> dict[str, Any]:
    _, roles = call.services.trusts.get(call.path["trust_id"])
    for role in roles:
        if role.id == call.path["role_id"]:
            return {"role": show_role(call, role)}
    raise NotFound.of("role", call.path["role_id"])


def _check_unrestricted(call: Call[Any]) -> None:
    """A token of a trust may hand it on; that of a restricted application credential may not give anything (S-036)."""
    if call.context.restricted:
        raise Forbidden("A restricted application credential can't manage trusts.")


_ALL, _ONE = "/v3/OS-TRUST/trusts", "/v3/OS-TRUST/trusts/<trust_id>"
ROUTES = (
    Route("GET", _ALL, list_trusts, policy=Rule("identity:list_trusts", SEE_TRUST), about=_asked,
          also=(_GIVEN, _RECEIVED)),
    Route("POST", _ALL, create_trust, policy=Rule("identity:create_trust", MAKE_TRUST), about=_wanted,
          body=CREATE, status=201),
    Route("GET", _ONE, get_trust, policy=_SEE, about=_about),
    Route("DELETE", _ONE, delete_trust, policy=Rule("identity:delete_trust", END_TRUST), about=_about, status=204),
    Route("GET", f"{_ONE}/roles", list_roles, policy=Rule("identity:list_roles_for_trust", SEE_TRUST), about=_about),
    Route("GET", f"{_ONE}/roles/<role_id>", get_role, policy=Rule("identity:get_role_for_trust", SEE_TRUST),
          about=_about),
)  # fmt: skip
