"""Signatures of S3 requests, versions 2 and 4, over the text that the object service made of a request: pure functions.

The service knows which text that must be; here it is asked who signed it. Texts that are no S3 request's are refused,
so that a signature for another service is worth nothing here (S-039). Source: Amazon's published descriptions.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass, field

from iaas.errors import Unauthenticated
from iaas.identity.credentials.signature import V4, base64_hmac, sealed
from iaas.identity.tokens import REFUSED

# Verb, hash, kind, date; headers; the resource.
_OLD = re.compile(r"(GET|HEAD|PUT|POST|DELETE|OPTIONS)\n[^\n]*\n[^\n]*\n[^\n]*\n(x-amz-[^\n]*\n)*/[^\n]*")


@dataclass(frozen=True, kw_only=True)
class S3Request:
    """``text``: what was signed, in the URL-safe form of base64."""

    access: str
    signature: str = field(repr=False)
    text: str = field(repr=False)


def check_s3(request: S3Request, secret: str) -> None:
    """Whether this very secret signed the text. Raises Unauthenticated."""
    try:
        text = base64.b64decode(request.text.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise Unauthenticated(REFUSED) from None
    expected = _v4(text, secret) if text.startswith(V4) else _v2(text, secret)
    if not hmac.compare_digest(expected.encode(), request.signature.encode()):
        raise Unauthenticated(REFUSED)


def _v4(text: str, secret: str) -> str:
    lines = text.split("\n")
    scope = lines[2].split("/") if len(lines) == 4 and lines[0] == V4 else []
    if len(scope) != 4 or scope[2:] != ["s3", "aws4_request"] or not lines[1].startswith(scope[0]):
        raise Unauthenticated(REFUSED)
    return sealed(text, scope, secret)


def _v2(text: str, secret: str) -> str:
    if not _OLD.fullmatch(text):
        raise Unauthenticated(REFUSED)
    return base64_hmac(secret, text, "sha1")
