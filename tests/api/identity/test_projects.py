"""/v3/projects and /v3/domains."""

from __future__ import annotations

import pytest

from tests.api.identity.world import Case, World


def test_a_project_is_created_shown_changed_listed_and_deleted(world: World) -> None:
    body = {"project": {"name": "new", "description": "about", "tags": ["a", "b"], "cost": 5}}
    project = world.run(Case("admin", "POST", "/projects", 201, body)).json["project"]  # type: ignore[index]
    assert project == {
        "id": project["id"],
        "name": "new",
        "domain_id": "default",
        "parent_id": "default",
        "description": "about",
        "enabled": True,
        "is_domain": False,
        "tags": ["a", "b"],
        "options": {},
        "cost": 5,
        "links": {"self": f"http://localhost/v3/projects/{project['id']}"},
    }
    world.ids["new"] = project["id"]
    for case in (
        Case("admin", "GET", "/projects/{new}", 200, has=(("project.tags", ["a", "b"]),)),
        Case("admin", "PATCH", "/projects/{new}", 200, {"project": {"name": "newer", "tags": []}},
             (("project.name", "newer"), ("project.tags", []), ("project.cost", 5))),
        Case("admin", "PATCH", "/projects/{new}", 200, {"project": {"parent_id": "default", "name": "newer"}}),
        Case("admin", "GET", "/projects?name=newer", 200, has=(("projects.*.id", ["{new}"]),)),
        Case("admin", "GET", "/projects?parent_id={new}", 200, has=(("projects", []),)),
        Case("admin", "GET", "/projects?is_domain=true", 200,
             has=(("projects.*.id", ["default"]), ("projects.0.is_domain", True), ("projects.0.domain_id", None))),
        Case("admin", "DELETE", "/projects/{new}", 204),
        Case("admin", "GET", "/projects/{new}", 404, has=(("error.message", "Could not find project: {new}."),)),
        Case("admin", "DELETE", "/projects/{new}", 404),
    ):  # fmt: skip
        world.run(case)


@pytest.mark.parametrize(
    "case",
    [
        Case("admin", "POST", "/projects", 409, {"project": {"name": "ours"}}),
        Case("admin", "PATCH", "/projects/{theirs}", 409, {"project": {"name": "ours"}}),
        Case("admin", "POST", "/projects", 400, {"project": {}}),
        Case("admin", "POST", "/projects", 400, {"project": {"name": "x" * 65}}),
        Case("admin", "POST", "/projects", 400, {"project": {"name": "x", "tags": ["a,b"]}}),
        Case("admin", "POST", "/projects", 400, {"project": {"name": "x", "tags": ["a", "a"]}}),
        Case("admin", "POST", "/projects", 400, {"project": {"name": "x", "options": {"immutable": True}}}),
        Case("admin", "POST", "/projects", 404, {"project": {"name": "x", "domain_id": "f00"}}),
        Case("admin", "POST", "/projects", 404, {"project": {"name": "x", "parent_id": "f00"}}),
        Case("admin", "PATCH", "/projects/{ours}", 403, {"project": {"parent_id": "{theirs}"}}),
        Case("admin", "PATCH", "/projects/{ours}", 403, {"project": {"domain_id": "f00"}}),
        Case("member", "POST", "/projects", 403, {"project": {"name": "x"}}),
        Case("member", "PATCH", "/projects/{ours}", 403, {"project": {"name": "x"}}),
        Case("member", "DELETE", "/projects/{ours}", 403),
        Case("member", "GET", "/projects", 403),
        Case("member", "GET", "/projects/{theirs}", 403),
    ],
    ids=str,
)
def test_a_refusal_leaves_everything_as_it_was(world: World, case: Case) -> None:
    """S-048"""
    before = world.state()
    world.run(case)
    assert world.state() == before


def test_a_member_sees_its_own_project(world: World) -> None:
    world.run(Case("member", "GET", "/projects/{ours}", 200, has=(("project.name", "ours"),)))


