"""Roles inside a project, and what is a user's own in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.compute.world import World

SERVERS = "/v2.1/servers"


@pytest.mark.parametrize(
    ("action", "version"),
    [({"migrate": None}, "2.1"), ({"os-migrateLive": {"host": None, "block_migration": "auto"}}, "2.30")],
    ids=["cold", "live"],
)
def test_a_manager_moves_its_projects_servers_and_only_an_administrator_says_where_to(
    world: World, action: dict[str, Any], version: str
) -> None:
    """As published: role manager, and rules of their own for naming the host."""
    path = f"{SERVERS}/{world.server()}/action"
    world.refused(403, "alice", "POST", path, action, version)
    world.refused(403, "rita", "POST", path, action, version)
    assert world.call("mona", "POST", path, action, version).status_code == 409, "it is being built"
    [(verb, options)] = action.items()
    named = {verb: {**(options or {}), "host": "host1"}}
    assert "host to be performed" in world.refused(403, "mona", "POST", path, named, "2.56")
    assert world.call("admin", "POST", path, named, "2.56").status_code == 400, "there is no such host"
    world.refused(403, "mona", "POST", path, {"evacuate": {}}, "2.30")


def test_a_manager_of_another_project_finds_nothing_to_move(world: World) -> None:
    path = f"{SERVERS}/{world.server('bob')}/action"
    world.refused(404, "mona", "POST", path, {"migrate": None})


def test_a_key_pair_is_its_users_and_not_the_projects(world: World) -> None:
    """A-104: another user of the same project neither sees it nor can put it into a guest."""
    world.ok("alice", "POST", "/v2.1/os-keypairs", {"keypair": {"name": "mine"}})
    assert world.ok("anton", "GET", "/v2.1/os-keypairs") == {"keypairs": []}
    world.refused(404, "anton", "GET", "/v2.1/os-keypairs/mine")
    body = {"name": "web", "imageRef": world.compute_image, "flavorRef": "1", "key_name": "mine"}
    world.refused(400, "anton", "POST", SERVERS, {"server": body})
    assert world.call("alice", "POST", SERVERS, {"server": body}).status_code == 202


def test_the_limits_call_shows_what_may_be_and_what_is(world: World) -> None:
    """A-105."""
    world.ok("alice", "POST", "/v2.1/os-server-groups", {"server_group": {"name": "g", "policies": ["affinity"]}})
    world.server()
    found = world.ok("alice", "GET", "/v2.1/limits")["limits"]["absolute"]
    for limit, used, count in (
        ("maxTotalInstances", "totalInstancesUsed", 1), ("maxTotalCores", "totalCoresUsed", 1),
        ("maxTotalRAMSize", "totalRAMUsed", 512), ("maxServerGroups", "totalServerGroupsUsed", 1),
    ):  # fmt: skip
        assert found[limit] > 0
        assert found[used] == count, used
    assert found["maxTotalKeypairs"] == 100


def test_what_is_called_a_project_is_a_tenant_to_old_clients(world: World) -> None:
    """A-106: in answers, and as a filter of an administrator's."""
    id = world.server()
    assert world.ok("alice", "GET", f"{SERVERS}/{id}")["server"]["tenant_id"] == "red"
    listed = world.ok("admin", "GET", f"{SERVERS}?all_tenants=1&tenant_id=red")["servers"]
    assert [server["id"] for server in listed] == [id]
    assert world.ok("admin", "GET", f"{SERVERS}?all_tenants=1&tenant_id=blue")["servers"] == []
