"""Server groups, and the hints with which servers are created in them."""

from __future__ import annotations

from typing import Any

import pytest

from iaas.clock import ManualClock
from iaas.db.compute import servers
from iaas.ids import new_uuid
from tests.api.compute.world import World

PATH, SERVERS = "/v2.1/os-server-groups", "/v2.1/servers"


def group(world: World, policy: str = "anti-affinity", who: str = "alice", **more: Any) -> str:
    body = {"server_group": {"name": "g", "policy": policy, **more}}
    return str(world.ok(who, "POST", PATH, body, "2.64")["server_group"]["id"])


def create(world: World, hints: Any, **more: Any) -> dict[str, Any]:
    server = {"name": "web", "imageRef": world.compute_image, "flavorRef": "1", **more}
    return {"server": server, "os:scheduler_hints": hints}


def test_a_group_as_each_microversion_shows_it(world: World, clock: ManualClock) -> None:
    made = world.ok("alice", "POST", PATH, {"server_group": {"name": "g", "policies": ["affinity"]}})["server_group"]
    assert made == {"id": made["id"], "name": "g", "policies": ["affinity"], "members": [], "metadata": {}}
    shown = world.ok("alice", "GET", f"{PATH}/{made['id']}", version="2.13")["server_group"]
    assert (shown["project_id"], shown["user_id"]) == ("red", "user-alice")
    shown = world.ok("alice", "GET", f"{PATH}/{made['id']}", version="2.64")["server_group"]
    assert (shown["policy"], shown["rules"]) == ("affinity", {}) and not {"policies", "metadata"} & shown.keys()
    clock.advance(1)
    body = {"server_group": {"name": "h", "policy": "anti-affinity", "rules": {"max_server_per_host": "3"}}}
    assert world.ok("alice", "POST", PATH, body, "2.64")["server_group"]["rules"] == {"max_server_per_host": 3}
    assert [item["name"] for item in world.ok("alice", "GET", PATH)["server_groups"]] == ["g", "h"]
    assert [item["name"] for item in world.ok("alice", "GET", f"{PATH}?limit=1&offset=1")["server_groups"]] == ["h"]


@pytest.mark.parametrize(
    ("body", "version"),
    [
        ({"name": "g", "policies": ["soft-affinity"]}, "2.14"),
        ({"name": "g", "policies": ["affinity", "anti-affinity"]}, "2.15"),
        ({"name": "g", "policies": []}, "2.1"),
        ({"name": "g", "policies": ["legacy"]}, "2.1"),
        ({"name": "g"}, "2.1"),
        ({"name": "g", "policy": "affinity"}, "2.63"),
        ({"name": "g", "policies": ["affinity"]}, "2.64"),
        ({"name": "g", "policy": "affinity", "rules": {"max_server_per_host": 2}}, "2.64"),
        ({"name": "g", "policy": "anti-affinity", "rules": {"max_server_per_host": 0}}, "2.64"),
        ({"name": " ", "policy": "affinity"}, "2.64"),
    ],
)
def test_a_bad_group_is_refused(world: World, body: dict[str, Any], version: str) -> None:
    world.refused(400, "alice", "POST", PATH, {"server_group": body}, version)


def test_a_foreign_group_is_as_absent_as_one_that_never_was(world: World) -> None:
    """S-059."""
    id = group(world)
    for method in ("GET", "DELETE"):
        never = new_uuid()
        words = world.refused(404, "bob", method, f"{PATH}/{never}")
        assert world.refused(404, "bob", method, f"{PATH}/{id}") == words.replace(never, id)
    assert world.ok("bob", "GET", PATH) == {"server_groups": []}
    assert world.ok("bob", "GET", f"{PATH}?all_projects=1") == {"server_groups": []}
    assert len(world.ok("admin", "GET", f"{PATH}?all_projects=1")["server_groups"]) == 1
    world.refused(400, "bob", "POST", SERVERS, create(world, {"group": id}))
    world.refused(403, "rita", "POST", PATH, {"server_group": {"name": "g", "policies": ["affinity"]}})


def test_servers_are_members_until_they_are_gone(world: World) -> None:
    id = group(world)
    server = world.ok("alice", "POST", SERVERS, create(world, {"group": id}))["server"]["id"]
    assert world.ok("alice", "GET", f"{PATH}/{id}")["server_group"]["members"] == [server]
    assert world.ok("alice", "GET", f"{SERVERS}/{server}", version="2.71")["server"]["server_groups"] == [id]
    assert world.call("alice", "DELETE", f"{PATH}/{id}").status_code == 204
    assert world.ok("alice", "GET", f"{SERVERS}/{server}", version="2.71")["server"]["server_groups"] == []
    world.refused(404, "alice", "GET", f"{PATH}/{id}")
    world.refused(404, "alice", "DELETE", f"{PATH}/{id}")


def test_groups_and_their_members_are_counted(world: World) -> None:
    """S-107, S-108: the refusal names quota, use and limit; what is deleted is given back."""
    world.ok("admin", "PUT", "/v2.1/os-quota-sets/red", {"quota_set": {"server_groups": 1, "server_group_members": 2}})
    id = group(world)
    words = world.refused(403, "alice", "POST", PATH, {"server_group": {"name": "g", "policies": ["affinity"]}})
    assert words == "Quota exceeded for server_groups: Requested 1, but already used 1 of 1 server_groups"
    world.ok("alice", "POST", SERVERS, create(world, {"group": id}))
    words = world.refused(403, "alice", "POST", SERVERS, create(world, {"group": id}, min_count=2))
    assert "server_group_members: Requested 2, but already used 1 of 2" in words
    world.ok("alice", "POST", SERVERS, create(world, {"group": id}))
    world.refused(403, "alice", "POST", SERVERS, create(world, {"group": id}))
    assert world.used()["instances"] == 2, "what was refused took nothing"
    absolute = world.ok("alice", "GET", "/v2.1/limits")["limits"]["absolute"]
    assert (absolute["maxServerGroups"], absolute["totalServerGroupsUsed"]) == (1, 1)
    world.ok("alice", "DELETE", f"{PATH}/{id}")
    assert world.used()["server_groups"] == 0
    group(world)


def test_hints_are_kept_with_the_server(world: World) -> None:
    other = new_uuid()
    hints = {"different_host": other, "same_host": [other], "query": '[">=", "$free_ram_mb", 1024]', "reservation": "x"}
    made = world.ok("alice", "POST", SERVERS, create(world, hints))["server"]["id"]
    with world.database.read() as tx:
        assert servers.get(tx, made).hints == {"different_host": [other], "same_host": [other]}


@pytest.mark.parametrize(
    "hints",
    [{"group": "x"}, {"different_host": ["x"]}, {"same_host": [new_uuid() for _ in range(101)]},
     {f"h{number}": 1 for number in range(33)}, {"_nova_check_type": "rebuild"}, {"x": "y" * 256}],
    ids=["group", "server", "too-many-servers", "too-many-hints", "internal", "too-long"],
)  # fmt: skip
def test_bad_hints_are_refused(world: World, hints: dict[str, Any]) -> None:
    """S-057, S-120."""
    world.refused(400, "alice", "POST", SERVERS, create(world, hints))
