"""Aggregates and the zones that follow from them (A-061)."""

from __future__ import annotations

from typing import Any

import pytest

from iaas.ids import new_uuid
from iaas.model.image import State
from tests.api.compute.world import World

PATH = "/v2.1/os-aggregates"
ZONES = "/v2.1/os-availability-zone"


def aggregate(world: World, name: str = "racks", **more: Any) -> int:
    return int(world.ok("admin", "POST", PATH, {"aggregate": {"name": name, **more}})["aggregate"]["id"])


def add(world: World, id: int, host: str) -> Any:
    return world.ok("admin", "POST", f"{PATH}/{id}/action", {"add_host": {"host": host}})["aggregate"]


def zones(world: World) -> dict[str, list[str]]:
    found = world.ok("admin", "GET", f"{ZONES}/detail")["availabilityZoneInfo"]
    return {item["zoneName"]: sorted(item["hosts"]) for item in found}


def test_an_aggregate_from_its_making_to_its_end(world: World) -> None:
    world.host("host1")
    made = world.ok("admin", "POST", PATH, {"aggregate": {"name": "a", "availability_zone": "z1"}})["aggregate"]
    assert "hosts" not in made and (made["name"], made["availability_zone"], made["deleted"]) == ("a", "z1", False)
    one = f"{PATH}/{made['id']}"
    world.refused(409, "admin", "POST", PATH, {"aggregate": {"name": "a"}})
    shown = add(world, made["id"], "host1")
    assert (shown["hosts"], shown["metadata"]) == (["host1"], {"availability_zone": "z1"})
    assert "already has host" in world.refused(409, "admin", "POST", one + "/action", {"add_host": {"host": "host1"}})
    world.refused(404, "admin", "POST", one + "/action", {"add_host": {"host": "nowhere"}})
    body = {"set_metadata": {"metadata": {"ssd": "true", "old": "1"}}}
    assert world.ok("admin", "POST", one + "/action", body)["aggregate"]["metadata"]["ssd"] == "true"
    body = {"set_metadata": {"metadata": {"old": None}}}
    kept = {"availability_zone": "z1", "ssd": "true"}
    assert world.ok("admin", "POST", one + "/action", body)["aggregate"]["metadata"] == kept
    assert world.ok("admin", "PUT", one, {"aggregate": {"name": "b"}})["aggregate"]["name"] == "b"
    assert "uuid" in world.ok("admin", "GET", one, version="2.41")["aggregate"]
    (listed,) = world.ok("admin", "GET", PATH)["aggregates"]
    assert listed["hosts"] == ["host1"] and "uuid" not in listed
    assert "not empty" in world.refused(400, "admin", "DELETE", one)
    assert world.ok("admin", "POST", one + "/action", {"remove_host": {"host": "host1"}})["aggregate"]["hosts"] == []
    world.refused(404, "admin", "POST", one + "/action", {"remove_host": {"host": "host1"}})
    world.ok("admin", "DELETE", one)
    world.refused(404, "admin", "GET", one)
    world.refused(404, "admin", "DELETE", one)
    world.refused(404, "admin", "GET", f"{PATH}/x")


@pytest.mark.parametrize(
    "body",
    [{"name": ""}, {"name": " x"}, {"availability_zone": "z"}, {"name": "x", "availability_zone": "a:b"},
     {"name": "x", "metadata": {}}, {"name": "x" * 256}],
)  # fmt: skip
def test_a_bad_aggregate_is_refused(world: World, body: dict[str, Any]) -> None:
    world.refused(400, "admin", "POST", PATH, {"aggregate": body})


def test_a_name_is_taken_once(world: World) -> None:
    aggregate(world, "a")
    second = aggregate(world, "b")
    world.refused(409, "admin", "PUT", f"{PATH}/{second}", {"aggregate": {"name": "a"}})
    world.ok("admin", "PUT", f"{PATH}/{second}", {"aggregate": {"name": "b"}})


def test_members_see_nothing_of_aggregates(world: World) -> None:
    """S-069."""
    id = aggregate(world)
    for method, path, body in (
        ("GET", PATH, None), ("GET", f"{PATH}/{id}", None), ("POST", PATH, {"aggregate": {"name": "x"}}),
        ("PUT", f"{PATH}/{id}", {"aggregate": {"name": "x"}}), ("DELETE", f"{PATH}/{id}", None),
        ("POST", f"{PATH}/{id}/action", {"add_host": {"host": "host1"}}),
    ):  # fmt: skip
        world.refused(403, "alice", method, path, body)


def test_zones_follow_the_aggregates(world: World) -> None:
    world.host("host1")
    world.host("host2")
    assert zones(world) == {"nova": ["host1", "host2"]}
    id = aggregate(world, availability_zone="z1")
    assert zones(world) == {"nova": ["host1", "host2"]}, "a zone without hosts is none"
    add(world, id, "host1")
    assert zones(world) == {"nova": ["host2"], "z1": ["host1"]}
    plain = world.ok("alice", "GET", ZONES)["availabilityZoneInfo"]
    assert plain == [
        {"zoneName": "nova", "zoneState": {"available": True}, "hosts": None},
        {"zoneName": "z1", "zoneState": {"available": True}, "hosts": None},
    ]
    (service,) = world.ok("admin", "GET", "/v2.1/os-services?host=host1")["services"]
    assert service["zone"] == "z1"
    world.ok("admin", "PUT", f"{PATH}/{id}", {"aggregate": {"availability_zone": "z2"}})
    assert zones(world) == {"nova": ["host2"], "z2": ["host1"]}


