"""/v3/OS-TRUST/trusts, and the tokens that come of them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from iaas.api.app import make_app
from iaas.api.identity.dialect import DIALECT
from iaas.api.policy import Policy
from iaas.api.route import EVERY_SCOPE, Rule, rules_in
from iaas.clock import ManualClock
from tests.api.identity.world import PASSWORD, ROUTES, Case, World, at

TRUSTS = "/OS-TRUST/trusts"
ONE = f"{TRUSTS}/{{trust}}"


def body(**changes: Any) -> dict[str, Any]:
    """The member lets the stranger be a member of its project."""
    trust = {"trustor_user_id": "{member}", "trustee_user_id": "{stranger}", "project_id": "{ours}",
             "impersonation": False, "roles": [{"name": "member"}], **changes}  # fmt: skip
    return {"trust": {name: value for name, value in trust.items() if value is not None}}


def make(world: World, who: str = "member", **changes: Any) -> Any:
    """As answered; its id is ``{trust}`` from now on."""
    answer = world.request(who, "POST", TRUSTS, body(**changes))
    assert answer.status_code == 201, answer.text
    made = at(answer.json, "trust")
    world.ids["trust"] = made["id"]
    return made


def use(world: World, trust: str = "{trust}", user: str = "{stranger}", **more: Any) -> TestResponse:
    identity = {"methods": ["password"], "password": {"user": {"id": user, "password": PASSWORD}}, **more}
    scope = {"OS-TRUST:trust": {"id": trust}}
    return world.request("nobody", "POST", "/auth/tokens", {"auth": {"identity": identity, "scope": scope}})


def log_in(world: World, who: str = "trustee", **more: Any) -> Any:
    answer = use(world, **more)
    assert answer.status_code == 201, answer.text
    world.tokens[who] = answer.headers["X-Subject-Token"]
    return at(answer.json, "token")


def test_a_trust_is_made_shown_listed_and_deleted(world: World) -> None:
    made = make(world, expires_at="2026-01-01T12:00:00.000000Z")
    assert made["roles"][0]["id"] == world.ids["role_member"]
    assert made["roles_links"]["self"].endswith(f"/v3/OS-TRUST/trusts/{made['id']}/roles")
    assert (made["expires_at"], made["deleted_at"]) == ("2026-01-01T12:00:00.000000Z", None)
    assert (made["remaining_uses"], made["redelegation_count"], made["impersonation"]) == (None, 0, False)
    short = {name: value for name, value in made.items() if name not in ("roles", "roles_links")}
    for case in (
        Case("member", "GET", ONE, 200, has=(("trust", made),)),
        Case("stranger", "GET", ONE, 200, has=(("trust", made),)),
        Case("system_reader", "GET", ONE, 200),
        Case("unscoped", "GET", ONE, 404),
        Case("member", "GET", TRUSTS, 403),
        Case("system_reader", "GET", TRUSTS, 200, has=(("trusts", [short]),)),
        Case("member", "GET", f"{TRUSTS}?trustor_user_id={{member}}", 200, has=(("trusts", [short]),)),
        Case("member", "GET", f"{TRUSTS}?trustee_user_id={{member}}", 200, has=(("trusts", []),)),
        Case("member", "GET", f"{TRUSTS}?trustee_user_id={{stranger}}", 403),
        Case("stranger", "GET", f"{TRUSTS}?trustee_user_id={{stranger}}", 200, has=(("trusts.#", 1),)),
        Case("stranger", "GET", f"{TRUSTS}?trustor_user_id={{member}}", 403),
        Case("stranger", "GET", f"{ONE}/roles", 200, has=(("roles.*.name", ["member"]),)),
        Case("stranger", "GET", f"{ONE}/roles/{{role_member}}", 200, has=(("role.name", "member"),)),
        Case("stranger", "HEAD", f"{ONE}/roles/{{role_member}}", 200),
        Case("stranger", "GET", f"{ONE}/roles/{{role_admin}}", 404),
        Case("unscoped", "GET", f"{ONE}/roles", 404),
        Case("unscoped", "DELETE", ONE, 404),
        Case("stranger", "DELETE", ONE, 403),
        Case("member", "DELETE", ONE, 204),
        Case("member", "GET", ONE, 404),
        Case("member", "DELETE", ONE, 404),
    ):
        world.run(case)


def test_without_impersonation_the_trustee_is_itself_on_the_trustors_project(world: World) -> None:
    make(world)
    token = log_in(world)
    assert token["user"]["id"] == world.ids["stranger"]
    assert token["project"]["id"] == world.ids["ours"]
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]
    trust = {"id": world.ids["trust"], "impersonation": False}
    ends = {"trustor_user": {"id": world.ids["member"]}, "trustee_user": {"id": world.ids["stranger"]}}
    assert token["OS-TRUST:trust"] == trust | ends
    assert world.facade.authenticate(world.tokens["trustee"] or "").trust_id == world.ids["trust"]


def test_with_impersonation_the_token_is_the_trustors(world: World) -> None:
    make(world, impersonation=True, roles=[{"id": "{role_reader}"}])
    token = log_in(world)
    assert token["user"]["id"] == world.ids["member"]
    assert [role["name"] for role in token["roles"]] == ["reader"]
    assert token["OS-TRUST:trust"]["trustee_user"]["id"] == world.ids["stranger"]


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"trustor_user_id": "{stranger}"}, 403),
    ({"trustor_user_id": "{admin}"}, 403),
    ({"trustee_user_id": "0" * 32}, 404),
    ({"roles": [{"name": "admin"}]}, 404),
    ({"roles": [{"id": "{role_admin}"}]}, 404),
    ({"roles": []}, 403),
    ({"roles": None}, 403),
    ({"project_id": "{theirs}"}, 404),
    ({"project_id": "0" * 32}, 404),
    ({"project_id": None}, 400),
    ({"impersonation": None}, 400),
    ({"remaining_uses": 0}, 400),
    ({"remaining_uses": -1}, 400),
    ({"expires_at": "2020-01-01T00:00:00Z"}, 400),
    ({"expires_at": "tomorrow"}, 400),
    ({"allow_redelegation": True, "remaining_uses": 2}, 400),
    ({"allow_redelegation": True, "redelegation_count": 4}, 403),
    ({"unknown": 1}, 400),
]


def test_nobody_gives_what_it_has_not(world: World) -> None:
    """S-037, S-048"""
    before = world.state()
    for changes, status in REFUSED:
        world.run(Case("member", "POST", TRUSTS, status, body(**changes)))
    assert world.state() == before


def test_an_administrator_can_not_give_in_anothers_name(world: World) -> None:
    world.run(Case("admin", "POST", TRUSTS, 403, body()))


def test_only_the_trustee_uses_it(world: World) -> None:
    make(world)
    assert use(world, user="{member}").status_code == 403
    assert use(world, user="{system_reader}").status_code == 403
    assert use(world, trust="0" * 32).status_code == 401


def test_of_a_trust_with_one_use_twenty_at_once_make_one_token(world: World) -> None:
    """S-037"""
    made = make(world, remaining_uses=1)
    assert made["remaining_uses"] == 1
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(use(world).status_code)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [401] * 19
    world.run(Case("member", "GET", ONE, 404))
    world.run(Case("member", "GET", f"{TRUSTS}?trustor_user_id={{member}}", 200, has=(("trusts", []),)))


def test_a_use_that_fails_is_not_counted(world: World) -> None:
    make(world, remaining_uses=2)
    assert use(world, user="{member}").status_code == 403
    assert use(world).status_code == 201
    world.run(Case("member", "GET", ONE, 200, has=(("trust.remaining_uses", 1),)))


def test_a_trust_that_ends_takes_its_tokens_along(world: World, clock: ManualClock) -> None:
    make(world, expires_at="2026-01-01T00:10:00Z")
    assert log_in(world)["expires_at"] == "2026-01-01T00:10:00.000000Z"
    clock.advance(600)
    assert world.request("trustee", "GET", "/auth/projects").status_code == 401
    assert use(world).status_code == 401
    world.run(Case("system_reader", "GET", TRUSTS, 200, has=(("trusts", []),)))


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "/users/{member}/application_credentials", {"application_credential": {"name": "x"}}),
        ("POST", "/credentials", {"credential": {"user_id": "{member}", "type": "totp", "blob": "x"}}),
        ("POST", TRUSTS, body()),
    ],
    ids=["application credential", "credential", "trust"],
)
def test_a_token_of_a_trust_makes_nothing_that_outlives_it(world: World, method: str, path: str, sent: Any) -> None:
    """S-037: also no further trust, unless that was allowed."""
    make(world, impersonation=True)
    log_in(world)
    before = world.state()
    world.run(Case("trustee", method, path, 403, sent))
    assert world.state() == before


def test_a_token_of_a_trust_is_not_exchanged(world: World) -> None:
    """S-037"""
    make(world, impersonation=True)
    log_in(world)
    identity = {"methods": ["token"], "token": {"id": world.tokens["trustee"]}}
    for scope in (None, {"project": {"id": "{ours}"}}, {"OS-TRUST:trust": {"id": "{trust}"}}):
        asked = {"auth": {"identity": identity, **({"scope": scope} if scope else {})}}
        assert world.request("nobody", "POST", "/auth/tokens", asked).status_code == 403


def test_an_application_credential_uses_no_trust_and_gives_none_but_of_its_own(world: World) -> None:
    """S-036, S-037"""
    path = "/users/{member}/application_credentials"
    for unrestricted, role, status in ((False, "reader", 403), (True, "member", 404), (True, "reader", 201)):
        name = f"{unrestricted}-{role}"
        asked = {"name": name, "unrestricted": unrestricted, "roles": [{"name": "reader"}]}
        made = at(
            world.request("member", "POST", path, {"application_credential": asked}).json, "application_credential"
        )
        given = {"methods": ["application_credential"],
                 "application_credential": {"id": made["id"], "secret": made["secret"]}}  # fmt: skip
        answer = world.request("nobody", "POST", "/auth/tokens", {"auth": {"identity": given}})
        world.tokens["robot"] = answer.headers["X-Subject-Token"]
        world.run(Case("robot", "POST", TRUSTS, status, body(roles=[{"name": role}])))
        back = make(world, who="stranger", trustor_user_id="{stranger}", trustee_user_id="{member}",
                    project_id="{theirs}")  # fmt: skip
        scope = {"OS-TRUST:trust": {"id": back["id"]}}
        refused = world.request("nobody", "POST", "/auth/tokens", {"auth": {"identity": given, "scope": scope}})
        assert refused.status_code == 403


def test_a_trust_is_handed_on_as_far_as_was_allowed_and_dies_with_its_source(world: World) -> None:
    """S-037: no wider role, no other project, no longer life, no impersonation that was not given."""
    first = make(world, allow_redelegation=True, redelegation_count=1, expires_at="2026-01-01T00:30:00Z",
                 roles=[{"name": "reader"}])  # fmt: skip
    assert first["redelegation_count"] == 1
    log_in(world, "second")
    on: dict[str, Any] = {"trustor_user_id": "{stranger}", "trustee_user_id": "{system_reader}",
                          "roles": [{"name": "reader"}]}  # fmt: skip
    for wrong, status in (
        ({"roles": [{"name": "member"}]}, 404),
        ({"project_id": "{theirs}"}, 403),
        ({"impersonation": True}, 403),
        ({"expires_at": "2026-01-01T00:31:00Z"}, 403),
        ({"allow_redelegation": True, "redelegation_count": 1}, 403),
        ({"trustor_user_id": "{member}"}, 403),
    ):
        world.run(Case("second", "POST", TRUSTS, status, body(**on | wrong)))
    second = make(world, who="second", **on)
    assert second["redelegated_trust_id"] == first["id"]
    assert (second["redelegation_count"], second["expires_at"]) == (0, "2026-01-01T00:30:00.000000Z")
    token = log_in(world, "third", user="{system_reader}")
    assert (token["user"]["id"], token["project"]["id"]) == (world.ids["system_reader"], world.ids["ours"])
    assert [role["name"] for role in token["roles"]] == ["reader"]
    onward = body(**on | {"trustor_user_id": "{system_reader}", "trustee_user_id": "{unscoped}"})
    world.run(Case("third", "POST", TRUSTS, 403, onward))
    world.run(Case("member", "DELETE", f"{TRUSTS}/{first['id']}", 204))
    world.run(Case("system_reader", "GET", ONE, 404))
    assert use(world, user="{system_reader}").status_code == 401


def test_a_token_of_a_trust_ends_no_other_trust(world: World) -> None:
    """S-037: with impersonation it comes as the trustor, whose other trusts are none of its business."""
    other = make(world, trustee_user_id="{system_reader}")
    make(world, impersonation=True)
    log_in(world)
    world.run(Case("trustee", "DELETE", f"{TRUSTS}/{other['id']}", 403))
    world.run(Case("trustee", "DELETE", ONE, 204))


def test_where_a_delegated_token_can_go_is_its_own_project(world: World) -> None:
    make(world, impersonation=True)
    log_in(world)
    for path, key, found in (
        ("/auth/projects", "projects.*.id", ["{ours}"]),
        ("/auth/domains", "domains", []),
        ("/auth/system", "system", []),
    ):
        world.run(Case("trustee", "GET", path, 200, has=((key, found),)))
        assert world.request("trustee", "HEAD", path).status_code == 200


@pytest.mark.parametrize("key", ["trustee_user_id__contains=a", "trustee_user_id__icontains=a&trustee_user_id=b"])
def test_trusts_are_found_by_parts_of_ids_like_everything_else(world: World, key: str) -> None:
    make(world)
    world.run(Case("member", "GET", f"{TRUSTS}?trustor_user_id={{member}}&{key}", 200))


def test_an_operator_can_close_each_list_by_its_published_rule(world: World) -> None:
    names = {"trustor": "identity:list_trusts_for_trustor", "trustee": "identity:list_trusts_for_trustee"}
    closed = [Rule(name, "!", scopes=EVERY_SCOPE) for name in names.values()]
    policy = Policy([*rules_in(ROUTES), *closed])
    app = make_app(DIALECT, ROUTES, world.services, policy, world.facade.authenticate)
    for end, name in names.items():
        url = f"/v3{TRUSTS}?{end}_user_id={world.ids['member']}"
        answer = Client(app).get(url, headers={"X-Auth-Token": world.tokens["member"]})
        assert (answer.status_code, name in answer.text) == (403, True)
