"""resize, confirmResize, revertResize, migrate, os-migrateLive, evacuate; the records of migrations."""

from __future__ import annotations

from typing import Any

import pytest

from iaas.db import operations, quotas, services
from iaas.db.compute import migrations, servers
from iaas.errors import Conflict
from iaas.model.operation import Operation
from iaas.model.placement import LIVE
from iaas.model.server import Server, State
from tests.api.compute.world import World

SERVERS = "/v2.1/servers"


@pytest.fixture
def server(world: World) -> str:
    for name in ("host1", "host2"):
        world.host(name)
    world.flavor("2", ram_mb=1024, disk_gb=2, vcpus=2)
    made = world.server()
    world.active(made)
    return made


def act(world: World, server: str, body: Any, who: str = "admin", version: str | None = None) -> int:
    return world.call(who, "POST", f"{SERVERS}/{server}/action", body, version).status_code


def words(world: World, status: int, server: str, body: Any, who: str = "admin", version: str | None = None) -> str:
    return world.refused(status, who, "POST", f"{SERVERS}/{server}/action", body, version)


def row(world: World, server: str) -> Server:
    with world.database.read() as tx:
        return servers.get(tx, server)


def latest(world: World, server: str) -> Operation:
    with world.database.read() as tx:
        return operations.of_resource(tx, "server", server)[0]


def put(world: World, server: str, **values: Any) -> None:
    world.database.run(lambda tx: servers.change(tx, server, values))


def down(world: World, host: str) -> None:
    def write(tx: Any) -> None:
        service = services.find(tx, "iaas-compute", host)
        assert service
        services.change(tx, service.id, {"forced_down": True})

    world.database.run(write)


def test_a_resize_takes_the_quota_of_the_larger_flavor_at_once(world: World, server: str) -> None:
    """C-16."""
    assert act(world, server, {"resize": {"flavorRef": "2"}}, "alice") == 202
    shown = world.ok("alice", "GET", f"{SERVERS}/{server}")["server"]
    assert (shown["status"], shown["OS-EXT-STS:task_state"]) == ("RESIZE", "resize_prep")
    assert shown["flavor"]["id"] == "1", "until it has moved"
    assert (world.used()["cores"], world.used()["ram"]) == (2, 1024)
    assert latest(world, server).kind == "server.resize"
    [action] = world.ok("alice", "GET", f"{SERVERS}/{server}/os-instance-actions")["instanceActions"][:1]
    assert action["action"] == "resize"


@pytest.mark.parametrize(
    ("flavor", "status", "said"),
    [
        ("1", 400, "must change flavor"),
        ("nobody", 400, "could not be found"),
        ("flat", 400, "smaller"),
        ("hidden", 400, "could not be found"),
    ],
)
def test_a_resize_that_can_not_be_is_refused_at_once(
    world: World, server: str, flavor: str, status: int, said: str
) -> None:
    """A-069, S-059."""
    world.flavor("flat", disk_gb=0)
    world.flavor("hidden", disk_gb=5, is_public=False)
    assert said in words(world, status, server, {"resize": {"flavorRef": flavor}}, "alice")
    assert row(world, server).task is None and world.used()["cores"] == 1


def test_a_resize_over_the_quota_names_it(world: World, server: str) -> None:
    world.database.run(lambda tx: quotas.set_limits(tx, "red", {"ram": 600}))
    assert "ram" in words(world, 403, server, {"resize": {"flavorRef": "2"}}, "alice")
    assert world.used()["cores"] == 1


def test_confirm_and_revert_are_for_resized_servers_only(world: World, server: str) -> None:
    for verb in ("confirmResize", "revertResize"):
        words(world, 409, server, {verb: None}, "alice")
    put(world, server, state=State.RESIZED, old_host="host2", old_flavor=None)
    assert act(world, server, {"confirmResize": None}, "alice") == 204
    assert latest(world, server).kind == "server.confirmResize"
    words(world, 409, server, {"revertResize": None}, "alice")


