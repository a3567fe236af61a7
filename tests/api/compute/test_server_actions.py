"""What is done to a server: power, locks, console, metadata, tags, history."""

from __future__ import annotations

import pytest

from iaas.db import operations
from iaas.db.compute import servers
from iaas.errors import NotFound, Timeout
from iaas.ids import new_uuid
from iaas.model.operation import OperationState
from iaas.model.server import State
from tests.api.compute.world import World

SERVERS = "/v2.1/servers"


@pytest.fixture
def server(world: World) -> str:
    """An active server of alice's on host1."""
    world.host()
    id = world.server()
    world.active(id)
    world.wire.sent.clear()
    return id


def act(world: World, server: str, body: dict, who: str = "alice", version: str | None = None) -> int:
    return world.call(who, "POST", f"{SERVERS}/{server}/action", body, version).status_code


@pytest.mark.parametrize(
    ("body", "kind", "params", "task"),
    [
        ({"os-stop": None}, "server.stop", {}, "powering-off"),
        ({"reboot": {"type": "SOFT"}}, "server.reboot", {"type": "SOFT"}, "rebooting"),
        ({"reboot": {"type": "hard"}}, "server.reboot", {"type": "HARD"}, "rebooting_hard"),
        ({"pause": None}, "server.pause", {}, "pausing"),
        ({"suspend": None}, "server.suspend", {}, "suspending"),
    ],
)
def test_an_action_is_a_state_change_and_an_operation(
    world: World, server: str, body: dict, kind: str, params: dict, task: str
) -> None:
    assert act(world, server, body) == 202
    shown = world.ok("alice", "GET", f"{SERVERS}/{server}")["server"]
    assert shown["OS-EXT-STS:task_state"] == task
    with world.database.read() as tx:
        operation = operations.live(tx, "server", [server])[-1]
        assert operation.fence == servers.get(tx, server).fence
    operation = next(o for o in all_operations(world, server) if o.kind == kind)
    assert operation.params == params
    assert world.wire.sent[-1] == ("conductor.run", {"host": None, "operation_id": operation.id})
    words = world.refused(409, "alice", "POST", f"{SERVERS}/{server}/action", body)
    assert words.startswith("Cannot '") and f"while it is in task_state {task}" in words


def all_operations(world: World, server: str) -> list[operations.Operation]:
    with world.database.read() as tx:
        return operations.of_resource(tx, "server", server)


def test_what_the_state_does_not_allow_is_a_conflict(world: World, server: str) -> None:
    words = world.refused(409, "alice", "POST", f"{SERVERS}/{server}/action", {"os-start": None})
    assert words == f"Cannot 'start' instance {server} while it is in vm_state active"


@pytest.mark.parametrize(
    "body", [{}, {"nonsense": {}}, {"reboot": {}}, {"reboot": {"type": "KICK"}}, {"os-stop": 1}, []]
)
def test_a_malformed_action_is_refused(world: World, server: str, body: dict) -> None:
    world.refused(400, "alice", "POST", f"{SERVERS}/{server}/action", body)


def test_what_is_not_offered_says_so(world: World, server: str) -> None:
    words = world.refused(501, "alice", "POST", f"{SERVERS}/{server}/action", {"trigger_crash_dump": None})
    assert words == "The action 'trigger_crash_dump' is not supported."
    world.refused(403, "alice", "POST", f"{SERVERS}/{server}/action", {"injectNetworkInfo": None})


def test_a_locked_server_stays_as_it_is(world: World, server: str) -> None:
    assert act(world, server, {"lock": {"locked_reason": "mine"}}, version="2.73") == 202
    shown = world.ok("alice", "GET", f"{SERVERS}/{server}", version="2.73")["server"]
    assert (shown["locked"], shown["locked_reason"]) == (True, "mine")
    for body in ({"os-stop": None}, {"reboot": {"type": "SOFT"}}):
        assert world.refused(409, "alice", "POST", f"{SERVERS}/{server}/action", body).endswith("is locked")
    world.refused(409, "alice", "DELETE", f"{SERVERS}/{server}")
    world.refused(409, "alice", "PUT", f"{SERVERS}/{server}/metadata", {"metadata": {}})
    assert act(world, server, {"unlock": None}) == 202
    assert act(world, server, {"os-stop": None}) == 202


