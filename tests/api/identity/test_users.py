"""/v3/users and /v3/groups."""

from __future__ import annotations

import pytest

from iaas.clock import ManualClock
from tests.api.identity.world import PASSWORD, Case, World, at

NEW = {"name": "new", "password": PASSWORD, "email": "n@example.org", "description": "about"}


def test_a_user_is_created_shown_changed_listed_and_deleted(world: World) -> None:
    made = world.run(Case("admin", "POST", "/users", 201, {"user": NEW}))
    user = made.json["user"]  # type: ignore[index]
    assert user == {
        "id": user["id"],
        "name": "new",
        "domain_id": "default",
        "enabled": True,
        "email": "n@example.org",
        "description": "about",
        "password_expires_at": None,
        "options": {},
        "links": {"self": f"http://localhost/v3/users/{user['id']}"},
    }
    world.ids["new"] = user["id"]
    for case in (
        Case("admin", "GET", "/users/{new}", 200, has=(("user.name", "new"),)),
        Case("system_reader", "GET", "/users/{new}", 200),
        Case("admin", "PATCH", "/users/{new}", 200, {"user": {"email": "m@example.org", "phone": "1"}},
             (("user.email", "m@example.org"), ("user.phone", "1"), ("user.name", "new"))),
        Case("admin", "PATCH", "/users/{new}", 200, {"user": {"default_project_id": "{ours}"}},
             (("user.default_project_id", "{ours}"), ("user.email", "m@example.org"))),
        Case("admin", "GET", "/users?name=new&domain_id=default&enabled=true", 200, has=(("users.#", 1),)),
        Case("admin", "GET", "/users?enabled=false", 200, has=(("users", []),)),
        Case("admin", "GET", "/users?name=NEW%25", 200, has=(("users", []),)),
        Case("admin", "DELETE", "/users/{new}", 204),
        Case("admin", "GET", "/users/{new}", 404, has=(("error.message", "Could not find user: {new}."),)),
        Case("admin", "DELETE", "/users/{new}", 404),
        Case("admin", "PATCH", "/users/{new}", 404, {"user": {"name": "x"}}),
    ):  # fmt: skip
        world.run(case)


@pytest.mark.parametrize(
    "case",
    [
        Case("admin", "POST", "/users", 409, {"user": {"name": "member"}}),
        Case("admin", "PATCH", "/users/{stranger}", 409, {"user": {"name": "member"}}),
        Case("admin", "POST", "/users", 404, {"user": {"name": "x", "domain_id": "f00"}}),
        Case("admin", "POST", "/users", 400, {"user": {}}),
        Case("admin", "POST", "/users", 400, {"user": {"name": ""}}),
        Case("admin", "POST", "/users", 400, {"user": {"name": "  "}}),
        Case("admin", "POST", "/users", 400, {"user": {"name": "x" * 256}}),
        Case("admin", "POST", "/users", 400, {"user": {"name": "x", "enabled": "yes"}}),
        Case("admin", "POST", "/users", 400, {"user": {"name": "x", "password": "p" * 4097}}),
        Case("admin", "POST", "/users", 400, {"user": {"name": "x", "password": ["a"]}}),
        Case("admin", "POST", "/users", 400, {"user": {"name": "x", "options": {"lock_password": "yes"}}}),
        Case("admin", "POST", "/users", 400, {"user": {"name": "x", "federated": [{"idp_id": "i", "protocols": []}]}}),
        Case("admin", "PATCH", "/users/{member}", 400, {"user": {"federated": [{"idp_id": "i", "protocols": []}]}}),
        Case("admin", "POST", "/users", 400, {"user": {"name": "x", "blob": "y" * 20_000}}),
        Case("admin", "PATCH", "/users/{member}", 403, {"user": {"domain_id": "other"}}),
        Case("admin", "PATCH", "/users/{member}", 400, {"user": {"blob": "y" * 20_000}}),
        Case("member", "PATCH", "/users/{member}", 403, {"user": {"password": "mine"}}),
        Case("stranger", "GET", "/users/{member}", 403),
        Case("stranger", "GET", "/users/ffffffffffffffffffffffffffffffff", 403),
        Case("admin", "GET", "/users?marker=unknown", 400),
        Case("admin", "GET", "/users?limit=-1", 400),
        Case("admin", "GET", "/users?enabled=perhaps", 400),
        Case("service", "POST", "/users", 403, {"user": {"name": "x"}}),
    ],
    ids=str,
)
def test_a_refusal_leaves_everything_as_it_was(world: World, case: Case) -> None:
    """S-048; S-047: a service manages no users; S-046: nobody sets a password by the administrator's route."""
    before = world.state()
    world.run(case)
    assert world.state() == before


def test_further_attributes_never_hide_or_set_what_the_server_decides(world: World) -> None:
    """CVE-2026-42999's cousin: what comes in a body is data, not authority."""
    fake = {"id": "mine", "links": {}, "password_hash": "x", "valid_after": "2000", "extra": {"name": "y"},
            "password_expires_at": "never", "is_admin": True}  # fmt: skip
    answer = world.run(Case("admin", "POST", "/users", 201, {"user": {"name": "fake", **fake}}))
    user = answer.json["user"]  # type: ignore[index]
    assert len(user["id"]) == 32
    assert user["links"]["self"].endswith(user["id"])
    assert user["password_expires_at"] is None
    assert user["name"] == "fake"


