"""POST, GET, HEAD and DELETE /v3/auth/tokens, and what hangs below /v3/auth."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from werkzeug.test import TestResponse

from iaas import log
from iaas.clock import ManualClock
from iaas.db.identity.nouns import USERS
from tests import cpu
from tests.api.identity.world import PASSWORD, Case, World, at

OURS = {"project": {"id": "{ours}"}}


def auth(user: Any = None, scope: Any = None, methods: Any = ("password",), **more: Any) -> dict[str, Any]:
    """A body of POST /auth/tokens; the user defaults to the member."""
    member = {"name": "member", "domain": {"id": "default"}, "password": PASSWORD}
    identity = {"methods": list(methods), "password": {"user": member if user is None else user}, **more}
    return {"auth": {"identity": identity, **({} if scope is None else {"scope": scope})}}


def post(world: World, body: Any, query: str = "") -> TestResponse:
    return world.request("nobody", "POST", f"/auth/tokens{query}", body)


def test_a_project_token_says_who_where_and_what(world: World) -> None:
    answer = post(world, auth(scope=OURS))
    assert answer.status_code == 201
    assert answer.headers["Vary"] == "X-Auth-Token"
    token = answer.json["token"]  # type: ignore[index]
    assert token["methods"] == ["password"]
    home = {"id": "default", "name": "Default"}
    assert token["user"] == {"id": world.ids["member"], "name": "member", "domain": home, "password_expires_at": None}
    assert token["project"] == {"id": world.ids["ours"], "name": "ours", "domain": home}
    assert token["is_domain"] is False
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]
    assert (token["issued_at"], token["expires_at"]) == ("2026-01-01T00:00:00.000000Z", "2026-01-01T01:00:00.000000Z")
    assert [len(id) for id in token["audit_ids"]] == [22]
    assert at(token, "catalog.*.type") == ["compute", "identity"]
    [compute] = [entry for entry in token["catalog"] if entry["type"] == "compute"]
    assert {(e["interface"], e["url"], e["region"], e["region_id"]) for e in compute["endpoints"]} == {
        (interface, f"http://c/v2.1/{world.ids['ours']}", "RegionOne", "RegionOne")
        for interface in ("public", "internal", "admin")
    }
    assert world.facade.authenticate(answer.headers["X-Subject-Token"]).project_id == world.ids["ours"]


@pytest.mark.parametrize(
    "scope",
    [
        {"project": {"id": "{ours}"}},
        {"project": {"name": "ours", "domain": {"id": "default"}}},
        {"project": {"name": "ours", "domain": {"name": "Default"}}},
    ],
)
@pytest.mark.parametrize(
    "user",
    [
        {"id": "{member}"},
        {"name": "member", "domain": {"id": "default"}},
        {"name": "member", "domain": {"name": "Default"}},
    ],
)
def test_user_and_project_are_named_by_id_or_by_name_and_domain(world: World, user: Any, scope: Any) -> None:
    answer = post(world, auth({**user, "password": PASSWORD}, scope))
    assert at(answer.json, "token.project.id") == world.ids["ours"]


@pytest.mark.parametrize("scope", [None, "unscoped", {"unscoped": {}}])
def test_an_unscoped_token_has_no_roles_and_no_catalog(world: World, scope: Any) -> None:
    answer = post(world, auth(scope=scope))
    assert answer.status_code == 201
    token = answer.json["token"]  # type: ignore[index]
    assert not {"project", "domain", "system", "roles", "catalog", "is_domain"} & set(token)


def test_system_and_domain_tokens_carry_their_scope_and_a_catalog_without_project_urls(world: World) -> None:
    admin = {"id": "{admin}", "password": PASSWORD}
    world.run(Case("admin", "PUT", "/domains/default/users/{admin}/roles/{role_admin}", 204))
    system = post(world, auth(admin, {"system": {"all": True}})).json["token"]  # type: ignore[index]
    domain = post(world, auth(admin, {"domain": {"name": "Default"}})).json["token"]  # type: ignore[index]
    assert system["system"] == {"all": True}
    assert domain["domain"] == {"id": "default", "name": "Default"}
    for token in (system, domain):
        assert "project" not in token
        assert {entry["type"]: len(entry["endpoints"]) for entry in token["catalog"]} == {"identity": 3, "compute": 0}


def test_nocatalog_leaves_the_catalog_out(world: World) -> None:
    assert "catalog" not in post(world, auth(scope=OURS), "?nocatalog").json["token"]  # type: ignore[index]


def test_a_token_is_exchanged_and_keeps_its_end_and_its_chain(world: World, clock: ManualClock) -> None:
    """S-029"""
    first = post(world, auth()).json["token"]  # type: ignore[index]
    subject = post(world, auth()).headers["X-Subject-Token"]
    clock.advance(600)
    answer = post(world, auth(scope=OURS, methods=["token"], token={"id": subject}))
    assert answer.status_code == 201
    token = answer.json["token"]  # type: ignore[index]
    assert token["expires_at"] == first["expires_at"]
    assert set(token["methods"]) == {"password", "token"}
    assert len(token["audit_ids"]) == 2


REFUSED = {
    "an unknown user": auth({"name": "nobody", "domain": {"id": "default"}, "password": PASSWORD}),
    "an unknown id": auth({"id": "f" * 32, "password": PASSWORD}),
    "a wrong password": auth({"id": "{member}", "password": "wrong"}),
    "a wrong domain": auth({"name": "member", "domain": {"id": "other"}, "password": PASSWORD}),
    "a project of others": auth(scope={"project": {"id": "{theirs}"}}),
    "an unknown project": auth(scope={"project": {"id": "f" * 32}}),
    "an unknown project's name": auth(scope={"project": {"name": "x", "domain": {"id": "default"}}}),
    "an unknown domain": auth(scope={"domain": {"id": "f" * 32}}),
    "the system": auth(scope={"system": {"all": True}}),
    "a method that is not offered": auth(methods=["password", "kerberos"]),
    "a forged token": auth(methods=["token"], token={"id": "gAAAAA" + "x" * 200}),
    "a good password and a forged token": auth(methods=["password", "token"], token={"id": "gAAAAA"}),
}


@pytest.mark.parametrize("why", REFUSED)
def test_every_refused_login_is_the_same_401(world: World, why: str) -> None:
    """S-041: status and body don't tell why."""
    answer = post(world, REFUSED[why])
    assert answer.status_code == 401
    words = "The request you have made requires authentication."
    assert answer.json == {"error": {"code": 401, "title": "Unauthorized", "message": words}}
    assert "X-Subject-Token" not in answer.headers


