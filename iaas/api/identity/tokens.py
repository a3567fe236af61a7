"""Tokens: POST makes one from credentials or another token, GET and HEAD check one, DELETE ends one."""

from __future__ import annotations

from datetime import timedelta

from iaas.api.call import Call
from iaas.api.identity.bodies import flag
from iaas.api.identity.rules import END_TOKEN, TOKEN
from iaas.api.identity.token_document import document, is_understood, receipt
from iaas.api.identity.token_request import CREATE, credentials, wanted
from iaas.api.route import Reply, Route, Rule
from iaas.errors import Invalid, NotFound, Unauthenticated
from iaas.identity.methods.receipt import MoreNeeded
from iaas.identity.service import IdentityServices
from iaas.model.token import GRACE, Access

_RECEIPT = "Openstack-Auth-Receipt"

VALIDATE = Rule("identity:validate_token", TOKEN)
CHECK = Rule("identity:check_token", TOKEN)
REVOKE = Rule("identity:revoke_token", END_TOKEN)


def create_token(call: Call[IdentityServices]) -> Reply:
    auth = call.body["auth"]
    given = credentials(auth["identity"], call.headers.get(_RECEIPT))
    try:
        issued = call.services.login.issue(given, wanted(auth), call.source)
    except MoreNeeded as error:
        return Reply(receipt(error.receipt), status=401, headers={_RECEIPT: error.receipt.text})
    return Reply({"token": document(call, issued.access)}, headers={"X-Subject-Token": issued.token})


def show_token(call: Call[IdentityServices]) -> Reply:
    token, access = _understood(call, VALIDATE)
    return Reply({"token": document(call, access)}, headers={"X-Subject-Token": token})


def check_token(call: Call[IdentityServices]) -> Reply:
    token, _ = _understood(call, CHECK)
    return Reply(headers={"X-Subject-Token": token})


def revoke_token(call: Call[IdentityServices]) -> None:
    """``cascade``: with all that came of the same login."""
    _, access = _subject(call, REVOKE)
    call.services.revoke(access, chain=flag(call, "cascade"))


def _understood(call: Call[IdentityServices], rule: Rule) -> tuple[str, Access]:
    """The token that the request is about; as published, who can't understand it does not find it."""
    token, access = _subject(call, rule)
    if not is_understood(call, access):
        raise NotFound("Could not find token.", resource="token")
    return token, access


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


ROUTES = (
    Route("POST", "/v3/auth/tokens", create_token, public=True, body=CREATE, status=201),
    Route("GET", "/v3/auth/tokens", show_token, policy=VALIDATE),
    Route("HEAD", "/v3/auth/tokens", check_token, policy=CHECK),
    Route("DELETE", "/v3/auth/tokens", revoke_token, policy=REVOKE, status=204),
)
