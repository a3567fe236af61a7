"""/v3/registered_limits and /v3/limits, and what the two models allow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.identity.world import Case, World, at


def register(world: World, **fields: Any) -> str:
    """The id of a new registered limit of the compute service, ten cores unless said otherwise."""
    [service] = world.services.services.page({"type": "compute"})
    world.ids["s"] = service.id
    item = {"service_id": service.id, "resource_name": "cores", "default_limit": 10, **fields}
    answer = world.request("admin", "POST", "/registered_limits", {"registered_limits": [item]})
    assert answer.status_code == 201, answer.text
    assert set(answer.json) == {"registered_limits"}  # type: ignore[arg-type]
    return str(at(answer.json, "registered_limits.0.id"))


def limits(*items: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"limits": [{"service_id": "{s}", "resource_name": "cores", **fields, **item} for item in items]}


OURS, DOMAIN = {"project_id": "{ours}"}, {"domain_id": "default"}


@pytest.fixture
def registered(world: World) -> World:
    world.ids["r"] = register(world)
    return world


@pytest.fixture
def strict(registered: World) -> World:
    registered.services.limits.model = "strict_two_level"
    return registered


def test_registered_limits_are_made_shown_filtered_changed_and_deleted(registered: World) -> None:
    register(registered, resource_name="ram", region_id="RegionOne", description="MiB")
    for case in (
        Case("member", "GET", "/registered_limits", 200, has=(("registered_limits.#", 2),)),
        Case("member", "GET", "/registered_limits?resource_name=cores", 200,
             has=(("registered_limits.*.id", ["{r}"]),)),
        Case("member", "GET", "/registered_limits?region_id=RegionOne&service_id={s}", 200,
             has=(("registered_limits.0.resource_name", "ram"), ("registered_limits.0.description", "MiB"))),
        Case("member", "GET", "/registered_limits/{r}", 200,
             has=(("registered_limit.default_limit", 10), ("registered_limit.region_id", None))),
        Case("admin", "PATCH", "/registered_limits/{r}", 200, {"registered_limit": {"default_limit": -1}},
             (("registered_limit.default_limit", -1), ("registered_limit.resource_name", "cores"))),
        Case("admin", "PATCH", "/registered_limits/{r}", 409, {"registered_limit": {"resource_name": "ram",
             "region_id": "RegionOne"}}),
        Case("admin", "PATCH", "/registered_limits/{r}", 400, {"registered_limit": {"region_id": "Sun"}}),
        Case("member", "PATCH", "/registered_limits/{r}", 403, {"registered_limit": {"default_limit": 1}}),
        Case("admin", "DELETE", "/regions/RegionOne", 403),
        Case("admin", "DELETE", "/registered_limits/{r}", 204),
        Case("admin", "GET", "/registered_limits/{r}", 404),
        Case("admin", "DELETE", "/registered_limits/{r}", 404),
    ):  # fmt: skip
        registered.run(case)


def test_several_are_made_at_once_all_or_none(registered: World) -> None:
    before = registered.state()
    new = {"service_id": "{s}", "resource_name": "disk", "default_limit": 1}
    same = {"service_id": "{s}", "resource_name": "cores", "default_limit": 1}
    for second, status in ((new, 409), (same, 409), ({**new, "service_id": "nobody", "resource_name": "x"}, 400)):
        body = {"registered_limits": [new, second]}
        registered.run(Case("admin", "POST", "/registered_limits", status, body))
    assert registered.state() == before
    body = {"registered_limits": [new, {**new, "region_id": "RegionOne"}]}
    registered.run(Case("admin", "POST", "/registered_limits", 201, body, (("registered_limits.#", 2),)))


def test_limits_are_made_shown_filtered_changed_and_deleted(registered: World) -> None:
    made = registered.run(Case("admin", "POST", "/limits", 201, limits(OURS, DOMAIN, resource_limit=5)))
    registered.ids["l"], registered.ids["d"] = (at(made.json, f"limits.{number}.id") for number in (0, 1))
    assert "links" not in (made.json or {})
    for case in (
        Case("admin", "GET", "/limits", 200, has=(("limits.#", 2),)),
        Case("admin", "GET", "/limits?project_id={ours}", 200, has=(("limits.*.id", ["{l}"]),)),
        Case("admin", "GET", "/limits?domain_id=default", 200, has=(("limits.*.id", ["{d}"]),)),
        Case("admin", "GET", "/limits?service_id={s}&resource_name=cores", 200, has=(("limits.#", 2),)),
        Case("admin", "GET", "/limits?resource_name=ram", 200, has=(("limits", []),)),
        Case("admin", "PATCH", "/limits/{l}", 200, {"limit": {"resource_limit": 7, "description": "more"}},
             (("limit.resource_limit", 7), ("limit.description", "more"), ("limit.project_id", "{ours}"),
              ("limit.domain_id", None))),
        Case("admin", "PATCH", "/limits/{l}", 400, {"limit": {"project_id": "{theirs}"}}),
        Case("admin", "POST", "/limits", 409, limits(OURS, resource_limit=5)),
        Case("admin", "DELETE", "/registered_limits/{r}", 403),
        Case("admin", "PATCH", "/registered_limits/{r}", 403, {"registered_limit": {"default_limit": 1}}),
        Case("admin", "DELETE", "/limits/{l}", 204),
        Case("admin", "DELETE", "/limits/{l}", 404),
        Case("admin", "DELETE", "/limits/{d}", 204),
        Case("admin", "DELETE", "/registered_limits/{r}", 204),
    ):  # fmt: skip
        registered.run(case)


def test_a_project_sees_its_own_limits_only(registered: World) -> None:
    body = limits(OURS, {"project_id": "{theirs}"}, DOMAIN, resource_limit=5)
    made = registered.run(Case("admin", "POST", "/limits", 201, body))
    registered.ids["l"], registered.ids["other"] = (at(made.json, f"limits.{number}.id") for number in (0, 1))
    for case in (
        Case("member", "GET", "/limits", 200, has=(("limits.*.id", ["{l}"]),)),
        Case("member", "GET", "/limits?project_id={theirs}", 200, has=(("limits", []),)),
        Case("member", "GET", "/limits/{l}", 200),
        Case("member", "GET", "/limits/{other}", 404),
        Case("unscoped", "GET", "/limits", 200, has=(("limits", []),)),
        Case("system_reader", "GET", "/limits", 200, has=(("limits.#", 3),)),
        Case("member", "DELETE", "/limits/{l}", 403),
    ):
        registered.run(case)


def test_a_limit_needs_a_registered_one_of_the_same_place(registered: World) -> None:
    for item, status in (
        ({**OURS, "resource_name": "ram"}, 403),
        ({**OURS, "region_id": "RegionOne"}, 403),
        ({**OURS, "region_id": "Sun"}, 400),
        ({"project_id": "nobody"}, 400),
        ({"domain_id": "nobody"}, 400),
        ({}, 400),
        ({**OURS, **DOMAIN}, 400),
        ({**OURS, "resource_limit": -2}, 400),
        ({**OURS, "resource_limit": 2**31}, 400),
        ({**OURS, "resource_limit": "5"}, 400),
    ):
        registered.run(Case("admin", "POST", "/limits", status, limits(item, **{"resource_limit": 5, **item})))
    registered.run(Case("admin", "GET", "/limits", 200, has=(("limits", []),)))


def test_limits_go_with_their_project_and_with_their_service(registered: World) -> None:
    registered.run(Case("admin", "POST", "/limits", 201, limits(OURS, DOMAIN, resource_limit=5)))
    registered.run(Case("admin", "DELETE", "/projects/{ours}", 204))
    registered.run(Case("admin", "GET", "/limits", 200, has=(("limits.#", 1),)))
    registered.run(Case("admin", "DELETE", "/services/{s}", 204))
    registered.run(Case("admin", "GET", "/registered_limits", 200, has=(("registered_limits", []),)))


def test_the_model_in_force_is_shown(strict: World) -> None:
    strict.run(Case("member", "GET", "/limits/model", 200, has=(("model.name", "strict_two_level"),)))


def test_the_flat_model_compares_nothing(registered: World) -> None:
    registered.run(Case("member", "GET", "/limits/model", 200, has=(("model.name", "flat"),)))
    body = limits({**OURS, "resource_limit": 100}, {**DOMAIN, "resource_limit": 1})
    registered.run(Case("admin", "POST", "/limits", 201, body))


def test_with_two_levels_no_project_has_more_than_its_domain(strict: World) -> None:
    for case in (
        Case("admin", "POST", "/limits", 403, limits({**OURS, "resource_limit": 11})),
        Case("admin", "POST", "/limits", 403, limits({**OURS, "resource_limit": -1})),
        Case("admin", "POST", "/limits", 403, limits({**OURS, "resource_limit": 9}, {**DOMAIN, "resource_limit": 8})),
        Case("admin", "GET", "/limits", 200, has=(("limits", []),)),
        Case("admin", "POST", "/limits", 201, limits({**OURS, "resource_limit": 30}, {**DOMAIN, "resource_limit": 40})),
        Case("admin", "POST", "/limits", 403, limits({"project_id": "{theirs}", "resource_limit": 41})),
        Case("admin", "POST", "/limits", 201, limits({"project_id": "{theirs}", "resource_limit": 40})),
    ):
        strict.run(case)
    found = strict.run(Case("admin", "GET", "/limits?domain_id=default", 200))
    strict.ids["d"] = at(found.json, "limits.0.id")
    found = strict.run(Case("admin", "GET", "/limits?project_id={ours}", 200))
    strict.ids["l"] = at(found.json, "limits.0.id")
    for case in (
        Case("admin", "PATCH", "/limits/{d}", 403, {"limit": {"resource_limit": 39}}),
        Case("admin", "PATCH", "/limits/{l}", 403, {"limit": {"resource_limit": 41}}),
        Case("admin", "PATCH", "/limits/{d}", 200, {"limit": {"resource_limit": -1}}),
        Case("admin", "PATCH", "/limits/{l}", 200, {"limit": {"resource_limit": -1}}),
        Case("admin", "PATCH", "/limits/{d}", 403, {"limit": {"resource_limit": 1000}}),
    ):
        strict.run(case)


def test_with_two_levels_a_project_below_another_has_no_limit_of_its_own(strict: World) -> None:
    strict.ids["child"] = strict.make("project", name="child", parent_id=strict.ids["ours"])
    strict.run(Case("admin", "POST", "/limits", 403, limits({"project_id": "{child}", "resource_limit": 1})))


def test_who_holds_a_domain_sees_its_limits_and_those_of_its_projects(registered: World) -> None:
    registered.run(Case("admin", "POST", "/limits", 201, limits(OURS, DOMAIN, resource_limit=5)))
    assert {item.project_id or item.domain_id for item in registered.services.limits.seen({}, domain_id="default")} == {
        registered.ids["ours"], "default"
    }  # fmt: skip
    assert registered.services.limits.seen({}, domain_id="other") == []