def test_the_log_tells_operators_what_the_answer_does_not(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """S-041: who, from where and why; not a name that nobody has, which may be a password in the wrong field. And the
    status of a login stays readable when secrets are masked."""
    caplog.set_level(logging.INFO)
    for why in ("a wrong password", "an unknown user"):
        assert post(world, REFUSED[why]).status_code == 401
    assert post(world, auth()).status_code == 201
    lines = [log.mask(record.getMessage()) for record in caplog.records if record.name.startswith("iaas.")]
    assert [line for line in lines if line.startswith("login")] == [
        f"login from an unknown address refused, user {world.ids['member']}: wrong password",
        "login from an unknown address refused, no such user",
    ]
    assert [line for line in lines if "POST" in line] == [
        f"identity POST /v3/auth/tokens {status}" for status in (401, 401, 201)
    ]


MALFORMED: dict[str, Any] = {
    "no auth": {},
    "no identity": {"auth": {}},
    "no methods": auth(methods=[]),
    "methods as text": {"auth": {"identity": {"methods": "password"}}},
    "a method without its part": {"auth": {"identity": {"methods": ["password"]}}},
    "a token method without its part": auth(methods=["token"]),
    "no password": auth({"id": "{member}"}),
    "an empty password": auth({"id": "{member}", "password": ""}),
    "a null password": auth({"id": "{member}", "password": None}),
    "a list for a password": auth({"id": "{member}", "password": [PASSWORD]}),
    "an object for a password": auth({"id": "{member}", "password": {"$ne": ""}}),
    "a number for a password": auth({"id": "{member}", "password": 1}),
    "true for a password": auth({"id": "{member}", "password": True}),
    "NUL in a password": auth({"id": "{member}", "password": "secret\x00x"}),
    "a password over 4 KiB": auth({"id": "{member}", "password": "x" * 4097}),
    "a password over 4 KiB in bytes": auth({"id": "{member}", "password": "\u00fc" * 4000}),
    "a name without a domain": auth({"name": "member", "password": PASSWORD}),
    "a list for an id": auth({"id": ["{member}"], "password": PASSWORD}),
    "two scopes": auth(scope={**OURS, "domain": {"id": "default"}}),
    "an empty scope": auth(scope={}),
    "half of the system": auth(scope={"system": {"all": False}}),
    "a project without a domain": auth(scope={"project": {"name": "ours"}}),
    "an unknown scope": auth(scope={"galaxy": {"id": "x"}}),
    "a user with a target": auth({"id": "{member}", "password": PASSWORD, "user_id": "{admin}"}),
}


@pytest.mark.parametrize("why", MALFORMED)
def test_a_malformed_login_is_a_400(world: World, why: str) -> None:
    """S-043, S-045"""
    with cpu.at_most(0.2):
        answer = post(world, MALFORMED[why])
    assert answer.status_code == 400, answer.text
    assert answer.json["error"]["title"] == "Bad Request"  # type: ignore[index]
    assert PASSWORD not in answer.text


def test_a_method_named_a_thousand_times_is_too_many(world: World) -> None:
    """S-044"""
    assert post(world, auth(methods=["password"] * 1000)).status_code == 400
    assert post(world, auth(methods=["password"] * 16)).status_code == 201


def test_a_megabyte_of_password_is_413(world: World) -> None:
    """S-043, S-109"""
    with cpu.at_most(0.2):
        answer = post(world, auth({"id": "{member}", "password": "x" * 1_000_000}))
    assert answer.status_code == 413
    assert answer.json["error"]["title"] == "Request Entity Too Large"  # type: ignore[index]


@pytest.mark.parametrize(
    ("who", "subject", "status"),
    [
        ("admin", "member", 200),
        ("system_reader", "member", 200),
        ("service", "member", 200),
        ("member", "member", 200),
        ("unscoped", "unscoped", 200),
        ("stranger", "member", 403),
        ("unscoped", "member", 403),
        ("nobody", "member", 401),
        ("admin", "forger", 404),
        ("member", "forger", 404),
    ],
)
def test_a_token_is_shown_to_its_owner_and_to_services(world: World, who: str, subject: str, status: int) -> None:
    token = world.tokens[subject] or ""
    shown = world.request(who, "GET", "/auth/tokens", X_Subject_Token=token)
    checked = world.request(who, "HEAD", "/auth/tokens", X_Subject_Token=token)
    assert (shown.status_code, checked.status_code, checked.data) == (status, status, b"")
    if status == 200:
        assert at(shown.json, "token.user.name") == subject
        assert shown.headers["X-Subject-Token"] == checked.headers["X-Subject-Token"] == token


def test_without_a_subject_there_is_nothing_to_show(world: World) -> None:
    world.run(Case("admin", "GET", "/auth/tokens", 400))


def test_a_revoked_token_is_unknown_from_then_on(world: World, clock: ManualClock) -> None:
    """A-002, S-030"""
    token = world.tokens["member"] or ""
    assert world.request("stranger", "DELETE", "/auth/tokens", X_Subject_Token=token).status_code == 403
    world.run(Case("member", "GET", "/auth/projects", 200))
    assert world.request("member", "DELETE", "/auth/tokens", X_Subject_Token=token).status_code == 204
    world.run(Case("member", "GET", "/auth/projects", 401))
    assert world.request("admin", "GET", "/auth/tokens", X_Subject_Token=token).status_code == 404
    assert world.request("admin", "DELETE", "/auth/tokens", X_Subject_Token=token).status_code == 404


def test_a_token_is_revoked_with_its_whole_chain_if_that_is_asked_for(world: World, clock: ManualClock) -> None:
    """S-032: what came of the same login before and after it; without being asked for, only the token itself."""
    tokens = [post(world, auth(scope="unscoped")).headers["X-Subject-Token"]]
    for _ in range(3):
        again = auth(scope=OURS, methods=["token"], token={"id": tokens[-1]})
        tokens.append(post(world, again).headers["X-Subject-Token"])
    other = post(world, auth()).headers["X-Subject-Token"]

    def alive() -> list[bool]:
        shown = [world.request("admin", "GET", "/auth/tokens", X_Subject_Token=token) for token in (*tokens, other)]
        return [answer.status_code == 200 for answer in shown]

    assert world.request("admin", "DELETE", "/auth/tokens", X_Subject_Token=tokens[3]).status_code == 204
    assert alive() == [True, True, True, False, True]
    answer = world.request("admin", "DELETE", "/auth/tokens?cascade=true", X_Subject_Token=tokens[1])
    assert answer.status_code == 204
    assert alive() == [False, False, False, False, True]


def test_a_token_is_401_everywhere_once_it_has_expired(world: World, clock: ManualClock) -> None:
    """S-028"""
    clock.advance(3599)
    world.run(Case("member", "GET", "/auth/projects", 200))
    clock.advance(1)
    world.run(Case("member", "GET", "/auth/projects", 401))


@pytest.mark.parametrize(
    "case",
    [
        Case("member", "GET", "/auth/projects", 200, has=(("projects.*.name", ["ours"]), ("links.next", None))),
        Case("unscoped", "GET", "/auth/projects", 200, has=(("projects", []),)),
        Case("admin", "GET", "/auth/system", 200, has=(("system", [{"all": True}]),)),
        Case("member", "GET", "/auth/system", 200, has=(("system", []),)),
        Case("member", "GET", "/auth/domains", 200, has=(("domains", []),)),
        Case("member", "GET", "/auth/catalog", 200, has=(("catalog.*.type", ["compute", "identity"]),)),
        Case("unscoped", "GET", "/auth/catalog", 403),
        Case("system_admin", "GET", "/auth/catalog", 403),
    ],
    ids=str,
)
def test_a_token_shows_its_owner_where_it_can_go(world: World, case: Case) -> None:
    world.run(case)


def test_a_disabled_project_is_no_place_to_go(world: World) -> None:
    world.run(Case("admin", "PATCH", "/projects/{ours}", 200, {"project": {"enabled": False}}))
    assert post(world, auth(scope=OURS)).status_code == 401
    world.tokens["member"] = post(world, auth()).headers["X-Subject-Token"]
    world.run(Case("member", "GET", "/auth/projects", 200, has=(("projects", []),)))


def test_the_version_documents(world: World) -> None:
    root = world.http.get("/")
    assert root.status_code == 300
    assert at(root.json, "versions.values.0.id") == "v3.14"
    for path in ("/v3", "/v3/"):
        answer = world.http.get(path)
        assert answer.status_code == 200
        assert at(answer.json, "version.links.0.href") == "http://localhost/v3/"
        assert at(answer.json, "version.status") == "stable"


def test_who_may_read_a_token_may_not_end_it(world: World) -> None:
    """As published, a token is ended by its own user or an administrator; a reader of the system changes nothing."""
    token = world.tokens["member"] or ""
    for who in ("system_reader", "service"):
        assert world.request(who, "GET", "/auth/tokens", X_Subject_Token=token).status_code == 200
        assert world.request(who, "DELETE", "/auth/tokens", X_Subject_Token=token).status_code == 403
    assert world.request("admin", "DELETE", "/auth/tokens", X_Subject_Token=token).status_code == 204


def test_what_was_revoked_is_listed_by_kind_since_a_moment(world: World, clock: ManualClock) -> None:
    """S-030: for services that keep what they were told about a token."""
    subject = post(world, auth(scope=OURS))
    clock.advance(60)
    headers = {"X_Subject_Token": subject.headers["X-Subject-Token"]}
    assert world.request("member", "DELETE", "/auth/tokens", **headers).status_code == 204
    clock.advance(60)
    world.services.users.update_with(world.ids["stranger"], {"enabled": False}, None)
    world.services.projects.update(world.ids["theirs"], {"enabled": False})
    audit = {"audit_id": at(subject.json, "token.audit_ids.0"), "issued_before": "2026-01-01T00:01:00.000000Z"}
    later = "2026-01-01T00:02:00.000000Z"
    user = {"user_id": world.ids["stranger"], "issued_before": later}
    project = {"project_id": world.ids["theirs"], "issued_before": later}
    events = "/OS-REVOKE/events"
    for case in (
        Case(
            "system_reader",
            "GET",
            f"{events}?since=2026-01-01T00:00:30Z",
            200,
            has=(("events", [audit, user, project]),),
        ),
        Case("service", "GET", f"{events}?since=2026-01-01T00:01:30Z", 200, has=(("events", [user, project]),)),
        Case("service", "GET", f"{events}?since={later}", 200, has=(("events", []),)),
        Case("service", "GET", f"{events}?since=yesterday", 400),
        Case("member", "GET", events, 403),
        Case("admin", "GET", "/auth/tokens/OS-PKI/revoked", 403),
    ):  # fmt: skip
        world.run(case)


def test_a_token_says_when_its_users_password_expires(world: World) -> None:
    """Without a zone, as published: clients in Go take no other form."""
    ends = datetime(2026, 3, 1, tzinfo=UTC)
    world.services.database.run(lambda tx: USERS.update(tx, world.ids["member"], {"password_expires_at": ends}))
    assert at(post(world, auth()).json, "token.user.password_expires_at") == "2026-03-01T00:00:00.000000"


def test_a_service_catalog_is_of_a_project(world: World) -> None:
    for who, status in (("member", 200), ("unscoped", 403), ("system_admin", 403)):
        assert world.request(who, "GET", "/auth/catalog").status_code == status
        assert world.request(who, "HEAD", "/auth/catalog").status_code == status