def test_an_administrators_lock_is_not_the_owners_to_open(world: World, server: str) -> None:
    assert act(world, server, {"lock": None}, "admin") == 202
    assert act(world, server, {"unlock": None}) == 403
    assert act(world, server, {"unlock": None}, "admin") == 202


def test_an_administrator_resets_a_stuck_state(world: World, server: str) -> None:
    act(world, server, {"os-stop": None})
    assert act(world, server, {"os-resetState": {"state": "error"}}) == 403
    assert act(world, server, {"os-resetState": {"state": "error"}}, "admin") == 202
    with world.database.read() as tx:
        found = servers.get(tx, server)
    assert (found.state, found.task) == (State.ERROR, None)
    stop = next(o for o in all_operations(world, server) if o.kind == "server.stop")
    assert stop.state is OperationState.SUPERSEDED and found.fence > stop.fence


def test_the_console_is_asked_of_the_host(world: World, server: str) -> None:
    """A-073, A-080."""
    world.wire.answers["console_output"] = "login:\n"
    path = f"{SERVERS}/{server}/action"
    assert world.ok("alice", "POST", path, {"os-getConsoleOutput": {"length": 10}}) == {"output": "login:\n"}
    question = {"host": "host1", "server_id": server, "lines": 10}
    assert world.wire.sent[-1] == ("compute.console_output", question)
    world.ok("alice", "POST", path, {"os-getConsoleOutput": {"length": -1}})
    assert world.wire.sent[-1][1]["lines"] is None
    world.wire.answers["console_output"] = NotFound("Guest does not have a console available.")
    world.refused(404, "alice", "POST", path, {"os-getConsoleOutput": {}})
    world.wire.answers["console_output"] = Timeout("No answer.")
    world.refused(503, "alice", "POST", path, {"os-getConsoleOutput": {}})
    waiting = world.server()
    world.refused(409, "alice", "POST", f"{SERVERS}/{waiting}/action", {"os-getConsoleOutput": {}})


def test_metadata_is_merged_replaced_and_bounded_in_total(world: World, server: str) -> None:
    """S-120."""
    path = f"{SERVERS}/{server}/metadata"
    assert world.ok("alice", "POST", path, {"metadata": {"a": "1"}}) == {"metadata": {"a": "1"}}
    assert world.ok("alice", "POST", path, {"metadata": {"b": "2"}}) == {"metadata": {"a": "1", "b": "2"}}
    assert world.ok("alice", "PUT", f"{path}/a", {"meta": {"a": "9"}}) == {"meta": {"a": "9"}}
    world.refused(400, "alice", "PUT", f"{path}/a", {"meta": {"b": "9"}})
    assert world.ok("alice", "GET", f"{path}/a") == {"meta": {"a": "9"}}
    world.ok("alice", "DELETE", f"{path}/a")
    world.refused(404, "alice", "GET", f"{path}/a")
    world.refused(404, "alice", "DELETE", f"{path}/a")
    assert world.ok("alice", "PUT", path, {"metadata": {"c": "3"}}) == {"metadata": {"c": "3"}}
    full = {f"k{i}": "v" for i in range(127)}
    world.ok("alice", "POST", path, {"metadata": full})
    words = world.refused(403, "alice", "POST", path, {"metadata": {"more": "v"}})
    assert words == "Maximum number of metadata items exceeds 128"