def test_a_reversal_shows(world: World, server: str) -> None:
    put(world, server, state=State.RESIZED, old_host="host2", old_flavor=None)
    assert act(world, server, {"revertResize": None}, "alice") == 202
    assert world.ok("alice", "GET", f"{SERVERS}/{server}")["server"]["status"] == "REVERT_RESIZE"


@pytest.mark.parametrize("body", [{"resize": {}}, {"resize": {"flavorRef": "2", "x": 1}}, {"confirmResize": {"x": 1}}])
def test_malformed_bodies(world: World, server: str, body: Any) -> None:
    words(world, 400, server, body, "alice")


@pytest.mark.parametrize(
    "body",
    [
        {"migrate": None},
        {"os-migrateLive": {"host": None, "block_migration": "auto"}},
        {"evacuate": {}},
    ],
)
def test_moving_between_hosts_is_the_administrators(world: World, server: str, body: Any) -> None:
    words(world, 403, server, body, "alice", "2.84")


def test_strangers_see_no_server_to_resize(world: World, server: str) -> None:
    """S-053."""
    for body in ({"resize": {"flavorRef": "2"}}, {"confirmResize": None}, {"revertResize": None}):
        words(world, 404, server, body, "bob")
        words(world, 403, server, body, "rita")


def test_a_locked_server_is_not_resized(world: World, server: str) -> None:
    act(world, server, {"lock": None}, "alice")
    assert "locked" in words(world, 409, server, {"resize": {"flavorRef": "2"}}, "alice")


def test_a_cold_migration_may_name_a_host_since_2_56(world: World, server: str) -> None:
    assert "unexpected" in words(world, 400, server, {"migrate": {"host": "host2"}}, version="2.55")
    assert "could not be found" in words(world, 400, server, {"migrate": {"host": "x"}}, version="2.56")
    assert "current host" in words(world, 400, server, {"migrate": {"host": "host1"}}, version="2.56")
    assert act(world, server, {"migrate": {"host": "host2"}}, version="2.56") == 202
    assert latest(world, server).params == {"forced_host": "host2"}


def test_a_cold_migration_anywhere(world: World, server: str) -> None:
    assert act(world, server, {"migrate": None}) == 202
    assert world.ok("admin", "GET", f"{SERVERS}/{server}")["server"]["status"] == "RESIZE"


LIVE_BODIES = [
    ("2.1", {"host": None, "block_migration": True, "disk_over_commit": False}, 202),
    ("2.1", {"host": None, "block_migration": True}, 400),
    ("2.1", {"host": None, "block_migration": "auto", "disk_over_commit": False}, 400),
    ("2.25", {"host": None, "block_migration": "auto"}, 202),
    ("2.25", {"host": None, "block_migration": "auto", "disk_over_commit": False}, 400),
    ("2.25", {"block_migration": "auto"}, 400),
    ("2.29", {"host": "host2", "block_migration": "auto", "force": True}, 400),
    ("2.30", {"host": "host2", "block_migration": "auto", "force": True}, 202),
    ("2.68", {"host": "host2", "block_migration": "auto", "force": True}, 400),
    ("2.68", {"host": "host2", "block_migration": "auto"}, 202),
    ("2.68", {"host": "host1", "block_migration": "auto"}, 400),
    ("2.68", {"host": "nobody", "block_migration": "auto"}, 400),
    ("2.68", {"host": None, "block_migration": False}, 400),
]


@pytest.mark.parametrize(("version", "body", "status"), LIVE_BODIES)
def test_live_migration_by_microversion(
    world: World, server: str, version: str, body: dict[str, Any], status: int
) -> None:
    assert act(world, server, {"os-migrateLive": body}, version=version) == status
    migrating = row(world, server).task is not None
    assert migrating == (status == 202)


def test_a_server_that_is_off_does_not_migrate_live(world: World, server: str) -> None:
    put(world, server, state=State.STOPPED)
    words(world, 409, server, {"os-migrateLive": {"host": None, "block_migration": "auto"}}, version="2.84")


