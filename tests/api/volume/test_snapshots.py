"""Snapshots, and volumes made of something, through the volume API in process; RPC goes nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from iaas.db import quotas
from iaas.db.volume import attachments, backends, snapshots, volumes
from iaas.ids import new_uuid
from iaas.model.order import Backend
from iaas.model.volume import AttachmentState, SnapshotState
from tests.api.volume.test_volumes import PERSONAS, VOLUMES, World, world

__all__ = ["world"]  # the fixture
SNAPSHOTS = "/v3/snapshots"
HOST = "host1"


@pytest.fixture(autouse=True, params=["plain", "with project"])
def root(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test under both roots: /v3 and /v3/{the caller's project}."""
    if request.param == "plain":
        return
    call = World.call

    def rooted(self: World, who: str | None, method: str, path: str, *more: Any) -> Any:
        project = PERSONAS[who or "alice"][0]
        path = path if path.startswith(f"/v3/{project}/") else path.replace("/v3/", f"/v3/{project}/", 1)
        return call(self, who, method, path, *more)

    monkeypatch.setattr(World, "call", rooted)


def available(world: World, size: int = 1, **more: Any) -> str:
    """A volume that its host has made."""
    id = world.volume(size=size, **more)

    def write(tx: Any) -> None:
        backends.record(tx, HOST, Backend(total_gb=100, address="192.0.2.1", port=10809))
        assert backends.take(tx, HOST, size)
        volumes.change(tx, id, {"host": HOST})
        volumes.finish(tx, id, "create")

    world.database.run(write)
    return id


def snapshot(world: World, volume_id: str, made: bool = True, **more: Any) -> str:
    body = {"snapshot": {"volume_id": volume_id, "name": "monday", **more}}
    id = str(world.ok("alice", "POST", SNAPSHOTS, body)["snapshot"]["id"])
    if made:
        world.database.run(lambda tx: snapshots.finish(tx, id, "create"))
    return id


def used(world: World) -> dict[str, int]:
    with world.database.read() as tx:
        pool = backends.find(tx, HOST)
        assert pool is not None
        return {**quotas.usage(tx, "red"), "room": pool.used_gb}


def attach(world: World, volume_id: str) -> None:
    def write(tx: Any) -> None:
        row = {"project_id": "red", "volume_id": volume_id, "server_id": new_uuid(), "device": "vdb", "host": "c1"}
        volume = volumes.get(tx, volume_id)
        attachments.insert(tx, {**row, "state": AttachmentState.ATTACHED})
        attachments.settle(tx, volume)

    world.database.run(write)


def test_a_snapshot_is_made_shown_changed_and_deleted(world: World) -> None:
    id = available(world, 3)
    made = world.ok("alice", "POST", SNAPSHOTS, {"snapshot": {"volume_id": id, "name": "s", "metadata": {"a": "b"}}})
    shown = made["snapshot"]
    assert (shown["status"], shown["size"], shown["volume_id"]) == ("creating", 3, id)
    one = f"{SNAPSHOTS}/{shown['id']}"
    world.database.run(lambda tx: snapshots.finish(tx, shown["id"], "create"))
    full = world.ok("rita", "GET", one)["snapshot"]
    assert full["status"] == "available" and full["os-extended-snapshot-attributes:progress"] == "100%"
    assert full["os-extended-snapshot-attributes:project_id"] == "red"
    assert used(world) == {"volumes": 1, "snapshots": 1, "gigabytes": 6, "room": 6}
    assert world.ok("alice", "PUT", one, {"snapshot": {"name": "t"}})["snapshot"]["name"] == "t"
    assert [item["id"] for item in world.ok("alice", "GET", SNAPSHOTS)["snapshots"]] == [shown["id"]]
    assert world.call("alice", "DELETE", one).status_code == world.call("alice", "DELETE", one).status_code == 202
    assert world.ok("alice", "GET", one)["snapshot"]["status"] == "deleting"


