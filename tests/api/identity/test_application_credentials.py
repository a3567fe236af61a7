"""/v3/users/<id>/application_credentials and access_rules, and the tokens that come of them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from werkzeug.test import TestResponse

from iaas.clock import ManualClock
from tests.api.identity.world import PASSWORD, Case, World, at

MINE = "/users/{member}/application_credentials"


def make(world: World, who: str = "member", **fields: Any) -> Any:
    """A credential of the member (or of whose token it is), as answered; its id is ``{app}`` from now on."""
    owner = who if who in world.ids else "member"
    path = f"/users/{{{owner}}}/application_credentials"
    answer = world.request(who, "POST", path, {"application_credential": {"name": "robot", **fields}})
    assert answer.status_code == 201, answer.text
    made = at(answer.json, "application_credential")
    world.ids["app"] = made["id"]
    return made


def post(world: World, given: Any, scope: Any = None, **more: Any) -> TestResponse:
    identity = {"methods": ["application_credential"], "application_credential": given, **more}
    return world.request("nobody", "POST", "/auth/tokens", {
        "auth": {"identity": identity, **({} if scope is None else {"scope": scope})}})  # fmt: skip


def log_in(world: World, made: Any) -> Any:
    """A token of the credential as the persona ``robot``; the token's document."""
    answer = post(world, {"id": made["id"], "secret": made["secret"]})
    assert answer.status_code == 201, answer.text
    world.tokens["robot"] = answer.headers["X-Subject-Token"]
    return at(answer.json, "token")


def test_a_credential_has_the_tokens_roles_and_shows_its_secret_once(world: World) -> None:
    made = make(world, description="for the backup")
    assert len(made["secret"]) == 86
    assert (made["name"], made["project_id"], made["unrestricted"]) == ("robot", world.ids["ours"], False)
    assert made["expires_at"] is None
    assert sorted(role["name"] for role in made["roles"]) == ["member", "reader"]
    assert "access_rules" not in made
    shown = {name: value for name, value in made.items() if name != "secret"}
    world.run(Case("member", "GET", f"{MINE}/{{app}}", 200, has=(("application_credential", shown),)))
    world.run(Case("member", "GET", MINE, 200, has=(("application_credentials", [shown]),)))
    world.run(Case("member", "GET", f"{MINE}?name=other", 200, has=(("application_credentials", []),)))
    assert made["secret"] not in str(world.state())


def test_its_token_is_for_its_project_and_says_where_it_comes_from(world: World) -> None:
    made = make(world, roles=[{"name": "reader"}], unrestricted=True)
    token = log_in(world, made)
    assert token["methods"] == ["application_credential"]
    assert token["project"]["id"] == world.ids["ours"]
    assert [role["name"] for role in token["roles"]] == ["reader"]
    assert token["application_credential"] == {"id": made["id"], "name": "robot", "restricted": False}
    caller = world.facade.authenticate(world.tokens["robot"] or "")
    assert (caller.application_credential_id, caller.restricted, caller.access_rules) == (made["id"], False, None)


def test_an_empty_list_of_access_rules_narrows_nothing(world: World) -> None:
    """The stock command sends it whenever no rules are wished for."""
    made = make(world, access_rules=[])
    assert "access_rules" not in made
    assert "access_rules" not in log_in(world, made)["application_credential"]
    world.run(Case("robot", "GET", "/auth/projects", 200))


def test_an_implied_role_comes_with_the_one_that_implies_it(world: World) -> None:
    token = log_in(world, make(world, roles=[{"id": world.ids["role_member"]}]))
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]


@pytest.mark.parametrize(
    "user",
    [
        {"id": "{member}"},
        {"name": "member", "domain": {"id": "default"}},
        {"name": "member", "domain": {"name": "Default"}},
    ],
    ids=["id", "domain id", "domain name"],
)
def test_it_is_found_by_its_name_and_user_too(world: World, user: Any) -> None:
    made = make(world)
    assert post(world, {"name": "robot", "user": user, "secret": made["secret"]}).status_code == 201
    assert post(world, {"id": made["id"], "user": user, "secret": made["secret"]}).status_code == 201


WRONG: list[dict[str, Any]] = [
    {"secret": "wrong"},
    {"id": "0" * 32},
    {"user": {"id": "{stranger}"}},
    {"user": {"id": "0" * 32}},
    {"id": None, "name": "robot", "user": {"id": "{stranger}"}},
    {"id": None, "name": "other", "user": {"id": "{member}"}},
]