def live(world: World, server: str, status: str = "running") -> int:
    body = {"os-migrateLive": {"host": "host2", "block_migration": "auto"}}
    assert act(world, server, body, version="2.84") == 202
    operation = latest(world, server)
    progress = {"memory_total": 100, "memory_processed": 40, "memory_remaining": 60}
    world.database.run(lambda tx: migrations.change(tx, operation.id, {"status": status, "progress": progress}))
    [found] = world.ok("admin", "GET", f"{SERVERS}/{server}/migrations", version="2.23")["migrations"]
    return int(found["id"])


def test_a_live_migration_is_seen_with_its_progress(world: World, server: str) -> None:
    number = live(world, server)
    assert world.ok("alice", "GET", f"{SERVERS}/{server}")["server"]["status"] == "MIGRATING"
    path = f"{SERVERS}/{server}/migrations/{number}"
    shown = world.ok("admin", "GET", path, version="2.23")["migration"]
    assert (shown["source_compute"], shown["dest_compute"], shown["status"]) == ("host1", "host2", "running")
    assert (shown["memory_total_bytes"], shown["memory_remaining_bytes"], shown["disk_total_bytes"]) == (100, 60, None)
    assert "uuid" not in shown
    assert {"uuid", "user_id", "project_id"} <= world.ok("admin", "GET", path, version="2.84")["migration"].keys()
    world.refused(404, "admin", "GET", f"{SERVERS}/{server}/migrations/{number + 1}", version="2.84")
    world.refused(404, "admin", "GET", f"{SERVERS}/{server}/migrations/x", version="2.84")
    world.refused(404, "admin", "GET", path, version="2.22")
    world.refused(403, "alice", "GET", path, version="2.84")


def test_an_abort_reaches_the_host_that_the_guest_runs_on(world: World, server: str) -> None:
    number = live(world, server)
    path = f"{SERVERS}/{server}/migrations/{number}"
    world.ok("admin", "DELETE", path, version="2.24")
    assert ("compute.abort_migration", {"host": "host1", "server_id": server}) in world.wire.sent
    world.refused(404, "admin", "DELETE", path, version="2.24")


def test_an_abort_before_the_guest_leaves_needs_2_65(world: World, server: str) -> None:
    number = live(world, server, "preparing")
    path = f"{SERVERS}/{server}/migrations/{number}"
    world.refused(400, "admin", "DELETE", path, version="2.64")
    world.ok("admin", "DELETE", path, version="2.65")
    assert not [sent for sent, _ in world.wire.sent if sent == "compute.abort_migration"]


def test_a_migration_is_brought_to_its_end(world: World, server: str) -> None:
    number = live(world, server)
    path = f"{SERVERS}/{server}/migrations/{number}/action"
    world.ok("admin", "POST", path, {"force_complete": None}, version="2.22")
    assert ("compute.hasten_migration", {"host": "host1", "server_id": server}) in world.wire.sent
    world.wire.answers["hasten_migration"] = Conflict("The guest is not being migrated.")
    world.refused(409, "admin", "POST", path, {"force_complete": None}, version="2.22")
    world.refused(400, "admin", "POST", path, {"force_complete": 1}, version="2.22")


def test_a_server_that_is_not_migrating_has_nothing_to_abort(world: World, server: str) -> None:
    world.refused(409, "admin", "DELETE", f"{SERVERS}/{server}/migrations/1", version="2.84")
    assert world.ok("admin", "GET", f"{SERVERS}/{server}/migrations", version="2.84") == {"migrations": []}


def test_every_move_has_its_record(world: World, server: str) -> None:
    act(world, server, {"resize": {"flavorRef": "2"}}, "alice")
    [shown] = world.ok("admin", "GET", "/v2.1/os-migrations")["migrations"]
    assert (shown["instance_uuid"], shown["old_instance_type_id"], shown["new_instance_type_id"]) == (server, "1", "2")
    assert shown["status"] == "pre-migrating" and "migration_type" not in shown
    world.refused(403, "alice", "GET", "/v2.1/os-migrations")


