"""/v3/projects and /v3/domains."""

from __future__ import annotations

import pytest

from iaas.clock import ManualClock
from iaas.identity.login import Wanted
from iaas.model.token import ScopeKind
from iaas.model.user import Reference
from tests.api.identity.world import Case, World, at


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
        Case("admin", "POST", "/projects", 400, {"project": {"name": "x", "options": {"immutable": "yes"}}}),
        Case("admin", "POST", "/projects", 400, {"project": {"name": "x", "options": {"colour": "red"}}}),
        Case("admin", "POST", "/projects", 400, {"project": {"name": "x", "is_domain": True, "parent_id": "{ours}"}}),
        Case("admin", "PATCH", "/projects/{ours}", 403, {"project": {"is_domain": True}}),
        Case("admin", "PATCH", "/projects/default", 403, {"project": {"parent_id": "{ours}"}}),
        Case("admin", "DELETE", "/projects/default", 403),
        Case("admin", "GET", "/projects/{ours}?parents_as_list&parents_as_ids", 400),
        Case("admin", "PUT", "/projects/{ours}/tags", 400, {"tags": ["a/b"]}),
        Case("admin", "PUT", "/projects/{ours}/tags/a,b", 400),
        Case("member", "PUT", "/projects/{ours}/tags/a", 403),
        Case("member", "GET", "/projects/{theirs}/tags", 403),
        Case("admin", "DELETE", "/projects/{ours}/tags/a", 404),
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


def test_a_domain_may_have_an_id_that_its_maker_chose(world: World, clock: ManualClock) -> None:
    """So that clouds with identity services of their own can share names. A new domain with the id of one that is gone
    is another one: tokens of the old one stay dead (S-030)."""
    world.ids["d"] = "0123456789abcdef" * 2
    new = {"domain": {"name": "d", "explicit_domain_id": "{d}"}}
    made = world.run(Case("admin", "POST", "/domains", 201, new, has=(("domain.id", "{d}"),)))
    assert "explicit_domain_id" not in at(made.json, "domain")
    before = world.state()
    for body in ({**new["domain"], "name": "e"}, {"name": "e", "explicit_domain_id": "{ours}"}):
        world.run(Case("admin", "POST", "/domains", 409, {"domain": body}))
    for wrong in ("", "short", "0" * 31 + "G", "0" * 33, 5):
        world.run(Case("admin", "POST", "/domains", 400, {"domain": {"name": "e", "explicit_domain_id": wrong}}))
    assert world.state() == before
    grant = "/domains/{d}/users/{member}/roles/{role_member}"
    world.run(Case("admin", "PUT", grant, 204))
    on_it = Wanted(kind=ScopeKind.DOMAIN, reference=Reference(id=world.ids["d"]))
    world.tokens["there"] = world.token(world.ids["member"], on_it)
    world.run(Case("there", "GET", "/auth/projects", 200))
    world.run(Case("admin", "PATCH", "/domains/{d}", 200, {"domain": {"enabled": False}}))
    world.run(Case("admin", "DELETE", "/domains/{d}", 204))
    clock.advance(2)
    world.run(Case("admin", "POST", "/domains", 201, new))
    world.run(Case("admin", "PUT", grant, 204))
    world.run(Case("there", "GET", "/auth/projects", 401))
    world.tokens["there"] = world.token(world.ids["member"], on_it)
    world.run(Case("there", "GET", "/auth/projects", 200))


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


def test_a_project_says_what_is_above_and_below_it(world: World) -> None:
    """As ids everything; as objects what the caller has a role on."""
    world.ids["top"] = world.make("project", name="top")
    for name, above in (("left", "top"), ("right", "top"), ("leaf", "left")):
        world.ids[name] = world.make("project", name=name, parent_id=world.ids[above])
    give = "/OS-INHERIT/projects/{top}/users/{admin}/roles/{role_reader}/inherited_to_projects"
    world.run(Case("admin", "PUT", give, 204))
    below = world.run(Case("admin", "GET", "/projects/{top}?subtree_as_ids&parents_as_ids", 200)).json["project"]  # type: ignore[index]
    ids = world.ids
    assert below["subtree"] == {ids["left"]: {ids["leaf"]: None}, ids["right"]: None}
    assert below["parents"] == {"default": None}
    for case in (
        Case("admin", "GET", "/projects/{leaf}?parents_as_ids=1", 200,
             has=(("project.parents", {ids["left"]: {ids["top"]: {"default": None}}}),)),
        Case("admin", "GET", "/projects/{leaf}?parents_as_list", 200,
             has=(("project.parents.*.project.name", ["left"]),)),
        Case("admin", "GET", "/projects/{top}?subtree_as_list", 200,
             has=(("project.subtree.*.project.name", ["leaf", "left", "right"]),)),
        Case("system_reader", "GET", "/projects/{top}?subtree_as_list", 200, has=(("project.subtree", []),)),
        Case("admin", "GET", "/projects/{leaf}?subtree_as_ids", 200, has=(("project.subtree", None),)),
        Case("admin", "PATCH", "/projects/{leaf}", 200, {"project": {"enabled": False}}),
        Case("admin", "PATCH", "/projects/{left}", 200, {"project": {"enabled": False}}),
        Case("admin", "PATCH", "/projects/{leaf}", 403, {"project": {"enabled": True}}),
    ):  # fmt: skip
        world.run(case)


