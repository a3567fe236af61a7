"""Signatures of EC2 requests, versions 1, 2 and 4: pure functions over what the front end saw of the request.

Sources: Amazon's published descriptions of the three versions. Compared in constant time; what is not signed decides
nothing (S-039). A request that could be read as two versions is refused, so that none can be downgraded.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from iaas.errors import Unauthenticated
from iaas.identity.tokens import REFUSED

V4 = "AWS4-HMAC-SHA256"
WINDOW = timedelta(minutes=15)  # before and after the time that the request names
_LATER = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")
_PORT = re.compile(r":[0-9]+\Z")


@dataclass(frozen=True, kw_only=True)
class SignedRequest:
    """``access`` may end in ``:project``. ``params``: of the query and of a form. ``body_hash``: hex SHA-256."""

    access: str
    signature: str = field(repr=False)
    verb: str = "GET"
    host: str = ""
    path: str = "/"
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body_hash: str = ""


@dataclass(frozen=True)
class Validity:
    """From when to when a signature is accepted."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class _Scope:
    """What a signature of version 4 is for: access key, then day, region, service and a constant."""

    access: str
    parts: tuple[str, ...]
    signed_headers: str
    moment: str


def check(request: SignedRequest, secret: str) -> Validity:
    """Whether this very secret signed the request, and how long that counts. Raises Unauthenticated."""
    version = request.params.get("SignatureVersion")
    if _is_v4(request) == (version is not None):
        raise Unauthenticated(REFUSED)
    request = replace(request, headers=_lower(request.headers))
    if version is None:
        scope = _scope(request)
        expected = {_v4(again, scope, secret) for again in _hosts(request)}
        named, moment = scope.access, scope.moment
    else:
        expected = {_old(version, again, secret) for again in _hosts(request)}
        # Without a suffix the signature itself proves the key; a suffix must be signed to be believed.
        named = request.params.get("AWSAccessKeyId") or request.access.partition(":")[0]
        moment = request.params.get("Timestamp", "")
    given = request.signature.encode()
    matches = [hmac.compare_digest(text.encode(), given) for text in expected]
    if not any(matches) or not hmac.compare_digest(named.encode(), request.access.encode()):
        raise Unauthenticated(REFUSED)
    return _validity(moment, request.params.get("X-Amz-Expires") if version is None else None)


def _is_v4(request: SignedRequest) -> bool:
    header = next((value for name, value in request.headers.items() if name.lower() == "authorization"), "")
    return header.startswith(V4) or request.params.get("X-Amz-Algorithm") == V4


def _hosts(request: SignedRequest) -> Iterator[SignedRequest]:
    """The request as it is, and without the port, which old clients leave out of what they sign."""
    yield request
    bare = _PORT.sub("", request.host)
    headers = dict(request.headers)
    if "host" in headers:
        headers["host"] = _PORT.sub("", headers["host"])
    if bare != request.host or headers != request.headers:
        yield replace(request, host=bare, headers=headers)


# Versions 1 and 2 ------------------------------------------------------------------------------------------------


def _old(version: str, request: SignedRequest, secret: str) -> str:
    params = {name: value for name, value in request.params.items() if name != "Signature"}
    method = params.get("SignatureMethod")
    if version == "1" and method in (None, "HmacSHA1"):
        text = "".join(name + params[name] for name in sorted(params, key=str.lower))
        return base64_hmac(secret, text, "sha1")
    if version == "2" and method in (None, "HmacSHA256"):
        query = _query({**params, "SignatureMethod": "HmacSHA256"})
        text = "\n".join((request.verb.upper(), request.host.lower(), request.path or "/", query))
        return base64_hmac(secret, text, "sha256")
    raise Unauthenticated(REFUSED)


def base64_hmac(secret: str, text: str, digest: str) -> str:
    """The signature of the older versions."""
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), digest).digest()).decode()


def _query(params: Mapping[str, str]) -> str:
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in params.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


# Version 4 -------------------------------------------------------------------------------------------------------


def _scope(request: SignedRequest) -> _Scope:
    header = request.headers.get("authorization", "")
    if header.startswith(V4):
        parts = dict(_LATER.findall(header))
    else:
        parts = {name: request.params.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders")}
    access, *scope = parts.get("Credential", "").split("/")
    moments = {request.headers.get("x-amz-date"), request.params.get("X-Amz-Date")} - {None}
    signed = parts.get("SignedHeaders", "")
    moment = moments.pop() if len(moments) == 1 else None
    # S3 has its own kind of request, which is none of EC2's: a signature for it is worth nothing here.
    fits = len(scope) == 4 and scope[3] == "aws4_request" and scope[2] != "s3" and bool(scope[0])
    if not fits or not moment or not moment.startswith(scope[0]) or "host" not in signed.split(";"):
        raise Unauthenticated(REFUSED)
    return _Scope(access, tuple(scope), signed, moment)


def _v4(request: SignedRequest, scope: _Scope, secret: str) -> str:
    names = scope.signed_headers.split(";")
    if not all(name in request.headers for name in names):
        raise Unauthenticated(REFUSED)
    lines = [f"{name}:{' '.join(request.headers[name].split())}" for name in names]
    in_url = request.verb.upper() != "POST"  # a form's parameters are covered by the hash of the body
    params = {name: value for name, value in request.params.items() if in_url and name != "X-Amz-Signature"}
    canonical = "\n".join(
        (request.verb.upper(), request.path or "/", _query(params), *lines, "", scope.signed_headers, request.body_hash)
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join((V4, scope.moment, "/".join(scope.parts), digest))
    return sealed(text, scope.parts, secret)


def sealed(text: str, scope: Iterable[str], secret: str) -> str:
    """The signature of version 4 of a text; ``scope``: day, region, service and a constant."""
    key = b"AWS4" + secret.encode()
    for part in scope:
        key = hmac.new(key, part.encode(), "sha256").digest()
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    lower = {name.lower().strip(): value for name, value in headers.items()}
    if len(lower) != len(headers):
        raise Unauthenticated(REFUSED)  # which of the two was signed?
    return lower


def _validity(text: str, seconds: str | None) -> Validity:
    """``seconds``: of a signed URL, which may wish for a shorter life than everything has, not for a longer one."""
    try:
        moment = datetime.fromisoformat(text)
        wish = WINDOW if seconds is None else timedelta(seconds=int(seconds[:9]))
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        return Validity(moment - WINDOW, moment + min(wish, WINDOW))
    except (ValueError, OverflowError):  # no time, or one at the end of all times
        raise Unauthenticated(REFUSED) from None
