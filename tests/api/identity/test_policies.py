"""/v3/policies, and where they apply."""

from __future__ import annotations

import json

import pytest

from tests.api.identity.world import Case, World

BLOB = json.dumps({"toast": "role:cook"})
WHERE = "/policies/{p}/OS-ENDPOINT-POLICY"
EFFECTIVE = "/endpoints/{e}/OS-ENDPOINT-POLICY/policy"


@pytest.fixture
def kitchen(world: World) -> World:
    """Service ``s`` with an endpoint ``e`` in Kitchen, which is in House; ``f`` is in House itself; policies ``p``,
    ``q``."""
    world.make("region", id="House")
    world.make("region", id="Kitchen", parent_region_id="House")
    world.ids["s"] = world.make("service", type="toaster")
    for name, region in (("e", "Kitchen"), ("f", "House")):
        world.ids[name] = world.make(
            "endpoint", service_id=world.ids["s"], interface="public", url="http://t", region_id=region
        )
    for name in ("p", "q"):
        answer = world.request("admin", "POST", "/policies", {"policy": {"type": "application/json", "blob": BLOB}})
        assert answer.status_code == 201, answer.text
        world.ids[name] = answer.json["policy"]["id"]  # type: ignore[index]
    return world


def test_a_policy_is_shown_listed_changed_and_deleted(kitchen: World) -> None:
    for case in (
        Case("admin", "GET", "/policies/{p}", 200,
             has=(("policy.blob", BLOB), ("policy.type", "application/json"))),
        Case("system_reader", "GET", "/policies", 200, has=(("policies.#", 2),)),
        Case("admin", "GET", "/policies?type=text/plain", 200, has=(("policies", []),)),
        Case("admin", "PATCH", "/policies/{p}", 200, {"policy": {"type": "text/plain", "owner": "cook"}},
             (("policy.type", "text/plain"), ("policy.blob", BLOB), ("policy.owner", "cook"))),
        Case("admin", "PATCH", "/policies/{p}", 400, {"policy": {"blob": {"not": "a text"}}}),
        Case("admin", "POST", "/policies", 400, {"policy": {"type": "text/plain"}}),
        Case("admin", "POST", "/policies", 400, {"policy": {"type": "text/plain", "blob": "x" * 65537}}),
        Case("member", "GET", "/policies", 403),
        Case("admin", "DELETE", "/policies/{p}", 204),
        Case("admin", "GET", "/policies/{p}", 404),
    ):  # fmt: skip
        kitchen.run(case)


@pytest.mark.parametrize("place", ["endpoints/{e}", "services/{s}", "services/{s}/regions/Kitchen"])
def test_an_association_is_made_checked_replaced_and_taken_away(kitchen: World, place: str) -> None:
    one, other = f"{WHERE}/{place}", f"/policies/{{q}}/OS-ENDPOINT-POLICY/{place}"
    for case in (
        Case("admin", "GET", one, 404),
        Case("admin", "PUT", one, 204),
        Case("admin", "PUT", one, 204),
        Case("admin", "GET", one, 204),
        Case("admin", "HEAD", one, 204),
        Case("admin", "GET", other, 404),
        Case("admin", "PUT", other, 204),
        Case("admin", "GET", one, 404),
        Case("admin", "DELETE", one, 404),
        Case("admin", "DELETE", other, 204),
        Case("admin", "GET", other, 404),
        Case("admin", "PUT", f"{WHERE}/endpoints/unknown", 404),
        Case("admin", "PUT", f"{WHERE}/services/{{s}}/regions/Sun", 404),
        Case("admin", "PUT", "/policies/unknown/OS-ENDPOINT-POLICY/services/{s}", 404),
    ):
        kitchen.run(case)


def test_the_nearest_association_of_an_endpoint_counts(kitchen: World) -> None:
    """Its own; its service in its region, then in the regions above; its service."""
    kitchen.run(Case("admin", "GET", EFFECTIVE, 404))
    for place, policy in (
        ("services/{s}", "{p}"),
        ("services/{s}/regions/House", "{q}"),
        ("services/{s}/regions/Kitchen", "{p}"),
        ("endpoints/{e}", "{q}"),
    ):
        kitchen.run(Case("admin", "PUT", f"/policies/{policy}/OS-ENDPOINT-POLICY/{place}", 204))
        kitchen.run(Case("admin", "GET", EFFECTIVE, 200, has=(("policy.id", policy),)))


@pytest.mark.parametrize(
    ("place", "reached"),
    [
        ("endpoints/{f}", ["f"]),
        ("services/{s}", ["e", "f"]),
        ("services/{s}/regions/Kitchen", ["e"]),
        ("services/{s}/regions/House", ["e", "f"]),
    ],
)
def test_the_endpoints_of_a_policy_are_those_of_its_places_and_below(
    kitchen: World, place: str, reached: list[str]
) -> None:
    kitchen.run(Case("admin", "PUT", f"{WHERE}/{place}", 204))
    expected = sorted(kitchen.ids[name] for name in reached)
    kitchen.run(Case("admin", "GET", f"{WHERE}/endpoints", 200, has=(("endpoints.*.id", expected),)))


def test_associations_go_with_what_they_are_about(kitchen: World) -> None:
    for place in ("endpoints/{e}", "services/{s}"):
        kitchen.run(Case("admin", "PUT", f"{WHERE}/{place}", 204))
    kitchen.run(Case("admin", "DELETE", "/services/{s}", 204))
    kitchen.run(Case("admin", "GET", f"{WHERE}/endpoints", 200, has=(("endpoints", []),)))
    assert kitchen.state()["identity_policy_places"] == []
