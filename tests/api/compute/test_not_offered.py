"""What the compute API publishes and this release does not do: said in words, and nothing changed. And older ways of
asking for what it does.
"""

from __future__ import annotations

from typing import Any

import pytest

from iaas.api.compute.server_actions import ROUTES, unsupported
from iaas.api.route import ADMIN, Route
from iaas.db.compute import servers
from iaas.ids import new_uuid
from iaas.model.server import Server
from tests.api.compute.world import World

LATER = [route for route in ROUTES if route.handler is unsupported]


def row(world: World, server_id: str) -> Server:
    with world.database.read() as tx:
        return servers.get(tx, server_id)


@pytest.mark.parametrize("route", LATER, ids=lambda route: str(route.action))
def test_an_action_that_is_not_offered_is_501_and_changes_nothing(world: World, route: Route) -> None:
    server_id = world.server()
    world.host()
    world.active(server_id)
    before, body = row(world, server_id), {str(route.action): None}
    path = f"/v2.1/servers/{server_id}/action"
    who = "admin" if route.policy and route.policy.check == ADMIN else "alice"
    assert str(route.action) in world.refused(501, who, "POST", path, body)
    world.refused(403, "rita", "POST", path, body)
    world.refused(404, who, "POST", f"/v2.1/servers/{new_uuid()}/action", body)
    assert row(world, server_id) == before


def test_the_older_delete_action_is_a_delete(world: World) -> None:
    server_id = world.server()
    world.refused(404, "bob", "POST", f"/v2.1/servers/{server_id}/action", {"forceDelete": None})
    assert world.call("alice", "POST", f"/v2.1/servers/{server_id}/action", {"forceDelete": None}).status_code == 202
    assert row(world, server_id).task == "deleting"


@pytest.mark.parametrize(
    ("verb", "more", "shown"),
    [
        ("disable", {}, {"status": "disabled"}),
        ("disable-log-reason", {"disabled_reason": "repair"}, {"status": "disabled", "disabled_reason": "repair"}),
        ("force-down", {"forced_down": True}, {"forced_down": True, "state": "down"}),
    ],
)
def test_daemons_are_changed_by_host_and_binary_until_the_microversion_that_ends_it(
    world: World, verb: str, more: dict[str, Any], shown: dict[str, Any]
) -> None:
    world.host("host1")
    path, body = f"/v2.1/os-services/{verb}", {"host": "host1", "binary": "nova-compute", **more}
    world.ok("admin", "PUT", path, body, "2.52")
    [item] = world.ok("admin", "GET", "/v2.1/os-services", version="2.52")["services"]
    assert shown.items() <= item.items()
    assert world.call("admin", "PUT", path, body, "2.53").status_code in (400, 404), "2.53 knows daemons by their ids"
    world.refused(403, "alice", "PUT", path, body, "2.52")


def test_an_unversioned_client_is_shown_where_to_go(world: World) -> None:
    answer = world.call(None, "GET", "/versions")
    assert answer.status_code == 300
    [choice] = answer.get_json()["choices"]
    assert choice["id"] == "v2.1"
