"""OS-EP-FILTER: endpoints and groups of them that are chosen for a project, and what its catalog then holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from tests.api.identity.world import Case, World, at

GROUPS = "/OS-EP-FILTER/endpoint_groups"
TYPES = "catalog.*.type"


@pytest.fixture
def kitchen(world: World) -> World:
    """Service ``s`` with endpoints ``a`` (public) and ``b`` (admin)."""
    world.make("region", id="Kitchen")
    world.ids["s"] = world.make("service", type="toaster")
    for name, interface in (("a", "public"), ("b", "admin")):
        world.ids[name] = world.make(
            "endpoint", service_id=world.ids["s"], interface=interface, url=f"http://{name}", region_id="Kitchen"
        )
    return world


def group(world: World, **filters: str) -> str:
    body = {"endpoint_group": {"name": "g", "description": "some", "filters": filters}}
    answer = world.request("admin", "POST", GROUPS, body)
    assert answer.status_code == 201, answer.text
    return str(at(answer.json, "endpoint_group.id"))


def test_a_chosen_endpoint_makes_the_catalog_hold_no_other(kitchen: World) -> None:
    one = "/OS-EP-FILTER/projects/{ours}/endpoints"
    for case in (
        Case("member", "GET", "/auth/catalog", 200, has=((TYPES, ["compute", "identity", "toaster"]),)),
        Case("admin", "GET", one + "/{a}", 404),
        Case("admin", "PUT", one + "/{a}", 204),
        Case("admin", "PUT", one + "/{a}", 204),
        Case("admin", "HEAD", one + "/{a}", 204),
        Case("admin", "GET", one, 200, has=(("endpoints.*.id", ["{a}"]),)),
        Case("admin", "GET", "/OS-EP-FILTER/endpoints/{a}/projects", 200, has=(("projects.*.id", ["{ours}"]),)),
        Case("member", "GET", "/auth/catalog", 200,
             has=((TYPES, ["toaster"]), ("catalog.0.endpoints.*.id", ["{a}"]))),
        Case("stranger", "GET", "/auth/catalog", 200, has=((TYPES, ["compute", "identity", "toaster"]),)),
        Case("admin", "PATCH", "/endpoints/{a}", 200, {"endpoint": {"enabled": False}}),
        Case("member", "GET", "/auth/catalog", 200, has=((TYPES, ["toaster"]), ("catalog.0.endpoints", []))),
        Case("admin", "DELETE", one + "/{a}", 204),
        Case("admin", "DELETE", one + "/{a}", 404),
        Case("member", "GET", "/auth/catalog", 200, has=((TYPES, ["compute", "identity", "toaster"]),)),
        Case("admin", "PUT", one + "/unknown", 404),
        Case("admin", "PUT", "/OS-EP-FILTER/projects/unknown/endpoints/{a}", 404),
        Case("admin", "GET", "/OS-EP-FILTER/projects/unknown/endpoints", 404),
        Case("member", "PUT", one + "/{a}", 403),
    ):  # fmt: skip
        kitchen.run(case)


def test_a_group_is_made_shown_listed_changed_and_deleted(kitchen: World) -> None:
    kitchen.ids["g"] = group(kitchen, interface="public", service_id=kitchen.ids["s"])
    one = GROUPS + "/{g}"
    for case in (
        Case("admin", "GET", one, 200, has=(("endpoint_group.filters.interface", "public"),
             ("endpoint_group.name", "g"), ("endpoint_group.description", "some"))),
        Case("admin", "GET", GROUPS + "?name=g", 200, has=(("endpoint_groups.*.id", ["{g}"]),)),
        Case("admin", "GET", one + "/endpoints", 200, has=(("endpoints.*.id", ["{a}"]),)),
        Case("admin", "PATCH", one, 200, {"endpoint_group": {"filters": {"interface": "admin"}}},
             (("endpoint_group.filters", {"interface": "admin"}), ("endpoint_group.name", "g"))),
        Case("admin", "PATCH", one, 400, {"endpoint_group": {"filters": {"colour": "red"}}}),
        Case("admin", "POST", GROUPS, 400, {"endpoint_group": {"name": "g", "filters": {}}}),
        Case("admin", "POST", GROUPS, 400, {"endpoint_group": {"name": "g"}}),
        Case("member", "GET", GROUPS, 403),
        Case("admin", "DELETE", one, 204),
        Case("admin", "GET", one, 404),
        Case("admin", "GET", one + "/endpoints", 404),
    ):  # fmt: skip
        kitchen.run(case)


def test_the_groups_of_a_project_choose_its_endpoints(kitchen: World) -> None:
    kitchen.ids["g"] = group(kitchen, region_id="Kitchen", interface="admin")
    pair = GROUPS + "/{g}/projects/{ours}"
    for case in (
        Case("admin", "GET", pair, 404),
        Case("admin", "PUT", pair, 204),
        Case("admin", "PUT", pair, 204),
        Case("admin", "GET", pair, 200, has=(("project_endpoint_group.project_id", "{ours}"),
             ("project_endpoint_group.endpoint_group_id", "{g}"))),
        Case("admin", "GET", GROUPS + "/{g}/projects", 200, has=(("projects.*.id", ["{ours}"]),)),
        Case("admin", "GET", "/OS-EP-FILTER/projects/{ours}/endpoint_groups", 200,
             has=(("endpoint_groups.*.id", ["{g}"]),)),
        Case("admin", "GET", "/OS-EP-FILTER/projects/{ours}/endpoints", 200, has=(("endpoints.*.id", ["{b}"]),)),
        Case("member", "GET", "/auth/catalog", 200,
             has=((TYPES, ["toaster"]), ("catalog.0.endpoints.*.id", ["{b}"]))),
        Case("admin", "PUT", "/OS-EP-FILTER/projects/{ours}/endpoints/{a}", 204),
        Case("member", "GET", "/auth/catalog", 200, has=(("catalog.0.endpoints.#", 2),)),
        Case("admin", "DELETE", pair, 204),
        Case("admin", "DELETE", pair, 404),
        Case("member", "GET", "/auth/catalog", 200, has=(("catalog.0.endpoints.*.id", ["{a}"]),)),
    ):  # fmt: skip
        kitchen.run(case)


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2])

    event.listen(world.services.database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(world.services.database.engine, "before_cursor_execute", note)


def test_a_filtered_catalog_costs_as_many_questions_as_any_other(kitchen: World) -> None:
    def cost() -> int:
        with statements(kitchen) as seen:
            kitchen.services.endpoints.catalog(kitchen.ids["member"], kitchen.ids["ours"])
        return len([text for text in seen if text.startswith(("SELECT", "WITH"))])

    before = cost()
    kitchen.ids["g"] = group(kitchen, interface="public")
    kitchen.run(Case("admin", "PUT", GROUPS + "/{g}/projects/{ours}", 204))
    kitchen.run(Case("admin", "PUT", "/OS-EP-FILTER/projects/{ours}/endpoints/{b}", 204))
    assert cost() == before == 2
