"""Paused and suspended servers through the whole cloud: the state follows the guest, the guest the state."""

import pytest

from iaas.compute import lifecycle
from iaas.db import operations
from iaas.errors import Conflict, Internal
from iaas.model.order import Power
from iaas.model.server import State
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, delete, left_behind, network

POWERS = {
    State.ACTIVE: Power.RUNNING,
    State.STOPPED: Power.SHUTDOWN,
    State.PAUSED: Power.PAUSED,
    State.SUSPENDED: Power.SUSPENDED,
}


def do(cloud: Cloud, verb: str, server_id: str) -> State:
    getattr(lifecycle, verb)(cloud.compute, cloud.context, server_id)
    cloud.settle()
    server = cloud.server(server_id)
    assert server.task is None and server.power is POWERS[server.state]
    return server.state


def test_pause_and_suspend_and_back(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    for verb, state in (("pause", State.PAUSED), ("unpause", State.ACTIVE), ("suspend", State.SUSPENDED),
                        ("resume", State.ACTIVE)):  # fmt: skip
        assert do(cloud, verb, server_id) is state
        assert cloud.audit() == []
    with cloud.database.read() as tx:
        done = operations.of_resource(tx, "server", server_id)
        steps = [line.step for item in done[:-1] for line in operations.lines(tx, [item.id])]
    assert steps == ["resume", "suspend", "unpause", "pause"], "each is an event of its own"


@pytest.mark.parametrize("before", ["pause", "suspend"])
def test_a_hard_reboot_starts_it_anew_and_a_delete_leaves_nothing(cloud: Cloud, before: str) -> None:
    server_id = boot(cloud, network(cloud))
    do(cloud, before, server_id)
    lifecycle.reboot(cloud.compute, cloud.context, server_id, "HARD")
    cloud.settle()
    assert cloud.server(server_id).state is State.ACTIVE
    do(cloud, before, server_id)
    delete(cloud, server_id)
    cloud.settle()
    assert left_behind(cloud, server_id) == []
    assert cloud.audit() == []


def test_memory_that_cannot_be_used_is_told_in_the_event(cloud: Cloud) -> None:
    server_id = boot(cloud)
    do(cloud, "suspend", server_id)
    cloud.hosts[cloud.server(server_id).host or ""].hypervisor.spoiled.add(server_id)
    assert do(cloud, "resume", server_id) is State.ACTIVE
    with cloud.database.read() as tx:
        [line] = operations.lines(tx, [operations.of_resource(tx, "server", server_id)[0].id])
    assert (line.result, line.message) == (
        "Success", "The saved memory could not be used: the server was started anew.",
    )  # fmt: skip


def test_a_refusal_of_the_host_leaves_the_state(cloud: Cloud) -> None:
    server_id = boot(cloud)
    cloud.hosts[cloud.server(server_id).host or ""].hypervisor.fail("save", Internal("no room"))
    assert do(cloud, "suspend", server_id) is State.ACTIVE
    assert cloud.audit() == []


@pytest.mark.parametrize("state", list(POWERS), ids=str)
@pytest.mark.parametrize("seen", list(POWERS), ids=str)
def test_the_state_follows_what_the_guest_does_by_itself(cloud: Cloud, state: State, seen: State) -> None:
    """R1, R2, R6, R7."""
    server_id = boot(cloud, network(cloud))
    ways = {State.STOPPED: "stop", State.PAUSED: "pause", State.SUSPENDED: "suspend"}
    if state in ways:
        do(cloud, ways[state], server_id)
    cloud.hosts[cloud.server(server_id).host or ""].hypervisor.change(server_id, POWERS[seen])
    for _ in range(3):
        cloud.tick()
    assert (cloud.server(server_id).state, cloud.server(server_id).power) == (seen, POWERS[seen])
    assert cloud.audit() == []


def test_an_error_is_the_operators(cloud: Cloud) -> None:
    """R5: only the power is written."""
    server_id = boot(cloud)
    lifecycle.reset_state(cloud.compute, cloud.context, server_id, State.ERROR)
    cloud.hosts[cloud.server(server_id).host or ""].hypervisor.change(server_id, Power.PAUSED)
    for _ in range(3):
        cloud.tick()
    assert (cloud.server(server_id).state, cloud.server(server_id).power) == (State.ERROR, Power.PAUSED)


def test_a_stop_of_a_paused_server_is_refused(cloud: Cloud) -> None:
    server_id = boot(cloud)
    do(cloud, "pause", server_id)
    with pytest.raises(Conflict):
        lifecycle.stop(cloud.compute, cloud.context, server_id)
