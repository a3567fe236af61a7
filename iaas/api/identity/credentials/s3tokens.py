"""/v3/s3tokens: an object service asks whose signed S3 request it has. Not for everybody, and without a token in the
answer: whoever saw a request pass by could ask (S-039)."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.identity.credentials.ec2tokens import NAMES, presented
from iaas.api.identity.token_document import document, is_understood
from iaas.api.route import SERVICE, Route, Rule
from iaas.api.schema import obj
from iaas.errors import Unauthenticated
from iaas.identity.credentials.s3_signature import S3Request
from iaas.identity.service import IdentityServices
from iaas.identity.tokens import REFUSED

_TEXT = {"type": "string", "maxLength": 4096}
_REQUEST = obj({"access": _TEXT, "signature": _TEXT, "token": {"type": "string", "maxLength": 65536}}, extra=True)
CREATE = obj(dict.fromkeys(NAMES, _REQUEST))


def recognize(call: Call[IdentityServices]) -> dict[str, Any]:
    """``token``: the text that was signed, as S3 has it, in the URL-safe form of base64."""
    given = presented(call)
    if "token" not in given:
        raise Unauthenticated(REFUSED)
    request = S3Request(access=given["access"], signature=given["signature"], text=given["token"])
    access = call.services.ec2.recognize(request)
    if not is_understood(call, access):
        raise Unauthenticated(REFUSED)  # S-036
    return {"token": document(call, access)}


_VALIDATE = Rule("identity:s3tokens_validate", SERVICE)
ROUTES = (Route("POST", "/v3/s3tokens", recognize, policy=_VALIDATE, body=CREATE),)
