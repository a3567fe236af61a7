"""One-time codes, and users who need more than one method."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from werkzeug.test import TestResponse

from iaas.clock import ManualClock
from iaas.db.identity.nouns import USERS
from tests.api.identity.world import PASSWORD, Case, World, at

SEED = b"a seed of twenty byt"
RULES = [["password", "totp"], ["application_credential"]]


def code(clock: ManualClock, late: int = 0, seed: bytes = SEED) -> str:
    moment = int(clock.now().timestamp()) - late
    return TOTP(seed, 6, SHA1(), 30, enforce_key_length=False).generate(moment).decode()


def keep(world: World, seed: bytes = SEED) -> None:
    blob = base64.b32encode(seed).decode().rstrip("=")
    credential = {"user_id": "{member}", "type": "totp", "blob": blob}
    world.run(Case("member", "POST", "/credentials", 201, {"credential": credential}))


def need(world: World, rules: Any = RULES, enabled: bool = True) -> None:
    options = {"multi_factor_auth_enabled": enabled, "multi_factor_auth_rules": rules}
    world.services.database.run(lambda tx: USERS.update(tx, world.ids["member"], {"options": options}))


def log_in(world: World, receipt: str | None = None, user: str = "{member}", **given: str) -> TestResponse:
    """``password="…"`` and ``totp="…"``: the methods and what they are given."""
    names = {"password": "password", "totp": "passcode"}
    identity: dict[str, Any] = {"methods": list(given)}
    identity |= {name: {"user": {"id": user, names[name]: secret}} for name, secret in given.items()}
    headers = {"Openstack_Auth_Receipt": receipt} if receipt else {}
    body = {"auth": {"identity": identity, "scope": {"project": {"id": "{ours}"}}}}
    return world.request("nobody", "POST", "/auth/tokens", body, **headers)


def test_a_code_of_the_users_seed_logs_in(world: World, clock: ManualClock) -> None:
    keep(world, b"another seed")
    keep(world)
    answer = log_in(world, totp=code(clock))
    assert answer.status_code == 201
    assert at(answer.json, "token.methods") == ["totp"]
    by_name = {"methods": ["totp"], "totp": {"user": {
        "name": "member", "domain": {"id": "default"}, "passcode": code(clock, seed=b"another seed")}}}  # fmt: skip
    assert world.request("nobody", "POST", "/auth/tokens", {"auth": {"identity": by_name}}).status_code == 201


def test_a_code_is_accepted_once_and_for_one_step_after_its_own(world: World, clock: ManualClock) -> None:
    """S-039"""
    keep(world)
    clock.advance(300)
    assert log_in(world, totp=code(clock, late=60)).status_code == 401
    assert log_in(world, totp=code(clock, late=-30)).status_code == 401
    assert log_in(world, totp=code(clock, late=30)).status_code == 201
    assert log_in(world, totp=code(clock)).status_code == 201
    assert log_in(world, totp=code(clock)).status_code == 401
    clock.advance(30)
    assert log_in(world, totp=code(clock, late=30)).status_code == 401


@pytest.mark.parametrize(
    "passcode", ["000000", "", "1" * 255, "²²²²²²", "123 456"], ids=["six", "none", "many", "odd", "gap"]
)
def test_a_wrong_code_is_no_code(world: World, clock: ManualClock, passcode: str) -> None:
    """S-041, S-045"""
    keep(world, b"a seed whose code is another one")
    assert log_in(world, totp=passcode).status_code == (400 if passcode == "" else 401)
    assert log_in(world, totp=code(clock), user="{stranger}").status_code == 401
    assert log_in(world, totp=code(clock), user="0" * 32).status_code == 401


def test_guesses_at_codes_are_slowed_down_whatever_else_was_right(world: World, clock: ManualClock) -> None:
    """S-042: with a right password beside them too."""
    keep(world)
    for number in range(6):
        assert log_in(world, password=PASSWORD, totp=f"00000{number}").status_code == 401
    assert log_in(world, password=PASSWORD, totp=code(clock)).status_code == 401
    clock.advance(61)
    assert log_in(world, password=PASSWORD, totp=code(clock)).status_code == 201


def test_a_wrong_password_does_not_spend_the_code(world: World, clock: ManualClock) -> None:
    keep(world)
    assert log_in(world, password="wrong", totp=code(clock)).status_code == 401
    answer = log_in(world, password=PASSWORD, totp=code(clock))
    assert at(answer.json, "token.methods") == ["password", "totp"]


def test_who_needs_two_methods_gets_a_receipt_for_one(world: World, clock: ManualClock) -> None:
    keep(world)
    need(world)
    answer = log_in(world, password=PASSWORD)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Keystone uri=")
    assert set(answer.json or {}) == {"receipt", "required_auth_methods"}
    assert at(answer.json, "required_auth_methods") == RULES
    receipt = at(answer.json, "receipt")
    assert receipt["methods"] == ["password"]
    assert (receipt["user"]["name"], receipt["user"]["domain"]["id"]) == ("member", "default")
    assert (receipt["issued_at"], receipt["expires_at"]) == (
        "2026-01-01T00:00:00.000000Z", "2026-01-01T00:05:00.000000Z")  # fmt: skip
    text = answer.headers["Openstack-Auth-Receipt"]
    clock.advance(200)
    whole = log_in(world, receipt=text, totp=code(clock))
    assert whole.status_code == 201
    assert at(whole.json, "token.methods") == ["password", "totp"]


def test_both_methods_at_once_are_enough_and_an_exchange_remembers_them(world: World, clock: ManualClock) -> None:
    keep(world)
    need(world)
    answer = log_in(world, password=PASSWORD, totp=code(clock))
    assert answer.status_code == 201
    identity = {"methods": ["token"], "token": {"id": answer.headers["X-Subject-Token"]}}
    again = world.request("nobody", "POST", "/auth/tokens", {"auth": {"identity": identity}})
    assert at(again.json, "token.methods") == ["password", "totp", "token"]


def test_a_token_of_one_method_is_not_exchanged_once_two_are_needed(world: World) -> None:
    need(world)
    identity = {"methods": ["token"], "token": {"id": world.tokens["member"]}}
    answer = world.request("nobody", "POST", "/auth/tokens", {"auth": {"identity": identity}})
    assert answer.status_code == 401
    assert "Openstack-Auth-Receipt" not in answer.headers


@pytest.mark.parametrize(
    "options", [{"enabled": False}, {"rules": []}, {"rules": [[]]}, {"rules": [["password"], ["totp"]]}], ids=str
)
def test_without_rules_that_bind_one_method_is_enough(world: World, options: Any) -> None:
    need(world, **options)
    assert log_in(world, password=PASSWORD).status_code == 201


def test_a_receipt_helps_only_its_user_for_five_minutes_and_with_the_same_password(
    world: World, clock: ManualClock
) -> None:
    """S-033, S-036"""
    keep(world)
    need(world)
    text = log_in(world, password=PASSWORD).headers["Openstack-Auth-Receipt"]
    assert log_in(world, receipt=text, password=PASSWORD, user="{stranger}").status_code == 401
    assert log_in(world, receipt=text[:-2], totp=code(clock)).status_code == 401
    assert log_in(world, receipt=str(world.tokens["member"]), totp=code(clock, late=30)).status_code == 401
    assert world.request("nobody", "GET", "/auth/projects", X_Auth_Token=text).status_code == 401
    clock.advance(60)
    world.services.users.update_with(world.ids["member"], {}, PASSWORD + "!")
    assert log_in(world, receipt=text, totp=code(clock)).status_code == 401
    clock.advance(31)
    fresh = log_in(world, password=PASSWORD + "!").headers["Openstack-Auth-Receipt"]
    clock.advance(300)
    assert log_in(world, receipt=fresh, totp=code(clock)).status_code == 401


def test_a_disabled_user_gets_no_receipt(world: World) -> None:
    need(world)
    world.services.users.update_with(world.ids["member"], {"enabled": False}, None)
    answer = log_in(world, password=PASSWORD)
    assert answer.status_code == 401
    assert "Openstack-Auth-Receipt" not in answer.headers
