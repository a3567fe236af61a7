"""Signatures of EC2 requests. The expected ones were made by others: Amazon's published examples, botocore, and
keystoneclient's signer, which the stock front ends use."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from keystoneclient.contrib.ec2.utils import Ec2Signer

from iaas.errors import Unauthenticated
from iaas.identity.credentials.signature import SignedRequest, check

KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
EMPTY = hashlib.sha256(b"").hexdigest()
ASKED = {
    "Action": "DescribeInstances", "Version": "2016-11-15",
    "Filter.1.Name": "tag:a b/c~*'", "Filter.1.Value.1": "\u00e4\u20ac +&=",
}  # fmt: skip
OLD = {**ASKED, "AWSAccessKeyId": KEY, "SignatureVersion": "2", "SignatureMethod": "HmacSHA256",
       "Timestamp": "2026-01-01T12:00:00Z"}  # fmt: skip
SCOPE = f"{KEY}/20260101/RegionOne/ec2/aws4_request"
HOST = "cloud.example:8773"
WHERE: dict[str, Any] = {"access": KEY, "host": HOST, "path": "/services/Cloud"}


def header(signed: str, signature: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders={signed}, Signature={signature}"


def v4(signature: str, signed: str, headers: dict[str, str], **fields: Any) -> SignedRequest:
    headers = {"Host": HOST, "X-Amz-Date": "20260101T120000Z", "Authorization": header(signed, signature), **headers}
    return SignedRequest(signature=signature, headers=headers, **{**WHERE, **fields})


_URL_SIGNATURE = "37f883fa0b77fdf79acf93a164887acd2970c21c67c08fb74e882025bdbcbb83"
BOTOCORE = {
    "v2 GET": SignedRequest(signature="pNh1bbWoJ6A3wfj3M/vpLIXckWSdeyK5o3/0NClTwIA=", params=OLD, **WHERE),
    "v2 POST": SignedRequest(
        signature="q591TEp2tTQjLdwUdHe8n9Ue4qdRf5zHXlYPvSTFrSU=", params=OLD, verb="POST", **WHERE
    ),
    "v4 GET": v4(
        "74df7d833f3d8529f9425d0a3dc9d7fd5d7bd90b1c22b89fd1e9ffa4eb3cad43", "host;x-amz-date;x-note",
        {"X-Note": "  two   spaces "}, params=ASKED, body_hash=EMPTY,
    ),
    "v4 POST": v4(
        "3b3dc67179ca168a657b7d662c59b40da952d241e4ca26a90a9cd184bdbdaa37", "content-type;host;x-amz-date",
        {"Content-Type": "application/x-www-form-urlencoded"}, params=ASKED, verb="POST",
        body_hash="506793f36d60e4ccafe5d9059582930148cf3bc4fa529da4947ac8c9efc05958",
    ),
    "v4 in the URL": SignedRequest(
        signature=_URL_SIGNATURE, headers={"Host": HOST}, body_hash=EMPTY, **WHERE,
        params={**ASKED, "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": SCOPE,
                "X-Amz-Date": "20260101T120000Z", "X-Amz-Expires": "60", "X-Amz-SignedHeaders": "host",
                "X-Amz-Signature": _URL_SIGNATURE},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOTOCORE)
def test_what_botocore_signs_is_accepted(name: str) -> None:
    validity = check(BOTOCORE[name], SECRET)
    assert validity.since == NOON - timedelta(minutes=15)
    assert validity.until == NOON + (timedelta(minutes=1) if "URL" in name else timedelta(minutes=15))


def test_amazons_published_examples_are_accepted() -> None:
    """Version 2: the guide's DescribeJobFlows; version 4: the guide's ListUsers."""
    two = SignedRequest(
        access="AKIAIOSFODNN7EXAMPLE", signature="i91nKc4PWAt0JJIdXwz9HxZCJDdiy6cf/Mj6vPxyYIs=",
        host="elasticmapreduce.amazonaws.com",
        params={"AWSAccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Action": "DescribeJobFlows", "Version": "2009-03-31",
                "SignatureMethod": "HmacSHA256", "SignatureVersion": "2", "Timestamp": "2011-10-03T15:19:30"},
    )  # fmt: skip
    check(two, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    signed = "content-type;host;x-amz-date"
    scope = f"Credential={KEY}/20150830/us-east-1/iam/aws4_request"
    four = SignedRequest(
        access=KEY, signature=signature, host="iam.amazonaws.com", body_hash=EMPTY,
        params={"Action": "ListUsers", "Version": "2010-05-08"},
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Host": "iam.amazonaws.com",
                 "X-Amz-Date": "20150830T123600Z",
                 "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders={signed}, Signature={signature}"},
    )  # fmt: skip
    check(four, SECRET)


@pytest.mark.parametrize("version", ["1", "2"])
def test_what_the_stock_signer_signs_is_accepted(version: str) -> None:
    method = "HmacSHA1" if version == "1" else "HmacSHA256"
    params = {**OLD, "SignatureVersion": version, "SignatureMethod": method, "aa": "1", "Ab": "2"}
    request = {"params": dict(params), "verb": "GET", "host": "cloud.example", "path": "/"}
    signature = Ec2Signer(SECRET).generate(request)
    check(SignedRequest(access=KEY, signature=signature, host="cloud.example", params=params), SECRET)


def test_a_client_that_leaves_the_port_out_of_what_it_signs_is_accepted() -> None:
    request = {"params": dict(OLD), "verb": "GET", "host": "cloud.example", "path": "/services/Cloud"}
    signature = Ec2Signer(SECRET).generate(request)
    check(SignedRequest(signature=signature, params=OLD, **WHERE), SECRET)


def without(request: SignedRequest, name: str) -> SignedRequest:
    params = {key: value for key, value in request.params.items() if key != name}
    return replace(request, params=params)


def altered(request: SignedRequest) -> dict[str, SignedRequest]:
    """The request with one thing changed."""
    some = next(iter(request.params))
    found = {
        "signature": replace(request, signature=request.signature[:-2] + "zz"),
        "no signature": replace(request, signature=""),
        "upper case": replace(request, signature=request.signature.upper()),
        "access key": replace(request, access="OTHER"),
        "project": replace(request, access=f"{KEY}:admin"),
        "verb": replace(request, verb="DELETE"),
        "host": replace(request, host="evil.example", headers={**request.headers, "Host": "evil.example"}),
        "path": replace(request, path="/services/Admin"),
        "spaces in a name": replace(request, params={**request.params, "a b": "1"}) if request.verb == "GET" else None,
        "more parameters": replace(request, params={**request.params, "x": "1"}) if request.verb == "GET" else None,
        "a parameter": replace(request, params={**request.params, some: "x"}) if request.verb == "GET" else None,
        "body": replace(request, body_hash="0" * 64) if request.body_hash else None,
        "version 1 as well": replace(request, params={**request.params, "SignatureVersion": "1"}),
        "version 0": replace(request, params={**request.params, "SignatureVersion": "0"}),
        "version 3": replace(request, params={**request.params, "SignatureVersion": "3"}),
        "SHA-1": replace(request, params={**request.params, "SignatureVersion": "2", "SignatureMethod": "HmacSHA1"}),
        "no time": without(replace(request, headers={k: v for k, v in request.headers.items() if "Date" not in k}),
                           "X-Amz-Date" if "X-Amz-Date" in request.params else "Timestamp"),
        "a second host": replace(request, headers={**request.headers, "Host": HOST, "host": "evil.example"}),
    }  # fmt: skip
    return {name: change for name, change in found.items() if change is not None}


@pytest.mark.parametrize("name", BOTOCORE)
def test_an_altered_request_is_refused(name: str) -> None:
    """S-039: an altered header, parameter, host, path or verb, and every other version beside the real one."""
    accepted = []
    for what, request in altered(BOTOCORE[name]).items():
        try:
            check(request, SECRET)
        except Unauthenticated:
            continue
        accepted.append(what)
    assert not accepted


@pytest.mark.parametrize("name", ["v4 GET", "v4 POST"])
@pytest.mark.parametrize(
    ("headers", "drop"),
    [
        ({"X-Amz-Date": "20260101T120001Z"}, ()),
        ({"X-Amz-Date": "20260102T120000Z"}, ()),
        ({}, ("Host",)),
        ({}, ("X-Note", "Content-Type")),
        ({"Authorization": header("x-amz-date", "0" * 64)}, ()),
        ({"Authorization": "AWS4-HMAC-SHA256"}, ()),
        ({"Authorization": header("host;x-amz-date", "0" * 64).replace("/ec2/", "/s3/")}, ()),
        ({"Authorization": header("host;x-amz-date", "0" * 64).replace("/aws4_request", "")}, ()),
    ],
    ids=str,
)
def test_headers_that_are_signed_can_not_be_changed_left_out_or_unsigned(
    name: str, headers: dict[str, str], drop: tuple[str, ...]
) -> None:
    request = BOTOCORE[name]
    kept = {key: value for key, value in {**request.headers, **headers}.items() if key not in drop}
    with pytest.raises(Unauthenticated):
        check(replace(request, headers=kept), SECRET)


def test_a_signature_for_s3_is_worth_nothing_for_ec2() -> None:
    """S-039, service mix-up: signed correctly, for another service."""
    signed, scope = "host;x-amz-date", f"{KEY}/20260101/RegionOne/s3/aws4_request"
    headers = {"Host": HOST, "X-Amz-Date": "20260101T120000Z"}
    canonical = f"GET\n/services/Cloud\n\nhost:{HOST}\nx-amz-date:20260101T120000Z\n\n{signed}\n{EMPTY}"
    text = "\n".join(("AWS4-HMAC-SHA256", "20260101T120000Z", scope.partition("/")[2],
                      hashlib.sha256(canonical.encode()).hexdigest()))  # fmt: skip
    key = b"AWS4" + SECRET.encode()
    for part in scope.split("/")[1:]:
        key = hmac.new(key, part.encode(), "sha256").digest()
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    line = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={signature}"
    request = SignedRequest(signature=signature, headers={**headers, "Authorization": line}, body_hash=EMPTY, **WHERE)
    with pytest.raises(Unauthenticated):
        check(request, SECRET)


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "now", ""]
)
def test_a_time_at_the_end_of_all_times_is_refused(moment: str) -> None:
    params = {"Action": "x", "SignatureVersion": "2", "SignatureMethod": "HmacSHA256", "Timestamp": moment}
    signature = Ec2Signer(SECRET).generate({"params": dict(params), "verb": "GET", "host": "h", "path": "/"})
    with pytest.raises(Unauthenticated):
        check(SignedRequest(access=KEY, signature=signature, host="h", params=params), SECRET)


def test_the_access_key_of_version_1_may_be_suffixed_only_where_that_is_signed() -> None:
    """A-093: the project after the colon is believed when it is part of what was signed."""
    params = {"Action": "x", "SignatureVersion": "1", "Timestamp": "2026-01-01T12:00:00Z"}

    def request(params: dict[str, str]) -> SignedRequest:
        text = "".join(name + params[name] for name in sorted(params, key=str.lower))
        digest = hmac.new(SECRET.encode(), text.encode(), "sha1").digest()
        return SignedRequest(access=f"{KEY}:p", signature=base64.b64encode(digest).decode(), params=params)

    check(request({**params, "AWSAccessKeyId": f"{KEY}:p"}), SECRET)
    check(replace(request(params), access=KEY), SECRET)
    with pytest.raises(Unauthenticated):
        check(request(params), SECRET)