def test_a_domain_is_a_project_that_acts_as_one(world: World) -> None:
    body = {"project": {"name": "acting", "is_domain": True, "tags": ["a"], "cost": 5}}
    made = world.run(Case("admin", "POST", "/projects", 201, body)).json["project"]  # type: ignore[index]
    assert (made["domain_id"], made["parent_id"], made["is_domain"], made["cost"]) == (None, None, True, 5)
    world.ids["d"] = made["id"]
    for case in (
        Case("admin", "GET", "/domains/{d}", 200, has=(("domain.name", "acting"), ("domain.tags", ["a"]))),
        Case("admin", "GET", "/projects/{d}", 200, has=(("project.is_domain", True),)),
        Case("admin", "GET", "/projects?is_domain=1&domain_id=default", 200, has=(("projects", []),)),
        Case("admin", "GET", "/projects?is_domain=1&parent_id={d}", 200, has=(("projects", []),)),
        Case("admin", "GET", "/projects?is_domain=1&tags=a", 200, has=(("projects.*.id", ["{d}"]),)),
        Case("admin", "PUT", "/projects/{d}/tags/b", 201),
        Case("admin", "PATCH", "/projects/{d}", 200, {"project": {"name": "acts", "is_domain": True}}),
        Case("admin", "DELETE", "/projects/{d}", 403),
        Case("admin", "PATCH", "/users/{member}", 400, {"user": {"default_project_id": "{d}"}}),
        Case("admin", "PATCH", "/projects/{d}", 200, {"project": {"enabled": False}}),
        Case("admin", "DELETE", "/projects/{d}", 204),
        Case("admin", "GET", "/domains/{d}", 404),
    ):
        world.run(case)


def test_tags_are_set_found_and_taken_away(world: World) -> None:
    """S-115: what looks like a pattern is a letter."""
    tags, one = "/projects/{ours}/tags", "/projects/{ours}/tags/a"
    for case in (
        Case("admin", "PUT", tags, 200, {"tags": ["b", "%", 'q"']}, (("tags", ["b", "%", 'q"']),)),
        Case("admin", "HEAD", one, 404),
        Case("admin", "PUT", one, 201),
        Case("admin", "PUT", one, 201),
        Case("member", "HEAD", one, 204),
        Case("member", "GET", tags, 200, has=(("tags", ["b", "%", 'q"', "a"]),)),
        Case("admin", "PUT", "/projects/{theirs}/tags", 200, {"tags": ["b", "B"]}),
        Case("admin", "GET", "/projects?tags=b", 200, has=(("projects.#", 2),)),
        Case("admin", "GET", "/projects?tags=a,b", 200, has=(("projects.*.id", ["{ours}"]),)),
        Case("admin", "GET", "/projects?tags=B", 200, has=(("projects.*.id", ["{theirs}"]),)),
        Case("admin", "GET", "/projects?tags=_,*", 200, has=(("projects", []),)),
        Case("admin", "GET", '/projects?tags=q"', 200, has=(("projects.*.id", ["{ours}"]),)),
        Case("admin", "GET", "/projects?tags-any=a,B", 200, has=(("projects.#", 2),)),
        Case("admin", "GET", "/projects?not-tags=a,b&name=ours", 200, has=(("projects", []),)),
        Case("admin", "GET", "/projects?not-tags-any=a,B&name__endswith=s", 200, has=(("projects", []),)),
        Case("admin", "DELETE", one, 204),
        Case("admin", "DELETE", tags, 204),
        Case("admin", "GET", tags, 200, has=(("tags", []),)),
        Case("admin", "GET", "/projects/unknown/tags", 404),
    ):
        world.run(case)
    world.run(Case("admin", "PUT", tags, 200, {"tags": [str(number) for number in range(80)]}))
    world.run(Case("admin", "PUT", one, 400))


NOUNS = {"project": "projects/{ours}", "domain": "domains/default", "role": "roles/{role_member}"}


@pytest.mark.parametrize("noun", NOUNS)
def test_what_is_immutable_stays_until_it_is_made_mutable(world: World, noun: str) -> None:
    """The roles that a cloud starts with are immutable from the start."""
    path = f"/{NOUNS[noun]}"
    world.run(Case("admin", "PATCH", path, 200 if noun != "role" else 403, {noun: {"options": {"immutable": True}}}))
    before = world.state()
    for case in (
        Case("admin", "PATCH", path, 403, {noun: {"name": "x"}}),
        Case("admin", "PATCH", path, 403, {noun: {"name": "x", "options": {"immutable": False}}}),
        Case("admin", "DELETE", path, 403),
        Case("admin", "GET", path, 200, has=((f"{noun}.options", {"immutable": True}),)),
    ):
        world.run(case)
    assert world.state() == before, "S-048"
    world.run(Case("admin", "PATCH", path, 200, {noun: {"options": {"immutable": None}}}, ((f"{noun}.options", {}),)))
    world.run(Case("admin", "PATCH", path, 200, {noun: {"name": "x"}}))