def test_whatever_is_wrong_with_it_the_answer_is_the_same(world: World, clock: ManualClock) -> None:
    """S-036, S-041: also a user that is not the credential's."""
    made = make(world)
    for wrong in WRONG:
        given = {"id": made["id"], "secret": made["secret"]} | wrong
        answer = post(world, {name: value for name, value in given.items() if value is not None})
        assert answer.status_code == 401, wrong
        assert at(answer.json, "error.message") == "The request you have made requires authentication."
        clock.advance(61)


def test_a_chosen_secret_counts_to_its_last_byte(world: World) -> None:
    """S-043: bcrypt alone would look at 72 bytes."""
    secret = "s" * 72 + "-the rest"
    made = make(world, secret=secret)
    assert made["secret"] == secret
    assert post(world, {"id": made["id"], "secret": secret}).status_code == 201
    assert post(world, {"id": made["id"], "secret": secret[:72] + "-another"}).status_code == 401
    assert post(world, {"id": made["id"], "secret": secret[:72]}).status_code == 401
    assert post(world, {"id": made["id"], "secret": "s" * 5000}).status_code == 400


def test_a_scope_may_be_named_but_no_other_one(world: World) -> None:
    made = make(world)
    given = {"id": made["id"], "secret": made["secret"]}
    assert post(world, given, {"project": {"id": "{ours}"}}).status_code == 201
    for scope in (
        {"project": {"id": "{theirs}"}},
        {"system": {"all": True}},
        {"domain": {"id": "default"}},
        "unscoped",
    ):
        assert post(world, given, scope).status_code == 401


def test_a_rescoped_token_stays_what_it_is(world: World) -> None:
    """S-036: a token of a credential is not exchanged for one of its user."""
    log_in(world, make(world, roles=[{"name": "reader"}], access_rules=RULES))
    for scope, status in (({"project": {"id": "{ours}"}}, 201), ({"project": {"id": "{theirs}"}}, 401), (None, 201)):
        identity = {"methods": ["token"], "token": {"id": world.tokens["robot"]}}
        body = {"auth": {"identity": identity, **({"scope": scope} if scope else {})}}
        answer = world.request("nobody", "POST", "/auth/tokens", body)
        assert answer.status_code == status
        if status == 201:
            assert at(answer.json, "token.application_credential.restricted") is True
            assert at(answer.json, "token.application_credential.access_rules.#") == 3
            assert at(answer.json, "token.roles.*.name") == ["reader"]
            assert at(answer.json, "token.methods") == ["application_credential", "token"]


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({}, 400),
    ({"name": ""}, 400),
    ({"name": "x", "roles": [{"name": "admin"}]}, 400),
    ({"name": "x", "roles": [{}]}, 400),
    ({"name": "x", "roles": [{"id": "{role_admin}"}]}, 400),
    ({"name": "x", "expires_at": "2020-01-01T00:00:00"}, 400),
    ({"name": "x", "expires_at": "soon"}, 400),
    ({"name": "x", "expires_at": "9999-12-31T23:59:59-23:00"}, 400),
    ({"name": "x", "secret": ""}, 400),
    ({"name": "x", "project_id": "{theirs}"}, 400),
    ({"name": "x", "user_id": "{stranger}"}, 400),
    ({"name": "x", "access_rules": [{"path": "v2.1", "method": "GET", "service": "compute"}]}, 400),
    ({"name": "x", "access_rules": [{"path": "/v2.1", "method": "LOOK", "service": "compute"}]}, 400),
    ({"name": "x", "access_rules": [{"path": "/v2.1", "method": "GET"}]}, 400),
    ({"name": "x", "access_rules": [{"id": "nobodys"}]}, 404),
    ({"name": "robot"}, 409),
]


def test_what_is_wrong_is_refused_and_leaves_nothing(world: World) -> None:
    make(world)
    before = world.state()
    for body, status in REFUSED:
        world.run(Case("member", "POST", MINE, status, {"application_credential": body}))
    assert world.state() == before


def test_an_unscoped_or_system_token_makes_none(world: World) -> None:
    world.run(Case("unscoped", "POST", "/users/{unscoped}/application_credentials", 400,
                   {"application_credential": {"name": "x"}}))  # fmt: skip


