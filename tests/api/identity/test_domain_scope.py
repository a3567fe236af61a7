"""What a token for one domain reaches: its manager manages it, its reader reads it, and neither leaves it (A1)."""

from __future__ import annotations

import pytest

from iaas.ids import new_hex
from tests.api.identity.world import PASSWORD, Case, World


@pytest.fixture(autouse=True)
def domain(world: World) -> None:
    world.add_domain()


NOUNS = ("user", "group", "project")
ANYWHERE = "0" * 32


@pytest.mark.parametrize("noun", NOUNS)
def test_a_manager_makes_changes_and_removes_in_its_own_domain(world: World, noun: str) -> None:
    made = world.request("domain_manager", "POST", f"/{noun}s", {noun: {"name": "new"}})
    assert made.status_code == 201, made.text
    assert made.json[noun]["domain_id"] == world.ids["there"]  # type: ignore[index]
    path = f"/{noun}s/{made.json[noun]['id']}"  # type: ignore[index]
    assert world.request("domain_manager", "PATCH", path, {noun: {"name": "newer"}}).status_code == 200
    assert world.request("domain_reader", "GET", path).status_code == 200
    assert world.request("domain_reader", "PATCH", path, {noun: {"name": "mine"}}).status_code == 403
    assert world.request("domain_reader", "DELETE", path).status_code == 403
    assert world.request("domain_manager", "DELETE", path).status_code == 204


@pytest.mark.parametrize("noun", NOUNS)
def test_nothing_is_made_in_another_domain_nor_moved_there(world: World, noun: str) -> None:
    before = world.state()
    for domain in ("default", ANYWHERE):
        body = {noun: {"name": "new", "domain_id": domain}}
        assert world.request("domain_manager", "POST", f"/{noun}s", body).status_code == 403
    own = {"user": "{domain_reader}", "group": "{crew}", "project": "{inside}"}[noun]
    moved = world.request("domain_manager", "PATCH", f"/{noun}s/{own}", {noun: {"domain_id": "default"}})
    assert moved.status_code in (400, 403)
    assert world.request("domain_manager", "POST", "/projects", {
        "project": {"name": "below", "parent_id": "{ours}"}}).status_code == 403  # fmt: skip
    assert world.state() == before


