"""F-05, F-06, F-03, F-04: a daemon dies at each point of a build, a stop, a start and a delete; afterwards everything
has ended, nothing is lost, left or doubled (I-01 … I-16)."""

import pytest

from iaas import failpoints
from iaas.compute import lifecycle
from iaas.model.server import State
from tests.cloud.harness import Cloud, arm
from tests.cloud.servers import boot, delete, left_behind, network, order

CONDUCTOR = [
    "conductor.before_step",
    "conductor.after_step",
    "conductor.before_finish",
    "conductor.report.before_write",
]
AGENT = ["compute.order.before_report", "compute.order.after_report"]
BUILD = [
    *CONDUCTOR, *AGENT, "conductor.build.after_select", "conductor.build.before_spawn",
    "scheduler.before_claim", "scheduler.after_claim", "network.agent.before_report",
    "compute.build.after_disk", "compute.build.after_define", "compute.build.after_start",
]  # fmt: skip
DELETE = [
    *CONDUCTOR, *AGENT, "conductor.delete.before_release", "network.agent.before_report",
    "compute.destroy.after_stop", "compute.destroy.after_undefine", "compute.destroy.after_disk",
    "compute.destroy.after_directory",
]  # fmt: skip
STOP = [*CONDUCTOR, *AGENT, "compute.stop.after_button", "compute.stop.after_stop"]
START = [*CONDUCTOR, *AGENT, "compute.start.after_start"]
TIMES = (1, 3)  # F-18: also killed again, twice, while it recovers


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", BUILD)
def test_a_build_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    network_id = network(cloud)
    cloud.settle()
    arm(point, f"crash*{times}")
    server_id = boot(cloud, network_id)
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    server = cloud.server(server_id)
    assert server.state is State.ACTIVE, server.fault
    assert cloud.guests(server_id) == [server.host]
    assert cloud.audit() == []


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", DELETE)
def test_a_delete_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    server_id = boot(cloud, network(cloud))
    arm(point, f"crash*{times}")
    delete(cloud, server_id)
    cloud.settle()
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    assert cloud.server(server_id).state is State.DELETED
    assert left_behind(cloud, server_id) == []
    assert cloud.audit() == []


@pytest.mark.parametrize(
    ("event", "point"), [("stop", point) for point in STOP] + [("start", point) for point in START]
)
def test_stop_and_start_survive_a_death_at(cloud: Cloud, event: str, point: str) -> None:
    server_id = boot(cloud, network(cloud))
    if event == "start":
        lifecycle.stop(cloud.compute, cloud.context, server_id)
        cloud.settle()
    arm(point)
    getattr(lifecycle, event)(cloud.compute, cloud.context, server_id)
    cloud.settle()
    assert not failpoints.armed(), "the point was not on the path"
    assert cloud.server(server_id).state is (State.STOPPED if event == "stop" else State.ACTIVE)
    assert cloud.audit() == []


@pytest.mark.parametrize("point", [*CONDUCTOR, "compute.order.after_once", "compute.reboot.after_power_off"])
def test_a_hard_reboot_is_never_done_twice_whoever_dies(cloud: Cloud, point: str) -> None:
    """F-14, C-18."""
    server_id = boot(cloud)
    host = cloud.hosts[cloud.server(server_id).host or ""]
    before = host.hypervisor.calls.count(("power_off", server_id))
    arm(point)
    lifecycle.reboot(cloud.compute, cloud.context, server_id, "HARD")
    cloud.settle()
    assert host.hypervisor.calls.count(("power_off", server_id)) - before <= 1
    assert cloud.server(server_id).task is None
    assert cloud.live() == []


def test_an_api_that_dies_before_the_doorbell_loses_nothing(cloud: Cloud) -> None:
    """F-01: the sweeper finds the row."""
    arm("api.server.create.before_publish")
    network_id = network(cloud)
    with pytest.raises(failpoints.Crash):
        order(cloud, network_id)
    [operation] = cloud.live()
    cloud.settle(rounds=5)
    assert cloud.server(operation.resource_id).state is State.ACTIVE
    assert cloud.audit() == []


def test_an_api_that_dies_before_the_doorbell_of_a_delete_loses_nothing(cloud: Cloud) -> None:
    """F-01, F-06."""
    server_id = boot(cloud)
    arm("api.server.delete.before_publish")
    with pytest.raises(failpoints.Crash):
        delete(cloud, server_id)
    cloud.settle(rounds=5)
    assert left_behind(cloud, server_id) == []
    assert cloud.audit() == []