def test_a_snapshots_metadata_is_read_merged_replaced_and_cut(world: World) -> None:
    path = f"{SNAPSHOTS}/{snapshot(world, available(world), metadata={'a': 'b'})}/metadata"
    assert world.ok("rita", "GET", path) == {"metadata": {"a": "b"}}
    assert world.ok("alice", "POST", path, {"metadata": {"c": "d"}}) == {"metadata": {"a": "b", "c": "d"}}
    world.ok("alice", "DELETE", f"{path}/a")
    assert world.ok("alice", "PUT", path, {"metadata": {"e": "f"}}) == {"metadata": {"e": "f"}}


def test_a_volume_in_use_needs_force(world: World) -> None:
    id = available(world)
    attach(world, id)
    assert "in-use" in world.refused(400, "alice", "POST", SNAPSHOTS, {"snapshot": {"volume_id": id}})
    snapshot(world, id, force=True)
    (shown,) = world.ok("alice", "GET", f"{VOLUMES}/{id}")["volume"]["attachments"]
    assert (shown["device"], shown["volume_id"], shown["host_name"]) == ("/dev/vdb", id, None)
    assert world.ok("admin", "GET", f"{VOLUMES}/{id}")["volume"]["attachments"][0]["host_name"] == "c1"
    world.refused(400, "alice", "DELETE", f"{VOLUMES}/{id}")


def test_a_volume_with_snapshots_goes_only_with_them(world: World) -> None:
    id = available(world)
    one = snapshot(world, id)
    assert "snapshots" in world.refused(400, "alice", "DELETE", f"{VOLUMES}/{id}")
    assert world.call("alice", "DELETE", f"{VOLUMES}/{id}?cascade=True").status_code == 202
    assert world.ok("alice", "GET", f"{SNAPSHOTS}/{one}")["snapshot"]["status"] == "deleting"
    assert world.ok("alice", "GET", f"{VOLUMES}/{id}")["volume"]["status"] == "deleting"


def test_a_foreign_snapshot_is_none(world: World) -> None:
    """S-053."""
    id = available(world)
    path = f"{SNAPSHOTS}/{snapshot(world, id)}"
    for method, where, body in (
        ("GET", path, None), ("DELETE", path, None), ("PUT", path, {"snapshot": {"name": "x"}}),
        ("GET", f"{path}/metadata", None), ("POST", SNAPSHOTS, {"snapshot": {"volume_id": id}}),
        ("POST", VOLUMES, {"volume": {"snapshot_id": path.rsplit("/", 1)[1]}}),
        ("POST", VOLUMES, {"volume": {"source_volid": id}}),
    ):  # fmt: skip
        world.refused(404, "bob", method, where, body)
    assert world.ok("bob", "GET", f"{SNAPSHOTS}/detail") == {"snapshots": []}
    assert len(world.ok("admin", "GET", f"{SNAPSHOTS}?all_tenants=1")["snapshots"]) == 1
    world.refused(403, "rita", "POST", SNAPSHOTS, {"snapshot": {"volume_id": id}})


@pytest.mark.parametrize("body", [{}, {"volume_id": "x"}, {"name": "n"}, {"volume_id": new_uuid(), "force": "maybe"}])
def test_a_body_that_is_none_is_refused(world: World, body: dict[str, Any]) -> None:
    world.refused(400, "alice", "POST", SNAPSHOTS, {"snapshot": body})


def test_snapshots_are_listed_in_pages_and_filtered(world: World) -> None:
    id = available(world)
    ids = [snapshot(world, id, made=bool(number), name=f"s{number}") for number in range(3)]
    first = world.ok("alice", "GET", f"{SNAPSHOTS}?limit=2&sort=name:asc")
    assert [item["id"] for item in first["snapshots"]] == ids[:2]
    rest = world.ok("alice", "GET", first["snapshots_links"][0]["href"].replace("http://localhost", ""))
    assert [item["id"] for item in rest["snapshots"]] == ids[2:]
    for query, found in (("status=creating", ids[:1]), ("name=s1", ids[1:2]), (f"volume_id={new_uuid()}", [])):
        assert [item["id"] for item in world.ok("alice", "GET", f"{SNAPSHOTS}?{query}")["snapshots"]] == found
    world.refused(400, "alice", "GET", f"{SNAPSHOTS}?marker={new_uuid()}")


