"""Simple tenant usage, the defaults of quotas, and hosts as older clients ask for them."""

from __future__ import annotations

from typing import Any

import pytest

from iaas.clock import ManualClock
from iaas.db.compute import servers
from tests.api.compute.world import World

PATH = "/v2.1/os-simple-tenant-usage"
HOUR = 3600


def gone(world: World, server_id: str) -> None:
    """What the conductor writes when a server has been deleted."""

    def write(tx: Any) -> None:
        servers.begin(tx, servers.get(tx, server_id), "delete")
        servers.finish(tx, server_id, "delete", terminated_at=tx.now(), deleted_at=tx.now())

    world.database.run(write)


@pytest.fixture
def day(world: World, clock: ManualClock) -> dict[str, str]:
    """From 00:00: one runs all day, one from 02:00 to 05:00, bob's from 04:00 on; one was never built. It is 10:00."""
    world.host()
    world.flavor("2", ram_mb=1024, vcpus=2, disk_gb=3, ephemeral_gb=1)
    ids = {"long": world.server(name="long")}
    world.active(ids["long"])
    clock.advance(2 * HOUR)
    ids["short"] = world.server(name="short", flavorRef="2")
    world.active(ids["short"])
    clock.advance(2 * HOUR)
    ids["bobs"] = world.server("bob", "bobs")
    world.active(ids["bobs"])
    world.server(name="never")
    clock.advance(HOUR)
    gone(world, ids["short"])
    clock.advance(5 * HOUR)
    return ids


def test_usage_counts_hours_of_the_span_also_of_what_is_gone(world: World, day: dict[str, str]) -> None:
    """start=end=now without a span, as published: nothing."""
    query = "start=2026-01-01T01:00:00&end=2026-01-01T09:00:00.000000"
    found = {item["tenant_id"]: item for item in world.ok("admin", "GET", f"{PATH}?{query}")["tenant_usages"]}
    assert found.keys() == {"red", "blue"}
    red = found["red"]
    assert red == {
        "tenant_id": "red", "start": "2026-01-01T01:00:00.000000", "stop": "2026-01-01T09:00:00.000000",
        "total_hours": 8 + 3, "total_vcpus_usage": 8 + 2 * 3, "total_memory_mb_usage": 8 * 512 + 3 * 1024,
        "total_local_gb_usage": 8 + 3 * 4,
    }  # fmt: skip
    assert found["blue"]["total_hours"] == 5
    empty = world.ok("admin", "GET", PATH)["tenant_usages"]
    assert [item["total_hours"] for item in empty] == [0, 0]


def test_usage_in_detail_names_the_servers(world: World, day: dict[str, str]) -> None:
    shown = world.ok("alice", "GET", f"{PATH}/red?start=2025-12-31T00:00:00&end=2026-01-02T00:00:00")["tenant_usage"]
    by_name = {item["name"]: item for item in shown["server_usages"]}
    assert by_name.keys() == {"long", "short"}
    assert by_name["short"] == {
        "instance_id": day["short"], "name": "short", "tenant_id": "red", "flavor": "m1.2", "vcpus": 2,
        "memory_mb": 1024, "local_gb": 4, "hours": 3.0, "uptime": 3 * HOUR, "state": "terminated",
        "started_at": "2026-01-01T02:00:00.000000", "ended_at": "2026-01-01T05:00:00.000000",
    }  # fmt: skip
    assert (by_name["long"]["hours"], by_name["long"]["state"], by_name["long"]["ended_at"]) == (10, "active", None)
    for word in ("1", "True"):
        listed = world.ok("admin", "GET", f"{PATH}?start=2026-01-01&end=2026-01-02&detailed={word}")["tenant_usages"]
        assert {len(item["server_usages"]) for item in listed} == {1, 2}
    assert world.ok("alice", "GET", f"{PATH}/red?start=2025-01-01&end=2025-02-01") == {"tenant_usage": {}}


def test_pages_of_usage_follow_each_other(world: World, day: dict[str, str]) -> None:
    path, seen = f"{PATH}?start=2026-01-01&end=2026-01-02&limit=1&detailed=1", []
    while path:
        page = world.ok("admin", "GET", path, version="2.40")
        seen += [server["instance_id"] for item in page["tenant_usages"] for server in item["server_usages"]]
        path = page["tenant_usages_links"][0]["href"].removeprefix("http://localhost") if page["tenant_usages"] else ""
    assert sorted(seen) == sorted(day.values())
    one = world.ok("alice", "GET", f"{PATH}/red?start=2026-01-01&end=2026-01-02&limit=1", version="2.40")
    assert one["tenant_usage_links"] and len(one["tenant_usage"]["server_usages"]) == 1
    foreign = f"{PATH}/red?marker={day['bobs']}&start=2026-01-01&end=2026-01-02"
    world.refused(400, "alice", "GET", foreign, version="2.40")