def test_projects_form_a_tree_of_five_at_most(world: World) -> None:
    above = "default"
    for level in range(1, 6):
        above = world.ids[f"p{level}"] = world.make("project", name=f"p{level}", parent_id=above)
    for case in (
        Case("admin", "POST", "/projects", 403, {"project": {"name": "p6", "parent_id": "{p5}"}}),
        Case("admin", "DELETE", "/projects/{p4}", 403),
        Case("admin", "PATCH", "/projects/{p4}", 403, {"project": {"enabled": False}}),
        Case("admin", "PATCH", "/projects/{p5}", 200, {"project": {"enabled": False}}),
        Case("admin", "PATCH", "/projects/{p4}", 200, {"project": {"enabled": False}}),
        Case("admin", "DELETE", "/projects/{p5}", 204),
        Case("admin", "POST", "/projects", 403, {"project": {"name": "p6", "parent_id": "{p4}"}}),
        Case("admin", "GET", "/projects?parent_id={p2}", 200, has=(("projects.*.name", ["p3"]),)),
    ):
        world.run(case)


def test_a_parent_in_another_domain_is_refused(world: World) -> None:
    world.ids["d"] = world.make("domain", name="d")
    wrong = {"project": {"name": "x", "domain_id": "{d}", "parent_id": "{ours}"}}
    world.run(Case("admin", "POST", "/projects", 400, wrong))
    right = world.run(Case("admin", "POST", "/projects", 201, {"project": {"name": "ours", "parent_id": "{d}"}}))
    assert right.json["project"]["domain_id"] == world.ids["d"]  # type: ignore[index]


def test_a_deleted_project_takes_its_grants_and_is_nobodys_default(world: World) -> None:
    world.run(Case("admin", "PATCH", "/users/{member}", 200, {"user": {"default_project_id": "{ours}"}}))
    world.run(Case("admin", "DELETE", "/projects/{ours}", 204))
    assert world.ids["ours"] not in repr(world.state())


def test_a_domain_is_created_changed_and_deleted_with_all_that_is_in_it(world: World) -> None:
    world.ids["d"] = world.make("domain", name="d", description="a domain")
    world.ids["u"] = world.make("user", name="member", domain_id=world.ids["d"])
    world.ids["p"] = world.make("project", name="ours", domain_id=world.ids["d"])
    world.ids["g"] = world.make("group", name="g", domain_id=world.ids["d"])
    for case in (
        Case(
            "admin",
            "GET",
            "/domains/{d}",
            200,
            has=(("domain.name", "d"), ("domain.enabled", True)),
        ),
        Case("admin", "POST", "/domains", 409, {"domain": {"name": "d"}}),
        Case("admin", "GET", "/domains?name=d", 200, has=(("domains.#", 1),)),
        Case("admin", "GET", "/users?domain_id={d}", 200, has=(("users.*.name", ["member"]),)),
        Case("admin", "PUT", "/projects/{p}/users/{u}/roles/{role_member}", 204),
        Case("admin", "PUT", "/projects/{p}/groups/{g}/roles/{role_member}", 204),
        Case("admin", "PUT", "/projects/{ours}/users/{u}/roles/{role_member}", 204),
        Case("admin", "PUT", "/projects/{p}/users/{stranger}/roles/{role_member}", 204),
        Case("admin", "PUT", "/domains/{d}/users/{stranger}/roles/{role_member}", 204),
        Case("admin", "DELETE", "/domains/{d}", 403),
        Case("admin", "PATCH", "/domains/{d}", 200, {"domain": {"enabled": False}}, (("domain.enabled", False),)),
        Case("admin", "DELETE", "/domains/{d}", 204),
        Case("admin", "GET", "/domains/{d}", 404),
        Case("admin", "GET", "/users/{u}", 404),
        Case("admin", "GET", "/projects/{p}", 404),
    ):
        world.run(case)
    rest = repr(world.state())
    assert not [name for name in ("d", "u", "p", "g") if world.ids[name] in rest]


def test_the_default_domain_stays(world: World) -> None:
    world.run(Case("admin", "PATCH", "/domains/default", 200, {"domain": {"description": "ours"}}))
    before = world.state()
    world.run(Case("admin", "DELETE", "/domains/default", 403))
    assert world.state() == before


def test_users_see_the_domain_they_live_in_and_no_other(world: World) -> None:
    world.ids["d"] = world.make("domain", name="d")
    world.run(Case("member", "GET", "/domains/default", 200))
    world.run(Case("member", "GET", "/domains/{d}", 403))
    world.run(Case("unscoped", "GET", "/domains/None", 403))
