"""POST /v3/s3tokens: whose S3 request a service has."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from botocore.auth import HmacV1Auth, S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from werkzeug.test import TestResponse

from tests.api.identity.test_ec2 import PAIRS, app_token, made_pair
from tests.api.identity.test_ec2 import signed as signed_for_ec2
from tests.api.identity.world import Case, World, at

WHEN = "20260101T000000Z"
OLD = "GET\n\n\nThu, 01 Jan 2026 00:00:00 GMT\nx-amz-acl:private\n/bucket/object?acl"


@pytest.fixture
def pair(world: World) -> dict[str, Any]:
    return made_pair(world, "member", "ours")


def handed_in(pair: dict[str, Any], text: str, signature: str) -> dict[str, Any]:
    """As Swift's s3token filter asks."""
    return {"access": pair["access"], "signature": signature, "token": base64.urlsafe_b64encode(text.encode()).decode()}


def newest(pair: dict[str, Any], service: str = "s3") -> dict[str, Any]:
    """A request of botocore's signer, version 4."""
    signer = S3SigV4Auth(Credentials(pair["access"], pair["secret"]), service, "RegionOne")
    request = AWSRequest("GET", "http://s3.example/bucket/a%20b?versions", headers={"X-Amz-Content-SHA256": "e" * 64})
    request.context["timestamp"] = WHEN
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return handed_in(pair, text, signer.signature(text, request))


def older(pair: dict[str, Any], text: str = OLD) -> dict[str, Any]:
    """A request of botocore's signer, version 2."""
    return handed_in(pair, text, HmacV1Auth(Credentials(pair["access"], pair["secret"])).sign_string(text))


def ask(world: World, request: dict[str, Any], who: str = "service", name: str = "credentials") -> TestResponse:
    return world.request(who, "POST", "/s3tokens", {name: request})


@pytest.mark.parametrize("sign", [newest, older])
def test_a_service_learns_who_signed_a_request_as_often_as_it_asks(
    world: World, pair: dict[str, Any], sign: Any
) -> None:
    """Equal requests of one second are signed equally, and all are served; a signed URL is good for days."""
    for _ in range(2):
        answer = ask(world, sign(pair))
        assert answer.status_code == 200, answer.text
        token = at(answer.json, "token")
        assert (token["user"]["id"], token["project"]["id"]) == (world.ids["member"], world.ids["ours"])
        assert {role["name"] for role in token["roles"]} == {"member", "reader"}
        assert "X-Subject-Token" not in answer.headers


def test_only_a_service_may_ask(world: World, pair: dict[str, Any]) -> None:
    """S-039 (CVE-2025-65073)"""
    assert ask(world, newest(pair), "nobody").status_code == 401
    for who in ("member", "stranger", "unscoped", "system_reader"):
        assert ask(world, newest(pair), who).status_code == 403


def wrong(world: World, pair: dict[str, Any]) -> dict[str, dict[str, Any]]:
    good, other = newest(pair), made_pair(world, "stranger", "theirs")
    ec2 = signed_for_ec2(world, pair)
    text = base64.urlsafe_b64encode(b"AWS4-HMAC-SHA256\nnonsense").decode()
    return {
        "another signature": {**good, "signature": "0" * 64},
        "another text": {**good, "token": older(pair)["token"]},
        "another user's key": {**good, "access": other["access"]},
        "an unknown key": {**good, "access": "unknown"},
        "a suffix that nobody signed": {**good, "access": f"{pair['access']}:{world.ids['ours']}"},
        "no base64": {**good, "token": "%%%%"},
        "no text": {**good, "token": base64.urlsafe_b64encode(b"\xff\xfe").decode()},
        "not the form of version 4": {**good, "token": text},
        "signed for another service": newest(pair, "ec2"),
        "not what S3 signs": older(pair, "ActionDescribeInstancesTimestamp2026-01-01T00:00:00Z"),
        "an EC2 request": {"access": pair["access"], "signature": ec2["signature"], "token": good["token"]},
        "without a text": {"access": pair["access"], "signature": good["signature"]},
        "without a signature": {"access": pair["access"], "token": good["token"]},
        "empty": {},
    }


def test_whatever_is_wrong_is_the_same_401(world: World, pair: dict[str, Any]) -> None:
    """S-039, S-041"""
    for why, request in wrong(world, pair).items():
        answer = ask(world, request)
        assert answer.status_code == 401, why
        assert at(answer.json, "error.message") == "The request you have made requires authentication.", why
    world.run(Case("service", "POST", "/s3tokens", 400, {}))
    world.run(Case("service", "POST", "/s3tokens", 400, {"credentials": {"access": 5}}))
    world.run(Case("service", "GET", "/s3tokens", 405))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/users/{member}/credentials/OS-EC2/{a}", None),
        ("PATCH", "/users/{member}", {"user": {"enabled": False}}),
        ("PATCH", "/projects/{ours}", {"project": {"enabled": False}}),
        ("DELETE", "/projects/{ours}/users/{member}/roles/{role_member}", None),
    ],
)
def test_it_ends_with_what_it_rests_on(world: World, pair: dict[str, Any], method: str, path: str, body: Any) -> None:
    """S-030"""
    world.ids["a"] = pair["access"]
    request = newest(pair)
    assert ask(world, request).status_code == 200
    assert world.request("admin", method, path, body).status_code in (200, 204)
    assert ask(world, request).status_code == 401


def test_access_rules_are_not_lost_on_the_way(world: World) -> None:
    """S-036: a service that does not enforce them gets no answer for the pair of a credential that has some."""
    rule = {"service": "identity", "method": "POST", "path": "/v3/users/*/credentials/OS-EC2"}
    app_token(world, unrestricted=True, access_rules=[rule])
    bound = at(world.run(Case("app", "POST", PAIRS, 201, {"tenant_id": "{ours}"})).json, "credential")
    assert ask(world, newest(bound)).status_code == 401
    sent = {"OpenStack_Identity_Access_Rules": "1.0"}
    answer = world.request("service", "POST", "/s3tokens", {"credentials": newest(bound)}, **sent)
    assert answer.status_code == 200
    assert at(answer.json, "token.application_credential.access_rules.0.path") == rule["path"]