def test_usage_is_the_projects_own(world: World, day: dict[str, str]) -> None:
    world.refused(403, "alice", "GET", PATH)
    world.refused(403, "bob", "GET", f"{PATH}/red")
    assert world.ok("rita", "GET", f"{PATH}/red?start=2026-01-01")["tenant_usage"]["total_hours"] == 13
    for bad in ("start=yesterday", "start=2026-01-02&end=2026-01-01", "end=x",
                "start=0001-01-01T00:00:00%2B23:59"):  # fmt: skip
        world.refused(400, "alice", "GET", f"{PATH}/red?{bad}")


def test_the_default_class_is_every_projects_unless_it_has_its_own(world: World) -> None:
    path = "/v2.1/os-quota-class-sets/default"
    assert world.ok("admin", "GET", path)["quota_class_set"]["cores"] == 20
    shown = world.ok("admin", "PUT", path, {"quota_class_set": {"cores": 30, "ram": "1024"}})["quota_class_set"]
    assert (shown["cores"], shown["ram"], "id" in shown) == (30, 1024, False)
    world.ok("admin", "PUT", "/v2.1/os-quota-sets/blue", {"quota_set": {"cores": 7}})
    for project, cores in (("red", 30), ("blue", 7)):
        assert world.ok("admin", "GET", f"/v2.1/os-quota-sets/{project}")["quota_set"]["cores"] == cores
    assert world.ok("admin", "GET", "/v2.1/os-quota-sets/blue/defaults")["quota_set"]["cores"] == 30
    world.server()
    world.server()
    body = {"server": {"name": "w", "imageRef": world.compute_image, "flavorRef": "1"}}
    words = world.refused(403, "alice", "POST", "/v2.1/servers", body)
    assert words == "Quota exceeded for ram: Requested 512, but already used 1024 of 1024 ram"
    world.refused(403, "alice", "PUT", path, {"quota_class_set": {"cores": 1}})
    world.refused(403, "alice", "GET", path)
    world.refused(400, "admin", "PUT", "/v2.1/os-quota-class-sets/gold", {"quota_class_set": {"cores": 1}})
    world.refused(400, "admin", "PUT", path, {"quota_class_set": {"floors": 1}})


def test_hosts_as_older_clients_ask(world: World) -> None:
    world.host("host1")
    id = world.server()
    world.active(id)
    listed = world.ok("admin", "GET", "/v2.1/os-hosts")["hosts"]
    assert listed == [{"host_name": "host1", "service": "compute", "zone": "nova"}]
    assert world.ok("admin", "GET", "/v2.1/os-hosts?zone=z1") == {"hosts": []}
    assert world.ok("admin", "GET", "/v2.1/os-hosts?service=scheduler") == {"hosts": []}
    rows = {
        row["resource"]["project"]: row["resource"] for row in world.ok("admin", "GET", "/v2.1/os-hosts/host1")["host"]
    }
    assert rows["(total)"] == {"host": "host1", "project": "(total)", "cpu": 8, "memory_mb": 16384, "disk_gb": 100}
    world.refused(404, "admin", "GET", "/v2.1/os-hosts/nowhere")
    world.refused(403, "alice", "GET", "/v2.1/os-hosts")
    world.refused(404, "admin", "GET", "/v2.1/os-hosts", version="2.43")


def test_hypervisors_are_searched_and_their_servers_listed(world: World) -> None:
    world.host("host1")
    world.host("host2")
    id = world.server()
    world.active(id)
    path = "/v2.1/os-hypervisors"
    found = world.ok("admin", "GET", f"{path}/HOST/servers")["hypervisors"]
    assert [item.get("servers") for item in found] == [[{"uuid": id, "name": "web"}], None]
    assert len(world.ok("admin", "GET", f"{path}/host1/search")["hypervisors"]) == 1
    world.refused(404, "admin", "GET", f"{path}/nothing/search")
    world.refused(404, "admin", "GET", f"{path}/nothing/servers")
    world.refused(403, "alice", "GET", f"{path}/host1/search")
    shown = world.ok("admin", "GET", f"{path}?with_servers=true", version="2.75")["hypervisors"]
    assert [len(item["servers"]) for item in shown] == [1, 0]