def test_only_the_owner_makes_one_and_an_administrator_may_look_and_delete(world: World) -> None:
    """S-036"""
    make(world)
    one = f"{MINE}/{{app}}"
    for case in (
        Case("stranger", "GET", one, 403),
        Case("stranger", "GET", MINE, 403),
        Case("stranger", "DELETE", one, 403),
        Case("stranger", "GET", "/users/{stranger}/application_credentials/{app}", 404),
        Case("stranger", "DELETE", "/users/{stranger}/application_credentials/{app}", 404),
        Case("stranger", "POST", MINE, 403, {"application_credential": {"name": "x"}}),
        Case("admin", "POST", MINE, 403, {"application_credential": {"name": "x"}}),
        Case("member", "PATCH", one, 405, {"application_credential": {"name": "x"}}),
        Case("admin", "GET", one, 200),
        Case("system_reader", "GET", MINE, 200, has=(("application_credentials.*.id", ["{app}"]),)),
        Case("system_reader", "DELETE", one, 403),
        Case("admin", "DELETE", one, 204),
        Case("admin", "DELETE", one, 404),
        Case("admin", "GET", one, 404),
    ):
        world.run(case)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", MINE, {"application_credential": {"name": "another"}}),
        ("DELETE", f"{MINE}/{{app}}", None),
        ("DELETE", "/users/{member}/access_rules/none", None),
        ("POST", "/credentials", {"credential": {"user_id": "{member}", "type": "totp", "blob": "x"}}),
    ],
    ids=["make", "delete", "rule", "credential"],
)
def test_a_restricted_one_can_not_make_what_outlives_it(world: World, method: str, path: str, body: Any) -> None:
    """S-036"""
    log_in(world, make(world))
    before = world.state()
    world.run(Case("robot", method, path, 403, body))
    assert world.state() == before


def test_an_unrestricted_one_makes_others_with_no_more_than_its_roles(world: World) -> None:
    """S-036"""
    log_in(world, make(world, unrestricted=True, roles=[{"name": "reader"}]))
    world.run(
        Case("robot", "POST", MINE, 400, {"application_credential": {"name": "x", "roles": [{"name": "member"}]}})
    )
    answer = world.run(Case("robot", "POST", MINE, 201, {"application_credential": {"name": "x"}}))
    assert at(answer.json, "application_credential.roles.*.name") == ["reader"]


def test_one_that_expires_takes_its_tokens_along(world: World, clock: ManualClock) -> None:
    made = make(world, expires_at="2026-01-01T00:10:00")
    assert made["expires_at"] == "2026-01-01T00:10:00.000000"
    assert log_in(world, made)["expires_at"] == "2026-01-01T00:10:00.000000Z"
    clock.advance(600)
    assert world.request("robot", "GET", MINE).status_code == 401
    assert post(world, {"id": made["id"], "secret": made["secret"]}).status_code == 401


def test_guesses_at_a_secret_are_slowed_down(world: World, clock: ManualClock) -> None:
    """S-042"""
    made = make(world)
    for _ in range(6):
        assert post(world, {"id": made["id"], "secret": "guess"}).status_code == 401
    assert post(world, {"id": made["id"], "secret": made["secret"]}).status_code == 401
    clock.advance(61)
    assert post(world, {"id": made["id"], "secret": made["secret"]}).status_code == 201


RULES = [
    {"service": "identity", "method": "GET", "path": "/v3/users/{user_id}"},
    {"service": "identity", "method": "GET", "path": "/v3/auth/*"},
    {"service": "compute", "method": "GET", "path": "/v2.1/servers"},
]


def test_access_rules_let_through_what_they_name_and_nothing_else(world: World) -> None:
    """S-036"""
    made = make(world, access_rules=RULES)
    assert [{k: v for k, v in rule.items() if k != "id"} for rule in made["access_rules"]] == RULES
    assert log_in(world, made)["application_credential"]["access_rules"] == made["access_rules"]
    for case in (
        Case("robot", "GET", "/users/{member}", 200),
        Case("robot", "GET", "/users/{member}/", 200),
        Case("robot", "GET", "/auth/projects", 200),
        Case("robot", "HEAD", "/auth/projects", 401),
        Case("robot", "GET", "/users", 401),
        Case("robot", "GET", f"{MINE}/{{app}}", 401),
        Case("robot", "PATCH", "/users/{member}", 401, {"user": {}}),
        Case("robot", "DELETE", "/auth/tokens", 401),
    ):
        world.run(case)
    overridden = world.request("robot", "GET", MINE, X_HTTP_Method_Override="GET", X_Original_URL="/v3/users/x")
    assert overridden.status_code == 401


