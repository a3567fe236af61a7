"""pause, unpause, suspend, resume: which state allows what (the published table), and how it shows."""

from __future__ import annotations

import pytest

from iaas.db.compute import servers
from iaas.model.order import Power
from iaas.model.server import State
from tests.api.compute.world import World

VERBS = ("os-start", "os-stop", "pause", "unpause", "suspend", "resume")
ALLOWED = {
    State.ACTIVE: {"os-stop", "pause", "suspend"},
    State.STOPPED: {"os-start"},
    State.PAUSED: {"unpause"},
    State.SUSPENDED: {"resume"},
    State.ERROR: {"os-stop"},
    State.RESCUED: set(),
    State.RESIZED: set(),
    State.SHELVED: set(),
}


def in_state(world: World, state: State, power: Power = Power.RUNNING) -> str:
    world.host()
    server = world.server()
    world.active(server)
    world.database.run(lambda tx: servers.change(tx, server, {"state": state, "power": power}))
    return server


@pytest.mark.parametrize("state", list(ALLOWED), ids=str)
@pytest.mark.parametrize("verb", VERBS)
def test_the_state_decides(world: World, state: State, verb: str) -> None:
    server = in_state(world, state)
    answer = world.call("alice", "POST", f"/v2.1/servers/{server}/action", {verb: None})
    assert answer.status_code == (202 if verb in ALLOWED[state] else 409)


@pytest.mark.parametrize("state", [State.PAUSED, State.SUSPENDED, State.STOPPED, State.ERROR], ids=str)
def test_a_hard_reboot_is_the_way_out_and_a_soft_one_is_not(world: World, state: State) -> None:
    server = in_state(world, state)
    world.refused(409, "alice", "POST", f"/v2.1/servers/{server}/action", {"reboot": {"type": "SOFT"}})
    world.ok("alice", "POST", f"/v2.1/servers/{server}/action", {"reboot": {"type": "HARD"}})


def test_a_server_on_no_host_is_not_ready(world: World) -> None:
    server = world.server()
    world.database.run(lambda tx: servers.change(tx, server, {"state": State.ERROR, "task": None}))
    for body in ({"os-stop": None}, {"reboot": {"type": "HARD"}}):
        words = world.refused(409, "alice", "POST", f"/v2.1/servers/{server}/action", body)
        assert words == f"Instance {server} is not ready"
    with world.database.read() as tx:
        assert servers.get(tx, server).task is None


@pytest.mark.parametrize("verb", ["pause", "unpause", "suspend", "resume"])
def test_neither_strangers_nor_readers_nor_the_locked(world: World, verb: str) -> None:
    server = in_state(world, State.ACTIVE)
    path, body = f"/v2.1/servers/{server}/action", {verb: None}
    world.refused(404, "bob", "POST", path, body)
    world.refused(403, "rita", "POST", path, body)
    world.ok("alice", "POST", path, {"lock": None})
    assert "is locked" in world.refused(409, "alice", "POST", path, body)


@pytest.mark.parametrize(
    ("state", "power", "status", "number"),
    [(State.PAUSED, Power.PAUSED, "PAUSED", 3), (State.SUSPENDED, Power.SUSPENDED, "SUSPENDED", 7)],
)
def test_how_it_shows(world: World, state: State, power: Power, status: str, number: int) -> None:
    server = in_state(world, state, power)
    shown = world.ok("alice", "GET", f"/v2.1/servers/{server}")["server"]
    assert (shown["status"], shown["OS-EXT-STS:power_state"]) == (status, number)
    assert [item["id"] for item in world.ok("alice", "GET", f"/v2.1/servers?status={status}")["servers"]] == [server]