def test_quota_and_room_of_snapshots_are_never_exceeded(world: World) -> None:
    id = available(world, 60)
    assert "room" in world.refused(400, "alice", "POST", SNAPSHOTS, {"snapshot": {"volume_id": id}})
    small = available(world)
    world.ok("admin", "PUT", "/v3/os-quota-sets/red", {"quota_set": {"snapshots": 1}})
    snapshot(world, small)
    before = used(world)
    words = world.refused(413, "alice", "POST", SNAPSHOTS, {"snapshot": {"volume_id": small}})
    assert words.startswith("SnapshotLimitExceeded") and used(world) == before
    assert world.ok("alice", "GET", "/v3/limits")["limits"]["absolute"]["totalSnapshotsUsed"] == 1


def test_a_volume_is_as_large_as_its_source_or_larger(world: World) -> None:
    id = available(world, 2)
    made = snapshot(world, id)
    for source in ({"snapshot_id": made}, {"source_volid": id}):
        shown = world.ok("alice", "POST", VOLUMES, {"volume": {"size": None, **source}})["volume"]
        assert shown["size"] == 2 and shown[next(iter(source))] == next(iter(source.values()))
        assert world.ok("alice", "POST", VOLUMES, {"volume": {"size": 3, **source}})["volume"]["size"] == 3
        world.refused(400, "alice", "POST", VOLUMES, {"volume": {"size": 1, **source}})
    both = {"snapshot_id": made, "source_volid": id}
    world.refused(400, "alice", "POST", VOLUMES, {"volume": both})
    young = snapshot(world, id, made=False)
    world.refused(400, "alice", "POST", VOLUMES, {"volume": {"snapshot_id": young}})
    for gone in ({"snapshot_id": new_uuid()}, {"source_volid": new_uuid()}):
        world.refused(404, "alice", "POST", VOLUMES, {"volume": gone})


def test_an_administrator_resets_and_removes_snapshots(world: World) -> None:
    path = f"{SNAPSHOTS}/{snapshot(world, available(world))}"
    reset = {"os-reset_status": {"status": "error"}}
    world.refused(403, "alice", "POST", f"{path}/action", reset)
    world.ok("admin", "POST", f"{path}/action", reset)
    assert world.ok("alice", "GET", path)["snapshot"]["status"] == SnapshotState.ERROR
    world.refused(403, "alice", "POST", f"{path}/action", {"os-force_delete": {}})
    world.ok("admin", "POST", f"{path}/action", {"os-force_delete": {}})
    assert world.ok("alice", "GET", path)["snapshot"]["status"] == "deleting"


def test_a_volume_grows_within_quota_and_room(world: World) -> None:
    id = available(world, 2)
    path = f"{VOLUMES}/{id}/action"
    for size, status in ((2, 400), (1, 400), (2000, 400)):
        world.refused(status, "alice", "POST", path, {"os-extend": {"new_size": size}})
    assert world.call("alice", "POST", path, {"os-extend": {"new_size": 5}}).status_code == 202
    assert used(world) == {"volumes": 1, "gigabytes": 5, "room": 5}
    world.refused(400, "alice", "POST", path, {"os-extend": {"new_size": 6}})
    world.ok("admin", "POST", path, {"os-reset_status": {"status": "available"}})
    assert used(world) == {"volumes": 1, "gigabytes": 2, "room": 2}
    attach(world, id)
    world.refused(400, "alice", "POST", path, {"os-extend": {"new_size": 6}})


def test_pools_are_an_administrators(world: World) -> None:
    available(world, 7)
    path = "/v3/scheduler-stats/get_pools"
    assert world.ok("admin", "GET", path) == {"pools": [{"name": HOST}]}
    (pool,) = world.ok("admin", "GET", f"{path}?detail=true")["pools"]
    assert (pool["capabilities"]["total_capacity_gb"], pool["capabilities"]["free_capacity_gb"]) == (100, 93)
    world.refused(403, "alice", "GET", path)
