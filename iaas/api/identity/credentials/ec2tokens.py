"""/v3/ec2tokens: a service hands in a signed EC2 request and gets its sender's token. Never for everybody: whoever saw
a request pass by could ask (S-039)."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.identity.token_document import document
from iaas.api.route import SERVICE, Reply, Route, Rule
from iaas.api.schema import obj
from iaas.errors import Invalid, Unauthenticated
from iaas.identity.credentials.signature import SignedRequest
from iaas.identity.service import IdentityServices
from iaas.identity.tokens import REFUSED

_TEXT = {"type": "string", "maxLength": 4096}
_LONG = {"type": "string", "maxLength": 65536}
_TEXTS = {"type": "object", "maxProperties": 1024, "additionalProperties": _LONG}
_REQUEST = obj({
    "access": _TEXT, "signature": _TEXT, "host": _TEXT, "verb": _TEXT, "path": _LONG, "params": _TEXTS,
    "headers": _TEXTS, "body_hash": {"type": ["string", "null"], "maxLength": 128},
}, extra=True)  # fmt: skip
NAMES = ("credentials", "credential", "ec2Credentials")  # what clients have called it over the years
CREATE = obj(dict.fromkeys(NAMES, _REQUEST))


def create_token(call: Call[IdentityServices]) -> Reply:
    given = presented(call)
    fields = {name: value for name, value in given.items() if name in SignedRequest.__annotations__}
    issued = call.services.ec2.exchange(SignedRequest(**{**fields, "body_hash": given.get("body_hash") or ""}))
    return Reply({"token": document(call, issued.access)}, headers={"X-Subject-Token": issued.token})


def presented(call: Call[Any]) -> dict[str, Any]:
    """What of the request was handed in, with an access key and a signature."""
    given = next((call.body[name] for name in NAMES if name in call.body), None)
    if given is None:
        raise Invalid("request must include a request body", field="credentials")
    if "access" not in given or "signature" not in given:
        raise Unauthenticated(REFUSED)
    return dict(given)


_VALIDATE = Rule("identity:ec2tokens_validate", SERVICE)
ROUTES: tuple[Any, ...] = (Route("POST", "/v3/ec2tokens", create_token, policy=_VALIDATE, body=CREATE),)
