"""/v3/regions, /v3/services, /v3/endpoints, and the catalog that comes of them."""

from __future__ import annotations

import pytest

from tests.api.identity.world import Case, World, at


def test_a_region_is_made_by_post_and_put_and_forms_a_tree(world: World) -> None:
    for case in (
        Case("admin", "POST", "/regions", 201, {"region": {"id": "Earth"}}, (("region.id", "Earth"),)),
        Case("admin", "PUT", "/regions/Moon", 201, {"region": {"parent_region_id": "Earth"}},
             (("region.id", "Moon"), ("region.parent_region_id", "Earth"))),
        Case("admin", "POST", "/regions", 409, {"region": {"id": "Earth"}}),
        Case("admin", "PUT", "/regions/Moon", 400, {"region": {"id": "Sun"}}),
        Case("admin", "POST", "/regions", 404, {"region": {"parent_region_id": "Sun"}}),
        Case("admin", "PATCH", "/regions/Earth", 400, {"region": {"parent_region_id": "Moon"}}),
        Case("admin", "PATCH", "/regions/Moon", 200, {"region": {"description": "grey"}},
             (("region.description", "grey"),)),
        Case("member", "GET", "/regions?parent_region_id=Earth", 200, has=(("regions.*.id", ["Moon"]),)),
        Case("admin", "DELETE", "/regions/Earth", 403),
        Case("admin", "DELETE", "/regions/Moon", 204),
        Case("admin", "DELETE", "/regions/Earth", 204),
        Case("member", "GET", "/regions/Earth", 404),
        Case("admin", "DELETE", "/regions/RegionOne", 403),
    ):  # fmt: skip
        world.run(case)
    made = world.make("region")
    assert len(made) == 32


def test_a_service_is_created_shown_changed_and_deleted_with_its_endpoints(world: World) -> None:
    world.ids["s"] = world.make("service", type="toaster", name="bread", description="warm", power="900 W")
    endpoint = {"service_id": world.ids["s"], "interface": "public", "url": "http://t", "region_id": "RegionOne"}
    world.ids["e"] = world.make("endpoint", **endpoint)
    for case in (
        Case("admin", "GET", "/services/{s}", 200, has=(("service.type", "toaster"), ("service.power", "900 W"))),
        Case("admin", "GET", "/services?type=toaster", 200, has=(("services.#", 1),)),
        Case("admin", "GET", "/services?name=bread", 200, has=(("services.#", 1),)),
        Case("admin", "PATCH", "/services/{s}", 200, {"service": {"enabled": False}}, (("service.enabled", False),)),
        Case("member", "GET", "/services", 403),
        Case("admin", "DELETE", "/services/{s}", 204),
        Case("admin", "GET", "/services/{s}", 404),
        Case("admin", "GET", "/endpoints/{e}", 404),
    ):
        world.run(case)


def test_an_endpoint_is_created_shown_changed_and_deleted(world: World) -> None:
    service = world.make("service", type="toaster")
    world.ids["e"] = world.make(
        "endpoint", service_id=service, interface="internal", url="http://t/%(tenant_id)s", region="RegionOne"
    )
    for case in (
        Case("admin", "GET", "/endpoints/{e}", 200,
             has=(("endpoint.url", "http://t/%(tenant_id)s"), ("endpoint.region_id", "RegionOne"),
                  ("endpoint.region", "RegionOne"))),
        Case("admin", "GET", f"/endpoints?service_id={service}&interface=internal&region_id=RegionOne", 200,
             has=(("endpoints.#", 1),)),
        Case("admin", "GET", f"/endpoints?service_id={service}&interface=public", 200, has=(("endpoints", []),)),
        Case("admin", "PATCH", "/endpoints/{e}", 200, {"endpoint": {"url": "https://u"}}, (("endpoint.url", "https://u"),)),
        Case("admin", "PATCH", "/endpoints/{e}", 400, {"endpoint": {"region_id": "Sun"}}),
        Case("admin", "PATCH", "/endpoints/{e}", 400, {"endpoint": {"service_id": "unknown"}}),
        Case("admin", "DELETE", "/endpoints/{e}", 204),
        Case("admin", "DELETE", "/endpoints/{e}", 404),
    ):  # fmt: skip
        world.run(case)