@pytest.mark.parametrize("who", ["domain_manager", "domain_reader"])
@pytest.mark.parametrize("verb", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("noun", NOUNS)
def test_an_object_of_another_domain_is_refused_like_one_that_never_was(
    world: World, who: str, verb: str, noun: str
) -> None:
    """S-053"""
    foreign = {"user": world.ids["member"], "project": world.ids["ours"], "group": world.make("group", name="g")}[noun]
    before = world.state()
    body = {noun: {"name": "mine"}} if verb == "PATCH" else None
    answers = []
    for id in (foreign, new_hex()):
        answer = world.request(who, verb, f"/{noun}s/{id}", body)
        answers.append((answer.status_code, answer.text.replace(id, "")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 403
    assert world.state() == before


@pytest.mark.parametrize("who", ["domain_manager", "domain_reader"])
@pytest.mark.parametrize("noun", NOUNS)
def test_a_list_ends_at_the_domain_whatever_the_filter(world: World, who: str, noun: str) -> None:
    """S-055"""
    for query, some in (("", True), ("?domain_id={there}", True), ("?domain_id=default", False)):
        found = world.request(who, "GET", f"/{noun}s{query}").json[f"{noun}s"]  # type: ignore[index]
        assert bool(found) == some
        assert {item["domain_id"] for item in found} <= {world.ids["there"]}


def test_domains_as_projects_are_only_the_own_one(world: World) -> None:
    found = world.request("domain_reader", "GET", "/projects?is_domain").json["projects"]  # type: ignore[index]
    assert [item["id"] for item in found] == [world.ids["there"]]


def test_role_assignments_are_those_in_the_domain(world: World) -> None:
    for query in ("", "?include_names", "?effective", "?user.id={member}"):
        found = world.request("domain_reader", "GET", f"/role_assignments{query}").json["role_assignments"]  # type: ignore[index]
        assert bool(found) == ("member" not in query)
        assert {item["scope"]["domain"]["id"] for item in found} <= {world.ids["there"]}
        assert all(("name" in item["role"]) == ("names" in query) for item in found)
    assert world.request("member", "GET", "/role_assignments").status_code == 403


def test_a_manager_fills_its_groups_with_its_users_only(world: World) -> None:
    own, foreign = world.ids["domain_reader"], world.ids["member"]
    theirs = world.make("group", name="theirs")
    asked = {("{crew}", own): 204, ("{crew}", foreign): 403, (theirs, own): 403, (theirs, foreign): 403}
    for (group, user), status in asked.items():
        answer = world.request("domain_manager", "PUT", f"/groups/{group}/users/{user}")
        assert answer.status_code == status, answer.text
    assert world.request("domain_reader", "HEAD", f"/groups/{{crew}}/users/{own}").status_code == 204
    assert world.request("domain_reader", "DELETE", f"/groups/{{crew}}/users/{own}").status_code == 403
    assert world.request("domain_manager", "DELETE", f"/groups/{{crew}}/users/{own}").status_code == 204


@pytest.mark.parametrize("target", ["projects/{inside}", "domains/{there}"])
@pytest.mark.parametrize("actor", ["users/{domain_manager}", "groups/{crew}"])
def test_a_manager_gives_and_takes_roles_up_to_its_own(world: World, target: str, actor: str) -> None:
    path = f"/{target}/{actor}/roles"
    for role in ("manager", "member", "reader"):
        assert world.request("domain_manager", "PUT", f"{path}/{{role_{role}}}").status_code == 204
        assert world.request("domain_reader", "HEAD", f"{path}/{{role_{role}}}").status_code == 204
    before = world.state()
    for role in ("{role_admin}", "{role_service}", ANYWHERE):
        assert world.request("domain_manager", "PUT", f"{path}/{role}").status_code == 403
        assert world.request("domain_manager", "DELETE", f"{path}/{role}").status_code == 403
    assert world.request("domain_reader", "PUT", f"{path}/{{role_reader}}").status_code == 403
    assert world.state() == before
    names = {role["name"] for role in world.request("domain_reader", "GET", path).json["roles"]}  # type: ignore[index]
    assert {"manager", "member", "reader"} <= names
    assert world.request("domain_manager", "DELETE", f"{path}/{{role_member}}").status_code == 204


@pytest.mark.parametrize(
    "path",
    [
        "projects/{ours}/users/{domain_reader}", "projects/{inside}/users/{member}", "projects/{ours}/users/{member}",
        "domains/default/users/{domain_reader}", "domains/{there}/users/{member}", "domains/default/groups/{crew}",
        "system/users/{domain_reader}", "system/groups/{crew}",
    ],
)  # fmt: skip
def test_no_role_is_given_across_the_edge_of_a_domain(world: World, path: str) -> None:
    """S-054: one end of the grant is foreign."""
    before = world.state()
    for who in ("domain_manager", "domain_reader"):
        for verb in ("PUT", "HEAD", "DELETE"):
            assert world.request(who, verb, f"/{path}/roles/{{role_reader}}").status_code == 403
        assert world.request(who, "GET", f"/{path}/roles").status_code == 403
    assert world.state() == before


def test_a_manager_sees_the_roles_that_there_are_and_its_domain_and_changes_neither(world: World) -> None:
    assert world.request("domain_manager", "GET", "/roles").status_code == 200
    assert world.request("domain_manager", "GET", "/roles/{role_member}").status_code == 200
    assert world.request("domain_manager", "GET", "/domains/{there}").status_code == 200
    assert world.request("domain_manager", "GET", "/domains/default").status_code == 403
    assert world.request("domain_reader", "GET", "/roles").status_code == 403
    for verb, path, body in (
        ("POST", "/roles", {"role": {"name": "r"}}),
        ("PATCH", "/domains/{there}", {"domain": {"name": "d"}}),
        ("POST", "/domains", {"domain": {"name": "d"}}),
    ):
        assert world.request("domain_manager", verb, path, body).status_code == 403, (verb, path)


@pytest.mark.parametrize("who", ["domain_manager", "domain_reader"])
def test_the_list_of_domains_is_the_own_one(world: World, who: str) -> None:
    """Clients ask it for the id behind ``--domain NAME``."""
    for query, found in (("", ["{there}"]), ("?name=there", ["{there}"]), ("?name=Default", []), ("?enabled=0", [])):
        world.run(Case(who, "GET", f"/domains{query}", 200, has=(("domains.*.id", found),)))
    assert world.request("member", "GET", "/domains").status_code == 403


def test_a_manager_of_a_project_manages_no_domain(world: World) -> None:
    """The same role on a project, whose domain is the same: only a token for the domain itself reaches it."""
    path = "/projects/{inside}/users/{domain_manager}/roles/{role_manager}"
    assert world.request("admin", "PUT", path).status_code == 204
    who = {"name": "manager", "domain": {"id": world.ids["there"]}, "password": PASSWORD}
    auth = {"identity": {"methods": ["password"], "password": {"user": who}}}
    scope = {"project": {"id": world.ids["inside"]}}
    answer = world.request("nobody", "POST", "/auth/tokens", {"auth": {**auth, "scope": scope}})
    assert answer.status_code == 201
    world.tokens["project_manager"] = answer.headers["X-Subject-Token"]
    for verb, path, body in (
        ("GET", "/users", None),
        ("POST", "/users", {"user": {"name": "u"}}),
        ("DELETE", "/users/{domain_reader}", None),
        ("PATCH", "/projects/{inside}", {"project": {"name": "p"}}),
        ("PUT", "/projects/{inside}/users/{domain_reader}/roles/{role_reader}", None),
    ):
        assert world.request("project_manager", verb, path, body).status_code == 403, (verb, path)
