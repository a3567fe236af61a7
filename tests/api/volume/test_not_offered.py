"""What the volume API publishes and this release does not do, and what there is none of."""

from __future__ import annotations

from typing import Any

import pytest

from iaas.api.route import ADMIN, Route
from iaas.api.volume.surroundings import ROUTES as SURROUNDINGS
from iaas.api.volume.volume_actions import ROUTES, not_yet
from iaas.db import services
from iaas.db.engine import Database
from iaas.db.volume import volumes
from iaas.ids import new_uuid
from iaas.model.volume import Volume
from tests.api.volume.test_volumes import VOLUMES, World, world

__all__ = ["world"]  # the fixture
LATER = [route for route in ROUTES if route.handler is not_yet]
ABSENT = [route for route in SURROUNDINGS if "<project_id>" not in route.path and "-zone" not in route.path]


def row(database: Database, volume_id: str) -> Volume:
    with database.read() as tx:
        return volumes.get(tx, volume_id)


@pytest.mark.parametrize("route", LATER, ids=lambda route: str(route.action))
def test_an_action_that_is_not_offered_says_so_and_changes_nothing(world: World, route: Route) -> None:
    volume_id = world.volume()
    before = row(world.database, volume_id)
    body: dict[str, Any] = {str(route.action): {}}
    who = "admin" if route.policy and route.policy.check == ADMIN else "alice"
    path = f"{VOLUMES}/{volume_id}/action"
    assert str(route.action) in world.refused(400, who, "POST", path, body)
    world.refused(403, "rita", "POST", path, body)
    world.refused(404, who, "POST", f"{VOLUMES}/{new_uuid()}/action", body)
    assert row(world.database, volume_id) == before


@pytest.mark.parametrize("action", ["os-migrate_volume", "os-unmanage", "os-force_delete", "os-reset_status"])
def test_moving_and_forcing_are_the_administrators(world: World, action: str) -> None:
    """S-069."""
    world.refused(403, "alice", "POST", f"{VOLUMES}/{world.volume()}/action", {action: {}})


@pytest.mark.parametrize("route", ABSENT, ids=lambda route: route.path)
def test_a_list_of_what_there_is_none_of_is_empty(world: World, route: Route) -> None:
    """With the microversion from which it is published, and under both roots."""
    for path in (route.path, route.path.replace("/v3/", "/v3/ops/")):
        [items] = world.ok("admin", "GET", path, version=route.since).values()
        assert items == [] or path.endswith("extensions")


def test_types_show_no_specs_and_no_encryption(world: World) -> None:
    for root in ("/v3", "/v3/red"):
        kind = world.ok("alice", "GET", f"{root}/types/default")["volume_type"]
        assert world.ok("alice", "GET", f"{root}/types/{kind['id']}/extra_specs") == {"extra_specs": {}}
        assert world.ok("alice", "GET", f"{root}/types/{kind['id']}/encryption") == {}
    world.refused(404, "alice", "GET", f"/v3/types/{new_uuid()}/encryption")


def test_one_item_of_the_metadata_is_read_by_its_key(world: World) -> None:
    volume_id = world.volume(metadata={"use": "logs"})
    assert world.ok("rita", "GET", f"{VOLUMES}/{volume_id}/metadata/use") == {"meta": {"use": "logs"}}
    world.refused(404, "rita", "GET", f"{VOLUMES}/{volume_id}/metadata/none")
    world.refused(404, "bob", "GET", f"{VOLUMES}/{volume_id}/metadata/use")


def test_a_daemon_is_disabled_with_and_without_a_reason(world: World) -> None:
    world.database.run(lambda tx: services.touch(tx, "iaas-volume", "host1", "boot", 1, 1))
    for verb, more in (("disable", {}), ("disable-log-reason", {"disabled_reason": "repair"})):
        body: dict[str, Any] = {"host": "host1", "binary": "cinder-volume", **more}
        answer = world.ok("admin", "PUT", f"/v3/os-services/{verb}", body)
        assert answer["status"] == "disabled"
        [item] = world.ok("admin", "GET", "/v3/os-services")["services"]
        assert (item["status"], item["disabled_reason"]) == ("disabled", more.get("disabled_reason"))
        world.refused(403, "alice", "PUT", f"/v3/os-services/{verb}", body)
