"""[security_compliance]: what passwords must be like, how long they hold, and who is let off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from iaas.clock import ManualClock
from iaas.config.sections import SecurityCompliance
from iaas.db.engine import Database
from iaas.identity.password_rules import PasswordRules
from tests.api.identity.world import ON_SYSTEM, PASSWORD, Case, World

DAY = 86400
Strict = Callable[..., World]


@pytest.fixture
def strict(database: Database, clock: ManualClock, tmp_path: Path) -> Strict:
    """A world with rules."""
    return lambda **rules: World(database, clock, tmp_path, SecurityCompliance(**rules))


def log_in(world: World, who: str, password: str, status: int, source: str = "10.0.0.1") -> Any:
    user = {"id": world.ids[who], "password": password}
    auth = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": "unscoped"}}
    answer = world.http.post("/v3/auth/tokens", json=auth, environ_overrides={"REMOTE_ADDR": source})
    assert answer.status_code == status, answer.text
    return answer.json


def change(world: World, who: str, old: str, new: str, status: int) -> str:
    body = {"user": {"original_password": old, "password": new}}
    answer = world.run(Case("nobody", "POST", f"/users/{{{who}}}/password", status, body))
    return answer.text


def test_a_password_looks_as_the_operator_wants(strict: Strict) -> None:
    world = strict(password_regex=r"^(?=.*\d).{6,}$|^secret$", password_regex_description="six signs, one a digit")
    before = world.state()
    for case in (
        Case("admin", "POST", "/users", 400, {"user": {"name": "x", "password": "letters"}}),
        Case("admin", "PATCH", "/users/{member}", 400, {"user": {"password": "s1", "description": "x"}}),
    ):
        words = world.run(case).json["error"]["message"]  # type: ignore[index]
        assert words == "The password does not match the requirements: six signs, one a digit."
    assert "six signs" in change(world, "member", PASSWORD, "letters", 400)
    assert world.state() == before, "S-048"
    change(world, "member", PASSWORD, "letters1", 204)
    log_in(world, "member", "letters1", 201)


def test_everybody_can_ask_what_a_password_must_look_like(strict: Strict) -> None:
    """Of the default domain, as published; the other numbers are the operator's business."""
    world = strict(password_regex="^.{6,}$", password_regex_description="six signs", lockout_duration=5)
    config = "/domains/default/config/security_compliance"
    shown = {"password_regex": "^.{6,}$", "password_regex_description": "six signs"}
    for case in (
        Case("member", "GET", config, 200, has=(("config", {"security_compliance": shown}),)),
        Case("unscoped", "GET", f"{config}/password_regex", 200, has=(("config", {"password_regex": "^.{6,}$"}),)),
        Case("member", "HEAD", f"{config}/password_regex_description", 200),
        Case("member", "GET", f"{config}/lockout_duration", 403),
        Case("member", "GET", "/domains/unknown/config/security_compliance", 403),
        Case("admin", "GET", "/domains/default/config/ldap", 404),
        Case("admin", "GET", "/domains/default/config/ldap/url", 404),
        Case("admin", "GET", "/domains/default/config", 404),
        Case("admin", "PATCH", "/domains/default/config/ldap", 405, {"config": {"ldap": {"url": "x"}}}),
        Case("nobody", "GET", config, 401),
    ):
        world.run(case)


def test_without_rules_a_password_may_look_like_anything(world: World) -> None:
    nothing = {"password_regex": None, "password_regex_description": None}
    path = "/domains/default/config/security_compliance"
    world.run(Case("member", "GET", path, 200, has=(("config.security_compliance", nothing),)))


def test_a_password_ends_and_its_user_renews_it(strict: Strict, clock: ManualClock) -> None:
    """The refusal says so, and only to who knows the password (S-041)."""
    world = strict(password_expires_days=30)
    shown = world.run(Case("admin", "GET", "/users/{member}", 200)).json["user"]  # type: ignore[index]
    ends = clock.now() + timedelta(days=30)
    assert shown["password_expires_at"] == f"{ends:%Y-%m-%dT%H:%M:%S.%f}"
    token = log_in(world, "member", PASSWORD, 201)["token"]
    assert token["user"]["password_expires_at"] == shown["password_expires_at"]
    let_off = {"user": {"options": {"ignore_password_expiry": True}}}
    world.run(Case("admin", "PATCH", "/users/{stranger}", 200, let_off))
    clock.advance(30 * DAY)
    told = log_in(world, "member", PASSWORD, 401)["error"]["message"]
    assert told == f"The password is expired and needs to be changed for user: {world.ids['member']}."
    assert "expired" not in log_in(world, "member", "guess", 401)["error"]["message"]
    log_in(world, "stranger", PASSWORD, 201)
    log_in(world, "admin", PASSWORD, 201)  # bootstrap's own never ends
    change(world, "member", "guess", "newer", 401)
    change(world, "member", PASSWORD, "newer", 204)
    log_in(world, "member", "newer", 201)
    log_in(world, "member", PASSWORD, 401)