def test_pages_cover_the_list_exactly_once(world: World) -> None:
    made = {world.make("user", name=f"paged {number}") for number in range(5)}
    seen: list[str] = []
    path = "/users?limit=2"
    while path:
        answer = world.run(Case("admin", "GET", path, 200))
        page = at(answer.json, "users")
        assert len(page) <= 2
        seen += [user["id"] for user in page]
        following = at(answer.json, "links.next")
        path = following.removeprefix("http://localhost/v3") if following else ""
    assert len(seen) == len(set(seen))
    assert made <= set(seen)
    whole = world.run(Case("admin", "GET", "/users", 200))
    assert at(whole.json, "users.*.id") == sorted(seen)
    assert "truncated" not in (whole.json or {})


def test_the_owner_changes_the_password_only_with_the_old_one(world: World, clock: ManualClock) -> None:
    """S-046"""
    path, new = "/users/{member}/password", "another secret"
    body = {"user": {"original_password": PASSWORD, "password": new}}
    before = world.state()
    wrong = {"user": {"original_password": "guess", "password": new}}
    for case in (
        Case("member", "POST", path, 401, wrong),
        Case("member", "POST", path, 400, {"user": {"password": new}}),
        Case("stranger", "POST", path, 403, body),
        Case("admin", "POST", path, 403, body),
        Case("nobody", "POST", path, 401, wrong),
        Case("forger", "POST", path, 401, body),
    ):
        world.run(case)
    assert world.state() == before
    world.run(Case("member", "POST", path, 204, body))
    clock.advance(1)
    world.run(Case("member", "GET", "/auth/projects", 401))
    for password, status in ((PASSWORD, 401), (new, 201)):
        user = {"id": world.ids["member"], "password": password}
        auth = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
        world.run(Case("nobody", "POST", "/auth/tokens", status, auth))


def test_a_user_sees_its_own_projects_and_groups_and_no_others(world: World) -> None:
    world.ids["crew"] = world.make("group", name="crew")
    for case in (
        Case("admin", "PUT", "/groups/{crew}/users/{member}", 204),
        Case("member", "GET", "/users/{member}/projects", 200, has=(("projects.*.name", ["ours"]),)),
        Case("member", "GET", "/users/{member}/groups", 200, has=(("groups.*.name", ["crew"]),)),
        Case("member", "GET", "/users/{member}", 200, has=(("user.name", "member"),)),
        Case("member", "HEAD", "/groups/{crew}/users/{member}", 204),
        Case("stranger", "GET", "/users/{member}/projects", 403),
        Case("stranger", "GET", "/users/{member}/groups", 403),
        Case("stranger", "HEAD", "/groups/{crew}/users/{member}", 403),
        Case("admin", "GET", "/users/unknown/projects", 404),
    ):
        world.run(case)


def test_a_group_is_created_changed_filled_and_deleted(world: World) -> None:
    world.ids["crew"] = world.make("group", name="crew", description="sailors")
    member = "/groups/{crew}/users/{member}"
    for case in (
        Case(
            "admin",
            "GET",
            "/groups/{crew}",
            200,
            has=(("group.description", "sailors"), ("group.domain_id", "default")),
        ),
        Case("admin", "PATCH", "/groups/{crew}", 200, {"group": {"name": "band"}}, (("group.name", "band"),)),
        Case("admin", "POST", "/groups", 409, {"group": {"name": "band"}}),
        Case("admin", "GET", "/groups?name=band", 200, has=(("groups.#", 1),)),
        Case("admin", "HEAD", member, 404),
        Case("admin", "PUT", member, 204),
        Case("admin", "PUT", member, 204),
        Case("admin", "HEAD", member, 204),
        Case("admin", "GET", member, 204),
        Case("admin", "GET", "/groups/{crew}/users", 200, has=(("users.*.name", ["member"]),)),
        Case("admin", "DELETE", member, 204),
        Case("admin", "DELETE", member, 404),
        Case("admin", "PUT", "/groups/{crew}/users/unknown", 404),
        Case("admin", "PUT", "/groups/unknown/users/{member}", 404),
        Case("admin", "GET", "/groups/unknown/users", 404),
        Case("admin", "DELETE", "/groups/{crew}", 204),
        Case("admin", "GET", "/groups/{crew}", 404),
    ):
        world.run(case)


def test_what_belonged_to_a_deleted_user_or_group_is_gone(world: World) -> None:
    """A later user with the same id, or a restore, must not find old grants."""
    world.ids["crew"] = world.make("group", name="crew")
    world.run(Case("admin", "PUT", "/groups/{crew}/users/{member}", 204))
    world.run(Case("admin", "PUT", "/projects/{theirs}/groups/{crew}/roles/{role_reader}", 204))
    world.run(Case("admin", "DELETE", "/users/{member}", 204))
    world.run(Case("admin", "DELETE", "/groups/{crew}", 204))
    rest = repr(world.state())
    assert world.ids["member"] not in rest
    assert world.ids["crew"] not in rest
