"""/v3/roles, what they imply, grants and the list of assignments."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.identity.world import Case, World, at


def test_a_role_is_created_shown_changed_listed_and_deleted(world: World) -> None:
    world.ids["cook"] = world.make("role", name="cook", description="cooks", domain_id=None)
    for case in (
        Case("admin", "GET", "/roles/{cook}", 200,
             has=(("role.name", "cook"), ("role.domain_id", None), ("role.description", "cooks"))),
        Case("admin", "PATCH", "/roles/{cook}", 200, {"role": {"name": "chef"}}, (("role.name", "chef"),)),
        Case("admin", "POST", "/roles", 409, {"role": {"name": "chef"}}),
        Case("admin", "PATCH", "/roles/{cook}", 409, {"role": {"name": "member"}}),
        Case("admin", "POST", "/roles", 404, {"role": {"name": "x", "domain_id": "f00"}}),
        Case("admin", "GET", "/roles?name=chef", 200, has=(("roles.#", 1),)),
        Case("admin", "GET", "/roles?domain_id=default", 200, has=(("roles", []),)),
        Case("member", "GET", "/roles", 403),
        Case("admin", "DELETE", "/roles/{cook}", 204),
        Case("admin", "GET", "/roles/{cook}", 404, has=(("error.message", "Could not find role: {cook}."),)),
    ):  # fmt: skip
        world.run(case)


def test_the_default_roles_imply_each_other_down_to_the_reader(world: World) -> None:
    answer = world.run(Case("admin", "GET", "/role_inferences", 200))
    pairs = {
        (rule["prior_role"]["name"], implied["name"])
        for rule in at(answer.json, "role_inferences")
        for implied in rule["implies"]
    }
    assert pairs == {("admin", "manager"), ("manager", "member"), ("member", "reader")}


def test_an_implication_is_made_shown_and_taken_back(world: World) -> None:
    world.ids["cook"] = world.make("role", name="cook")
    pair = "/roles/{role_member}/implies/{cook}"
    for case in (
        Case("admin", "HEAD", pair, 404),
        Case(
            "admin",
            "PUT",
            pair,
            201,
            has=(("role_inference.prior_role.name", "member"), ("role_inference.implies.name", "cook")),
        ),
        Case("admin", "PUT", pair, 201),
        Case("admin", "HEAD", pair, 204),
        Case("admin", "GET", pair, 200, has=(("role_inference.implies.id", "{cook}"),)),
        Case(
            "admin",
            "GET",
            "/roles/{role_member}/implies",
            200,
            has=(("role_inference.implies.*.name", ["cook", "reader"]),),
        ),
        Case("admin", "GET", "/roles/{cook}/implies", 200, has=(("role_inference.implies", []),)),
        Case("admin", "PUT", "/roles/{cook}/implies/{role_admin}", 403),
        Case("admin", "PUT", "/roles/{cook}/implies/{role_manager}", 400),
        Case("admin", "PUT", "/roles/{cook}/implies/{cook}", 400),
        Case("admin", "PUT", "/roles/{cook}/implies/unknown", 404),
        Case("admin", "DELETE", pair, 204),
        Case("admin", "DELETE", pair, 404),
    ):
        world.run(case)


PLACES = ("projects/{ours}", "domains/default", "system", "OS-INHERIT/projects/{ours}", "OS-INHERIT/domains/default")
ACTORS = ("users/{stranger}", "groups/{crew}")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("actor", ACTORS)
def test_a_role_is_granted_checked_listed_and_revoked(world: World, place: str, actor: str) -> None:
    world.ids["crew"] = world.make("group", name="crew")
    end = "/inherited_to_projects" if place.startswith("OS-INHERIT") else ""
    base, unknown = f"/{place}/{actor}/roles{end}", f"/{place}/{actor.split('/')[0]}/unknown/roles"
    one = f"/{place}/{actor}/roles/{{role_reader}}{end}"
    before = world.state()
    for case in (
        Case("admin", "GET", base, 200, has=(("roles", []),)),
        Case("admin", "HEAD", one, 404),
        Case("admin", "DELETE", one, 404),
        Case("admin", "PUT", f"/{place}/{actor}/roles/unknown{end}", 404),
        Case("admin", "PUT", f"{unknown}/{{role_reader}}{end}", 404),
        Case("admin", "GET", f"{unknown}{end}", 404),
        Case("member", "PUT", one, 403),
        Case("service", "PUT", one, 403),
        Case("stranger", "PUT", one, 403),
    ):
        world.run(case)
    assert world.state() == before, "S-048: removing a missing role grants nothing"
    for case in (
        Case("admin", "PUT", one, 204),
        Case("admin", "PUT", one, 204),
        Case("admin", "HEAD", one, 204),
        Case("admin", "GET", one, 204),
        Case("system_reader", "GET", base, 200, has=(("roles.*.name", ["reader"]),)),
        Case("admin", "DELETE", one, 204),
        Case("admin", "HEAD", one, 404),
    ):
        world.run(case)
    assert world.state() == before


def rows(world: World, query: str) -> list[dict[str, Any]]:
    answer: Any = world.run(Case("admin", "GET", f"/role_assignments?{query}", 200))
    found: list[dict[str, Any]] = at(answer.json, "role_assignments")
    return found


def names(found: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """(who, role, where) of a list with names."""
    return {
        (
            (row.get("user") or row["group"])["name"],
            row["role"]["name"],
            "system" if "system" in row["scope"] else next(iter(row["scope"].values()))["name"],
        )
        for row in found
    }


@pytest.fixture
def crew(world: World) -> World:
    """member and stranger are the crew; the crew manages ``theirs``."""
    world.ids["crew"] = world.make("group", name="crew")
    for person in ("member", "stranger"):
        world.run(Case("admin", "PUT", f"/groups/{{crew}}/users/{{{person}}}", 204))
    world.run(Case("admin", "PUT", "/projects/{theirs}/groups/{crew}/roles/{role_manager}", 204))
    return world


def test_stored_assignments_are_listed_by_every_filter(crew: World) -> None:
    assert names(rows(crew, "user.id={member}&include_names")) == {("member", "member", "ours")}
    assert names(rows(crew, "group.id={crew}&include_names=1")) == {("crew", "manager", "theirs")}
    assert names(rows(crew, "scope.project.id={theirs}&include_names")) == {
        ("crew", "manager", "theirs"), ("stranger", "member", "theirs"),
    }  # fmt: skip
    for all_of_it in ("scope.system", "scope.system=all", "scope.system=True"):
        assert names(rows(crew, f"{all_of_it}&include_names")) == {
            ("admin", "admin", "system"),
            ("system_reader", "reader", "system"),
        }
    assert names(rows(crew, "role.id={role_service}&include_names")) == {("iaas", "service", "service")}
    assert rows(crew, "scope.domain.id=default") == []
    assert rows(crew, "user.id=unknown") == []


def test_effective_assignments_write_out_groups_and_implied_roles(crew: World) -> None:
    """A-090"""
    found = rows(crew, "user.id={member}&effective&include_names")
    assert names(found) == {
        ("member", "member", "ours"),
        ("member", "reader", "ours"),
        ("member", "manager", "theirs"),
        ("member", "member", "theirs"),
        ("member", "reader", "theirs"),
    }
    [implied] = [
        row for row in found if row["role"]["name"] == "reader" and row["scope"]["project"]["name"] == "theirs"
    ]
    base = "http://localhost/v3"
    ids = crew.ids
    assert implied["links"] == {
        "assignment": f"{base}/projects/{ids['theirs']}/groups/{ids['crew']}/roles/{ids['role_manager']}",
        "membership": f"{base}/groups/{ids['crew']}/users/{ids['member']}",
        "prior_role": f"{base}/prior_role/{ids['role_manager']}/implies/{ids['role_reader']}",
    }
    assert implied["user"] == {"id": ids["member"], "name": "member", "domain": {"id": "default", "name": "Default"}}
    by_role = rows(crew, "role.id={role_reader}&effective&scope.project.id={theirs}&include_names")
    assert names(by_role) == {("member", "reader", "theirs"), ("stranger", "reader", "theirs")}


def test_what_the_effective_list_says_is_what_tokens_carry(crew: World) -> None:
    for person, place in (("member", "ours"), ("member", "theirs"), ("stranger", "theirs")):
        query = f"user.id={{{person}}}&scope.project.id={{{place}}}&effective&include_names"
        listed = {row["role"]["name"] for row in rows(crew, query)}
        user = {"id": f"{{{person}}}", "password": "secret"}
        scope = {"project": {"id": f"{{{place}}}"}}
        auth = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        answer = crew.run(Case("nobody", "POST", "/auth/tokens", 201, auth))
        assert {role["name"] for role in at(answer.json, "token.roles")} == listed


def test_a_subtree_takes_the_projects_below_along(crew: World) -> None:
    crew.ids["below"] = crew.make("project", name="below", parent_id=crew.ids["ours"])
    crew.run(Case("admin", "PUT", "/projects/{below}/users/{stranger}/roles/{role_reader}", 204))
    found = names(rows(crew, "scope.project.id={ours}&include_subtree&include_names"))
    assert found == {("member", "member", "ours"), ("stranger", "reader", "below")}


@pytest.mark.parametrize(
    "query",
    [
        "group.id={crew}&effective",
        "user.id={member}&group.id={crew}",
        "scope.project.id={ours}&scope.domain.id=default",
        "scope.system&scope.project.id={ours}",
        "include_subtree",
        "effective=perhaps",
    ],
)
def test_filters_that_contradict_each_other_are_400(crew: World, query: str) -> None:
    crew.run(Case("admin", "GET", f"/role_assignments?{query}", 400))


def test_the_list_of_assignments_takes_a_constant_number_of_queries(crew: World) -> None:
    from sqlalchemy import event

    def count() -> int:
        seen: list[str] = []

        def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            seen.append(statement)

        engine = crew.services.database.engine
        event.listen(engine, "before_cursor_execute", note)
        rows(crew, "effective&include_names")
        event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    few = count()
    for number in range(20):
        crew.ids["u"] = crew.make("user", name=f"many-{number}")
        crew.run(Case("admin", "PUT", "/groups/{crew}/users/{u}", 204))
        crew.run(Case("admin", "PUT", "/projects/{ours}/users/{u}/roles/{role_reader}", 204))
    assert count() <= few + 2  # the token's own check may or may not be remembered


def test_a_role_of_one_domain_counts_there_and_by_what_it_implies(world: World) -> None:
    """A-091"""
    for name in ("d", "e"):
        world.ids[name] = world.make("domain", name=name)
    world.ids["p"] = world.make("project", name="p", domain_id=world.ids["d"])
    world.ids["cook"] = world.make("role", name="cook", domain_id=world.ids["d"])
    world.ids["chef"] = world.make("role", name="cook", domain_id=world.ids["e"])
    give = "/projects/{p}/users/{stranger}/roles/{cook}"
    for case in (
        Case("admin", "POST", "/roles", 409, {"role": {"name": "cook", "domain_id": "{d}"}}),
        Case("admin", "POST", "/roles", 201, {"role": {"name": "cook"}}),
        Case("admin", "GET", "/roles?name=cook", 200, has=(("roles.*.domain_id", [None]),)),
        Case("admin", "GET", "/roles?domain_id={d}", 200, has=(("roles.*.id", ["{cook}"]),)),
        Case("admin", "PATCH", "/roles/{cook}", 403, {"role": {"domain_id": "{e}"}}),
        Case("admin", "PUT", "/projects/{ours}/users/{stranger}/roles/{cook}", 403),
        Case("admin", "PUT", "/domains/{e}/users/{stranger}/roles/{cook}", 403),
        Case("admin", "PUT", "/system/users/{stranger}/roles/{cook}", 403),
        Case("admin", "PUT", "/roles/{role_reader}/implies/{cook}", 403),
        Case("admin", "PUT", "/roles/{chef}/implies/{cook}", 403),
        Case("admin", "PUT", give, 204),
    ):
        world.run(case)
    assert rows(world, "user.id={stranger}&scope.project.id={p}&effective") == []
    assert names(rows(world, "user.id={stranger}&scope.project.id={p}&include_names")) == {("stranger", "cook", "p")}
    [row] = rows(world, "role.id={cook}&include_names")
    assert row["role"]["domain"] == {"id": world.ids["d"], "name": "d"}
    world.run(Case("admin", "PUT", "/roles/{cook}/implies/{role_member}", 201))
    assert names(rows(world, "user.id={stranger}&scope.project.id={p}&effective&include_names")) == {
        ("stranger", "member", "p"), ("stranger", "reader", "p"),
    }  # fmt: skip
    world.run(Case("admin", "PATCH", "/domains/{d}", 200, {"domain": {"enabled": False}}))
    world.run(Case("admin", "DELETE", "/domains/{d}", 204))
    assert world.ids["cook"] not in repr(world.state())


def test_inherited_assignments_show_where_they_are_and_where_they_count(world: World) -> None:
    world.ids["below"] = world.make("project", name="below", parent_id=world.ids["ours"])
    give = "/OS-INHERIT/projects/{ours}/users/{stranger}/roles/{role_reader}/inherited_to_projects"
    world.run(Case("admin", "PUT", give, 204))
    [stored] = rows(world, "user.id={stranger}&scope.OS-INHERIT:inherited_to=projects")
    assert stored["scope"] == {"project": {"id": world.ids["ours"]}, "OS-INHERIT:inherited_to": "projects"}
    assert stored["links"]["assignment"] == f"http://localhost/v3{give.format(**world.ids)}"
    [effective] = rows(world, "user.id={stranger}&scope.project.id={below}&effective")
    assert effective["scope"] == {"project": {"id": world.ids["below"]}, "OS-INHERIT:inherited_to": "projects"}
    assert effective["links"] == stored["links"]
    assert rows(world, "user.id={stranger}&scope.project.id={ours}&effective") == []
    for query in ("effective&scope.domain.id=default&scope.OS-INHERIT:inherited_to=projects",):
        world.run(Case("admin", "GET", f"/role_assignments?{query}", 400))
    world.run(Case("stranger", "GET", "/auth/projects", 200, has=(("projects.*.name", ["below", "theirs"]),)))
    world.run(Case("stranger", "GET", "/users/{stranger}/projects?name__startswith=b", 200, has=(("projects.#", 1),)))