@pytest.mark.parametrize(
    "change",
    [
        {"interface": "secret"},
        {"url": ""},
        {"url": "no url"},
        {"url": 5},
        {"service_id": "unknown"},
        {"region_id": "Sun"},
        {"url": None},
    ],
    ids=str,
)
def test_a_wrong_endpoint_is_400(world: World, change: dict[str, object]) -> None:
    service = world.make("service", type="toaster")
    body = {"service_id": service, "interface": "public", "url": "http://t", **change}
    before = world.state()
    world.run(Case("admin", "POST", "/endpoints", 400, {"endpoint": body}))
    assert world.state() == before


def test_the_old_name_of_a_region_makes_it(world: World) -> None:
    service = world.make("service", type="toaster")
    body = {"service_id": service, "interface": "public", "url": "http://t"}
    for case in (
        Case("admin", "POST", "/endpoints", 400, {"endpoint": {**body, "region_id": "Mars"}}),
        Case("admin", "POST", "/endpoints", 400, {"endpoint": {**body, "region": "a/b"}}),
        Case("admin", "POST", "/endpoints", 201, {"endpoint": {**body, "region": "Mars"}},
             (("endpoint.region_id", "Mars"), ("endpoint.region", "Mars"))),
        Case("admin", "POST", "/endpoints", 201, {"endpoint": {**body, "region": "Mars"}}),
        Case("admin", "GET", "/regions/Mars", 200),
        Case("admin", "GET", "/endpoints?region_id=Mars&interface=public", 200, has=(("endpoints.#", 2),)),
        Case("admin", "GET", "/endpoints?region_id=Mars&interface=admin", 200, has=(("endpoints", []),)),
    ):  # fmt: skip
        world.run(case)


def test_the_order_of_the_catalog_stays(world: World) -> None:
    for number in range(5):
        service = world.make("service", type=f"t{number}")
        for interface in ("public", "internal", "admin"):
            world.make("endpoint", service_id=service, interface=interface, url="http://t")
    shown = [world.run(Case("member", "GET", "/auth/catalog", 200)).json for _ in range(2)]
    assert shown[0] == shown[1]
    ids = [entry["id"] for entry in at(shown[0], "catalog")]
    assert ids == sorted(ids)
    for entry in at(shown[0], "catalog"):
        assert [item["id"] for item in entry["endpoints"]] == sorted(item["id"] for item in entry["endpoints"])


FORMATS = (
    *("%s", "%(password)s", "%(project_id)d", "{0}", "{project_id}", "{0.__class__}", "$(secret)s", "$secret"),
    *("%%", "%n", "${HOME}", "%(admin_token)s", "$(admin_token)s", "%(", "%(project_id", "$(project_id)"),
    *("%25(project_id)s", "{{7*7}}", "`id`", "$(id)"),
)


def test_format_strings_in_urls_and_names_are_inert(world: World) -> None:
    """S-049: only the named places are filled in."""
    for number, text in enumerate(FORMATS):
        service = world.make("service", type=f"t{number}", name=text)
        url = f"http://t/{text}/%(project_id)s/$(tenant_id)s/$(user_id)s"
        world.make("endpoint", service_id=service, interface="public", url=url, region_id="RegionOne")
    answer = world.run(Case("member", "GET", "/auth/catalog", 200))
    entries = {entry["type"]: entry for entry in at(answer.json, "catalog")}
    ours, me = world.ids["ours"], world.ids["member"]
    for number, text in enumerate(FORMATS):
        entry = entries[f"t{number}"]
        assert entry["name"] == text
        assert [endpoint["url"] for endpoint in entry["endpoints"]] == [f"http://t/{text}/{ours}/{ours}/{me}"]


def test_a_disabled_service_or_endpoint_leaves_the_catalog(world: World) -> None:
    service = world.make("service", type="toaster")
    world.ids["s"] = service
    world.ids["e"] = world.make("endpoint", service_id=service, interface="public", url="http://t")
    types = "catalog.*.type"
    for case in (
        Case("member", "GET", "/auth/catalog", 200, has=((types, ["compute", "identity", "toaster"]),)),
        Case("admin", "PATCH", "/endpoints/{e}", 200, {"endpoint": {"enabled": False}}),
        Case("member", "GET", "/auth/catalog", 200, has=((types, ["compute", "identity", "toaster"]),)),
        Case("admin", "PATCH", "/services/{s}", 200, {"service": {"enabled": False}}),
        Case("member", "GET", "/auth/catalog", 200, has=((types, ["compute", "identity"]),)),
    ):
        world.run(case)