def test_a_password_from_an_administrator_is_good_for_being_changed(strict: Strict) -> None:
    world = strict()
    rules = PasswordRules(SecurityCompliance(change_password_upon_first_use=True))
    world.services.users._rules = rules  # the world's people have their first use behind them
    world.ids["new"] = world.make("user", name="new", password="given")
    world.ids["free"] = world.make(
        "user", name="free", password="given", options={"ignore_change_password_upon_first_use": True}
    )
    log_in(world, "free", "given", 201)
    assert "needs to be changed" in log_in(world, "new", "given", 401)["error"]["message"]
    change(world, "new", "given", "own", 204)
    log_in(world, "new", "own", 201)
    world.run(Case("admin", "PATCH", "/users/{new}", 200, {"user": {"password": "given again"}}))
    log_in(world, "new", "given again", 401)


def test_a_password_is_kept_for_a_while_and_does_not_come_back_soon(strict: Strict, clock: ManualClock) -> None:
    world = strict(minimum_password_age=1, unique_last_password_count=3)
    change(world, "member", PASSWORD, "two", 204)  # an administrator's word need not be kept
    assert "minimum password age" in change(world, "member", "two", "three", 400)
    clock.advance(DAY)
    for again in ("two", PASSWORD):
        assert "identical to a previous password" in change(world, "member", "two", again, 400)
    change(world, "member", "two", "three", 204)
    clock.advance(DAY)
    change(world, "member", "three", PASSWORD, 204)
    kept = world.state()["identity_old_passwords"]
    assert len(kept) == 1, "no more of them than the rule needs"
    clock.advance(DAY)
    change(world, "member", PASSWORD, "three", 400)
    world.tokens["admin"] = world.token(world.ids["admin"], ON_SYSTEM)
    world.run(Case("admin", "PATCH", "/users/{member}", 200, {"user": {"password": "three"}}))
    world.run(Case("admin", "DELETE", "/users/{member}", 204))
    assert world.state()["identity_old_passwords"] == []


def test_options_are_kept_shown_and_taken_away(strict: Strict) -> None:
    world = strict()
    rules = [["password", "totp"], ["password", "custom-auth-method"]]
    options = {"lock_password": True, "multi_factor_auth_enabled": True, "multi_factor_auth_rules": rules}
    world.run(
        Case("admin", "PATCH", "/users/{member}", 200, {"user": {"options": options}}, (("user.options", options),))
    )
    assert "disallowing password changes" in change(world, "member", PASSWORD, "new", 400)
    before = world.state()
    for wrong in (
        {"lock_password": 1},
        {"multi_factor_auth_rules": [[]]},
        {"multi_factor_auth_rules": "x"},
        {"y": True},
    ):
        world.run(Case("admin", "PATCH", "/users/{member}", 400, {"user": {"options": wrong}}))
    assert world.state() == before, "S-048"
    gone = {"lock_password": None, "multi_factor_auth_rules": None, "multi_factor_auth_enabled": False}
    left = (("user.options", {"multi_factor_auth_enabled": False}),)
    world.run(Case("admin", "PATCH", "/users/{member}", 200, {"user": {"options": gone}}, left))
    change(world, "member", PASSWORD, "new", 204)


def test_a_lockout_is_of_one_address_and_ends(strict: Strict, clock: ManualClock) -> None:
    """S-042"""
    world = strict(lockout_failure_attempts=3, lockout_duration=600)
    world.run(Case("admin", "PATCH", "/users/{stranger}", 200,
                   {"user": {"options": {"ignore_lockout_failure_attempts": True}}}))  # fmt: skip
    for who in ("member", "stranger"):
        for _ in range(3):
            log_in(world, who, "guess", 401)
    log_in(world, "member", PASSWORD, 401)
    log_in(world, "member", PASSWORD, 201, source="10.0.0.2")
    log_in(world, "stranger", PASSWORD, 201)
    clock.advance(599)
    log_in(world, "member", PASSWORD, 401)
    clock.advance(1)
    log_in(world, "member", PASSWORD, 201)


def test_who_does_not_come_for_long_is_disabled(strict: Strict, clock: ManualClock) -> None:
    world = strict(disable_user_account_days_inactive=10)
    for who in ("member", "stranger"):
        log_in(world, who, PASSWORD, 201)
    world.run(Case("admin", "PATCH", "/users/{stranger}", 200, {"user": {"options": {"ignore_user_inactivity": True}}}))
    before = world.state()["identity_users"]
    log_in(world, "member", PASSWORD, 201)
    assert world.state()["identity_users"] == before, "once a day is enough"
    clock.advance(5 * DAY)
    log_in(world, "member", PASSWORD, 201)
    clock.advance(12 * DAY)
    log_in(world, "member", PASSWORD, 401)
    log_in(world, "stranger", PASSWORD, 201)