def test_tags_come_and_go(world: World, server: str) -> None:
    path = f"{SERVERS}/{server}/tags"
    world.refused(404, "alice", "GET", path)
    assert world.ok("alice", "PUT", path, {"tags": ["b", "a"]}, "2.26") == {"tags": ["a", "b"]}
    assert world.call("alice", "PUT", f"{path}/c", None, "2.26").status_code == 201
    assert world.call("alice", "PUT", f"{path}/c", None, "2.26").status_code == 204
    assert world.call("alice", "GET", f"{path}/c", None, "2.26").status_code == 204
    world.refused(404, "alice", "GET", f"{path}/d", version="2.26")
    world.ok("alice", "DELETE", f"{path}/a", version="2.26")
    assert world.ok("alice", "GET", f"{SERVERS}/{server}", version="2.26")["server"]["tags"] == ["b", "c"]
    for i in range(48):
        world.ok("alice", "PUT", f"{path}/t{i}", version="2.26")
    world.refused(400, "alice", "PUT", f"{path}/over", version="2.26")
    world.ok("alice", "DELETE", path, version="2.26")
    assert world.ok("alice", "GET", path, version="2.26") == {"tags": []}


def test_the_history_tells_every_request_and_its_steps(world: World, server: str) -> None:
    act(world, server, {"os-stop": None})
    path = f"{SERVERS}/{server}/os-instance-actions"
    found = world.ok("alice", "GET", path)["instanceActions"]
    assert sorted(item["action"] for item in found) == ["create", "stop"]
    create = next(o for o in all_operations(world, server) if o.kind == "server.create")
    reason = "No valid host was found.\nram: host1: needs 512"

    def journal(tx: object) -> None:
        claimed = operations.claim(tx, create.id, "worker", 30)
        assert claimed is not None
        operations.begin_line(tx, claimed[0], "schedule")
        ended = {"finished_at": tx.now(), "result": "Error", "message": reason, "host": "host1"}
        operations.write_line(tx, claimed[0], "schedule", ended)

    world.database.run(journal)
    one = f"{path}/{create.request_id}"
    assert "events" not in world.ok("alice", "GET", one)["instanceAction"]
    (event,) = world.ok("alice", "GET", one, version="2.84")["instanceAction"]["events"]
    assert (event["event"], event["result"], event["details"]) == (
        "compute_schedule", "Error", "No valid host was found.")  # fmt: skip
    assert "host1" not in str(event)
    (event,) = world.ok("admin", "GET", one, version="2.84")["instanceAction"]["events"]
    assert (event["host"], event["traceback"], event["details"]) == ("host1", reason, reason)
    world.refused(404, "alice", "GET", f"{path}/req-{new_uuid()}")
    page = world.ok("alice", "GET", f"{path}?limit=1", version="2.58")
    assert len(page["instanceActions"]) == 1 and page["links"]


def test_the_history_of_a_deleted_server_is_kept(world: World, server: str) -> None:
    world.ok("alice", "DELETE", f"{SERVERS}/{server}")
    world.database.run(lambda tx: servers.finish(tx, server, "delete", deleted_at=tx.now()))
    path = f"{SERVERS}/{server}/os-instance-actions"
    world.refused(404, "alice", "GET", path)
    assert len(world.ok("alice", "GET", path, version="2.21")["instanceActions"]) == 2
    world.refused(404, "bob", "GET", path, version="2.21")


def test_interfaces_and_groups_are_shown(world: World) -> None:
    network = world.network()
    id = world.server(networks=[{"uuid": network, "fixed_ip": "10.0.0.77"}])
    (item,) = world.ok("alice", "GET", f"{SERVERS}/{id}/os-interface")["interfaceAttachments"]
    assert (item["net_id"], item["fixed_ips"][0]["ip_address"]) == (network, "10.0.0.77")
    shown = world.ok("alice", "GET", f"{SERVERS}/{id}/os-interface/{item['port_id']}")["interfaceAttachment"]
    assert shown == item
    (group,) = world.ok("alice", "GET", f"{SERVERS}/{id}/os-security-groups")["security_groups"]
    assert group["name"] == "default" and group["rules"]
    assert world.ok("alice", "GET", f"{SERVERS}/{id}/os-volume_attachments") == {"volumeAttachments": []}
    assert world.ok("alice", "GET", f"{SERVERS}/{id}/ips/net") == {"net": [{"addr": "10.0.0.77", "version": 4}]}
    world.refused(404, "alice", "GET", f"{SERVERS}/{id}/ips/other")