def test_a_server_is_asked_for_in_a_zone_that_is_there(world: World) -> None:
    world.host("host1")
    add(world, aggregate(world, availability_zone="z1"), "host1")
    body = {"server": {"name": "w", "imageRef": world.compute_image, "flavorRef": "1", "availability_zone": "nova"}}
    assert "zone is not available" in world.refused(400, "alice", "POST", "/v2.1/servers", body)
    id = world.server(availability_zone="z1")
    world.active(id)
    assert world.ok("alice", "GET", f"/v2.1/servers/{id}")["server"]["OS-EXT-AZ:availability_zone"] == "z1"


def test_a_host_is_in_one_zone(world: World) -> None:
    world.host("host1")
    first, second = aggregate(world, "a", availability_zone="z1"), aggregate(world, "b", availability_zone="z2")
    third, same = aggregate(world, "c"), aggregate(world, "d", availability_zone="z1")
    add(world, first, "host1")
    path = f"{PATH}/{second}/action"
    assert "already in availability zone(s) ['z1']" in world.refused(
        409, "admin", "POST", path, {"add_host": {"host": "host1"}}
    )
    add(world, third, "host1")
    add(world, same, "host1")
    for body in ({"set_metadata": {"metadata": {"availability_zone": "z2"}}},):
        world.refused(400, "admin", "POST", f"{PATH}/{third}/action", body)
    world.refused(400, "admin", "PUT", f"{PATH}/{third}", {"aggregate": {"availability_zone": "z2"}})


def test_a_server_stays_in_the_zone_that_it_was_asked_for_in(world: World) -> None:
    world.host("host1")
    world.host("host2")
    id = aggregate(world, "a", availability_zone="z1")
    world.active(world.server(), "host1")
    add(world, id, "host1")
    world.active(world.server(availability_zone="nova"), "host2")
    inhabited = "contain instances in this zone"
    assert inhabited in world.refused(409, "admin", "POST", f"{PATH}/{id}/action", {"add_host": {"host": "host2"}})
    assert inhabited in world.refused(400, "admin", "PUT", f"{PATH}/{id}", {"aggregate": {"availability_zone": "z2"}})
    gone = {"set_metadata": {"metadata": {"availability_zone": None}}}
    assert inhabited in world.refused(400, "admin", "POST", f"{PATH}/{id}/action", gone)
    world.active(world.server(availability_zone="z1"), "host1")
    assert inhabited in world.refused(409, "admin", "POST", f"{PATH}/{id}/action", {"remove_host": {"host": "host1"}})


def test_a_forgotten_host_leaves_its_aggregates(world: World) -> None:
    world.host("host1")
    id = aggregate(world)
    add(world, id, "host1")
    (item,) = world.ok("admin", "GET", "/v2.1/os-services", version="2.53")["services"]
    world.ok("admin", "DELETE", f"/v2.1/os-services/{item['id']}", version="2.53")
    assert world.ok("admin", "GET", f"{PATH}/{id}")["aggregate"]["hosts"] == []


def test_the_hosts_of_an_aggregate_fetch_images_ahead(world: World) -> None:
    """POST /os-aggregates/{id}/images, since 2.81: the conductor is asked once, and the answer does not wait."""
    for host in ("host1", "host2"):
        world.host(host)
    id = aggregate(world)
    for host in ("host1", "host2"):
        add(world, id, host)
    images = [world.image(), world.image()]
    path, body = f"{PATH}/{id}/images", {"cache": [{"id": image} for image in images]}
    answer = world.call("admin", "POST", path, body, version="2.81")
    assert (answer.status_code, answer.data) == (202, b"")
    (sent,) = [what for name, what in world.wire.sent if name == "conductor.cache_images"]
    assert sent == {"host": None, "image_ids": tuple(images), "compute_hosts": ("host1", "host2")}
    world.refused(403, "alice", "POST", path, body, version="2.81")
    world.refused(404, "admin", "POST", path, body, version="2.80")
    world.refused(404, "admin", "POST", f"{PATH}/99/images", body, version="2.81")
    world.refused(404, "admin", "POST", path, {"cache": [{"id": new_uuid()}]}, version="2.81")
    for bad in ({}, {"cache": []}, {"cache": [{"id": "x"}]}, {"cache": [{"id": images[0]}] * 2}, {"cache": [{}]},
                {"cache": [{"id": images[0], "host": "h"}]}, {"cache": images}, {"images": []}):  # fmt: skip
        world.refused(400, "admin", "POST", path, bad, version="2.81")
    queued = world.image(state=State.QUEUED, size=None)
    world.refused(400, "admin", "POST", path, {"cache": [{"id": queued}]}, version="2.81")
    assert [name for name, _ in world.wire.sent].count("conductor.cache_images") == 1