def test_a_service_that_knows_no_access_rules_does_not_find_the_token(world: World) -> None:
    log_in(world, make(world, access_rules=RULES))
    token = {"X_Subject_Token": world.tokens["robot"] or ""}
    for who in ("admin", "robot"):
        assert world.request(who, "GET", "/auth/tokens", **token).status_code == 404
        assert (
            world.request(who, "GET", "/auth/tokens", **token, OpenStack_Identity_Access_Rules="x").status_code == 404
        )
        answer = world.request(who, "GET", "/auth/tokens", **token, OpenStack_Identity_Access_Rules="1.0")
        assert at(answer.json, "token.application_credential.access_rules.#") == 3


def test_no_spelling_of_a_path_gets_around_the_rules(world: World) -> None:
    """S-036: 500 spellings of what the rules leave out, sent as they are. S-033: and none is a fault."""
    log_in(world, make(world, access_rules=[{"service": "identity", "method": "GET", "path": "/v3/users/*"}]))
    chance = random.Random(36)
    parts = ["v3", "users", world.ids["member"], "application_credentials"]
    seams = ["/", "//", "/./", "/x/../", "\\", "/\t", "%2f", "/%2e/", "/../v3/", ";/", "/\x00", "/ ", "/%00"]
    for _ in range(500):
        words = [part.swapcase() if chance.random() < 0.1 else part for part in parts]
        path = "".join(chance.choice(["/", "/", *seams]) + word for word in words) + chance.choice(
            ["", "/", "//", "/."]
        )
        method = chance.choice(["GET", "HEAD", "POST", "get"])
        answer = world.http.open(path="/", method="GET", headers={"X-Auth-Token": world.tokens["robot"] or ""},
                                 environ_overrides={"PATH_INFO": path, "REQUEST_METHOD": method})  # fmt: skip
        assert answer.status_code in (400, 401, 403, 404, 405), (method, path, answer.status_code)


def test_rules_are_kept_by_user_reused_and_deleted_when_no_credential_has_them(world: World) -> None:
    made = make(world, access_rules=RULES[:1])
    [rule] = made["access_rules"]
    world.ids["rule"] = rule["id"]
    one, rules = "/users/{member}/access_rules/{rule}", "/users/{member}/access_rules"
    again = make(world, name="other", access_rules=[RULES[0], {"id": rule["id"]}, RULES[2]])
    assert again["access_rules"][0] == rule
    assert len(again["access_rules"]) == 2
    for case in (
        Case(
            "member", "GET", one, 200, has=(("access_rule.path", "/v3/users/{user_id}"), ("access_rule.id", "{rule}"))
        ),
        Case("member", "GET", rules, 200, has=(("access_rules.#", 2),)),
        Case("member", "GET", f"{rules}?service=compute", 200, has=(("access_rules.#", 1),)),
        Case("stranger", "GET", one, 403),
        Case("stranger", "GET", rules, 403),
        Case("stranger", "GET", "/users/{stranger}/access_rules/{rule}", 404),
        Case("member", "DELETE", one, 403),
        Case("member", "DELETE", f"{MINE}/{{app}}", 204),
        Case("member", "DELETE", one, 403),
        Case("member", "DELETE", f"{MINE}/{made['id']}", 204),
        Case("stranger", "DELETE", "/users/{stranger}/access_rules/{rule}", 404),
        Case("member", "DELETE", one, 204),
        Case("member", "DELETE", one, 404),
        Case("member", "GET", one, 404),
    ):  # fmt: skip
        world.run(case)


def test_lists_are_filtered_by_parts_of_words(world: World) -> None:
    make(world, access_rules=[{"service": "image", "method": "GET", "path": "/v2/images"}])
    for path, key in ((MINE, "application_credentials"), ("/users/{member}/access_rules", "access_rules")):
        name = "name" if path == MINE else "service"
        text = "robot" if path == MINE else "image"
        world.run(Case("member", "GET", f"{path}?{name}__contains={text[1:3]}", 200, has=((f"{key}.#", 1),)))
        world.run(Case("member", "GET", f"{path}?{name}__contains=zzz", 200, has=((f"{key}.#", 0),)))


def test_the_users_password_still_opens_a_whole_token(world: World) -> None:
    make(world, access_rules=RULES)
    identity = {"methods": ["password"], "password": {"user": {"id": "{member}", "password": PASSWORD}}}
    body = {"auth": {"identity": identity, "scope": {"project": {"id": "{ours}"}}}}
    answer = world.request("nobody", "POST", "/auth/tokens", body)
    assert answer.status_code == 201
    assert "application_credential" not in at(answer.json, "token")