def test_records_are_filtered_and_paged(world: World, server: str) -> None:
    other = world.server(name="other")
    world.active(other, "host2")
    for name in (server, other):
        act(world, name, {"os-migrateLive": {"host": None, "block_migration": "auto"}}, version="2.84")

    def found(query: str, version: str = "2.84") -> list[str]:
        shown = world.ok("admin", "GET", f"/v2.1/os-migrations{query}", version=version)["migrations"]
        return [item["instance_uuid"] for item in shown]

    assert found("") == [other, server]
    assert found("?source_compute=host2") == found("?host=host2") == [other]
    assert found(f"?instance_uuid={server}") == [server]
    assert found("?migration_type=resize") == [] and found(f"?migration_type={LIVE}") == [other, server]
    assert found("?status=running") == [] and found("?user_id=user-admin") == [other, server]
    assert found("?changes-since=2100-01-01T00:00:00Z") == []
    first = world.ok("admin", "GET", "/v2.1/os-migrations?limit=1", version="2.84")
    marker = first["migrations"][0]["uuid"]
    assert marker in first["migrations_links"][0]["href"]
    assert found(f"?limit=1&marker={marker}") == [server]
    assert found("?limit=1", "2.58") == [other, server], "no pages yet"
    links = world.ok("admin", "GET", "/v2.1/os-migrations", version="2.23")["migrations"][0]["links"]
    assert links[0]["href"].endswith(f"/v2.1/servers/{other}/migrations/2")
    world.refused(400, "admin", "GET", "/v2.1/os-migrations?migration_type=x", version="2.84")
    world.refused(400, "admin", "GET", "/v2.1/os-migrations?changes-since=x", version="2.84")


def test_nobody_is_evacuated_from_a_living_host(world: World, server: str) -> None:
    assert "still in use" in words(world, 400, server, {"evacuate": {}}, version="2.84")
    assert row(world, server).task is None


def test_an_evacuation(world: World, server: str) -> None:
    down(world, "host1")
    before = row(world, server).fence
    assert "same one" in words(world, 400, server, {"evacuate": {"host": "host1"}}, version="2.84")
    words(world, 404, server, {"evacuate": {"host": "nobody"}}, version="2.84")
    answer = world.call("admin", "POST", f"{SERVERS}/{server}/action", {"evacuate": {"host": "host2"}}, "2.84")
    assert (answer.status_code, answer.get_data()) == (200, b"")
    assert row(world, server).fence > before, "whatever the old host still gets is stale"
    assert world.ok("alice", "GET", f"{SERVERS}/{server}")["server"]["status"] == "REBUILD"
    assert latest(world, server).params == {"forced_host": "host2"}


def test_an_evacuation_answers_a_password_before_2_14(world: World, server: str) -> None:
    down(world, "host1")
    words(world, 400, server, {"evacuate": {"onSharedStorage": False}}, version="2.14")
    words(world, 400, server, {"evacuate": {}}, version="2.13")
    body = {"evacuate": {"onSharedStorage": False, "adminPass": "MySecret"}}
    assert world.ok("admin", "POST", f"{SERVERS}/{server}/action", body, "2.13") == {"adminPass": "MySecret"}


def test_an_evacuation_takes_over_whatever_was_under_way(world: World, server: str) -> None:
    act(world, server, {"resize": {"flavorRef": "2"}}, "alice")
    down(world, "host1")
    assert act(world, server, {"evacuate": {}}, version="2.84") == 200
    assert world.used()["cores"] == 1 and row(world, server).new_flavor is None
    with world.database.read() as tx:
        [live] = operations.live(tx, "server", [server])
    assert live.kind == "server.evacuate"
    shown = world.ok("admin", "GET", "/v2.1/os-migrations", version="2.84")["migrations"]
    assert [(item["migration_type"], item["status"]) for item in shown] == [
        ("evacuation", "accepted"), ("resize", "error"),
    ]  # fmt: skip
