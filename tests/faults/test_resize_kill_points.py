"""F-12: a daemon dies at each point of a resize, a confirmation, a reversal: nothing is lost, left or doubled, and at
no moment are there two guests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from iaas import failpoints
from iaas.clock import ManualClock
from iaas.compute.moving import moves
from iaas.db.engine import Database
from iaas.model.server import State
from tests.cloud import moves as tests
from tests.cloud.harness import Cloud, arm
from tests.cloud.servers import boot, network

CONDUCTOR = [
    "conductor.before_step", "conductor.after_step", "conductor.before_finish", "conductor.report.before_write",
]  # fmt: skip
AGENT = ["compute.order.before_report", "compute.order.after_report"]
RESIZE = [
    *CONDUCTOR, *AGENT, "conductor.move.after_select", "conductor.move.before_stop", "conductor.move.before_copy",
    "conductor.move.before_spawn", "scheduler.before_claim", "scheduler.after_claim", "network.agent.before_report",
    "compute.stop.after_button", "compute.stop.after_stop", "compute.copy.before_copy", "compute.copy.after_offer",
    "compute.copy.after_copy", "compute.offer.before_serve", "compute.start.after_define", "compute.start.after_start",
]  # fmt: skip
CONFIRM = [
    *CONDUCTOR, *AGENT, "conductor.resize.before_drop", "compute.destroy.after_stop", "compute.destroy.after_undefine",
    "compute.destroy.after_disk", "compute.destroy.after_directory",
]  # fmt: skip
REVERT = [*CONFIRM, "conductor.resize.before_start", "network.agent.before_report", "compute.start.after_start"]
FAILED = [
    "conductor.before_step", "conductor.after_step", "conductor.report.before_write", *AGENT,
    "compute.destroy.after_disk", "compute.start.after_start", "conductor.move.before_spawn",
]  # fmt: skip


@pytest.fixture
def cloud(tmp_path: Path, database: Database, clock: ManualClock) -> Iterator[Cloud]:
    made = Cloud(tmp_path, database, clock, hosts=3)
    doubled = tests.watch(made)
    yield made
    failpoints.disarm()
    assert doubled == [], "two guests at one moment"


@pytest.mark.parametrize("times", (1, 3))
@pytest.mark.parametrize("point", RESIZE)
def test_a_resize_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    server_id = boot(cloud, network(cloud))
    content = tests.content(cloud, server_id)
    flavor = tests.bigger(cloud)
    arm(point, f"crash*{times}")
    moves.resize(cloud.compute, cloud.context, server_id, flavor)
    cloud.settle()
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    server = cloud.server(server_id)
    assert server.state in (State.RESIZED, State.ACTIVE), server.fault
    assert times > 1 or server.state is State.RESIZED, tests.reason(cloud, server_id)
    assert tests.content(cloud, server_id) == content
    tests.settled(cloud, server_id)


@pytest.mark.parametrize(
    ("ending", "point"), [("confirm", point) for point in CONFIRM] + [("revert", point) for point in REVERT]
)
def test_both_ends_of_a_resize_survive_a_death_at(cloud: Cloud, ending: str, point: str) -> None:
    server_id = boot(cloud, network(cloud))
    content, old = tests.content(cloud, server_id), cloud.server(server_id).host
    new = tests.resize(cloud, server_id).host
    arm(point)
    getattr(tests, ending)(cloud, server_id)
    assert not failpoints.armed(), "the point was not on the path"
    server = cloud.server(server_id)
    assert (server.state, server.host) == (State.ACTIVE, new if ending == "confirm" else old)
    assert cloud.guests(server_id) == [server.host]
    assert tests.content(cloud, server_id) == content
    tests.settled(cloud, server_id)


@pytest.mark.parametrize("point", FAILED)
def test_a_resize_that_fails_is_undone_whoever_dies(cloud: Cloud, point: str) -> None:
    """The new guest does not start; the server runs where it ran, with what it had."""
    server_id = boot(cloud, network(cloud))
    content, old = tests.content(cloud, server_id), cloud.server(server_id).host
    for name, host in cloud.hosts.items():
        if name != old:
            host.hypervisor.fail("define", RuntimeError("no"), times=20)
    arm(point)
    moves.resize(cloud.compute, cloud.context, server_id, tests.bigger(cloud))
    cloud.settle()
    assert not failpoints.armed(), "the point was not on the path"
    server = cloud.server(server_id)
    assert (server.state, server.host, server.flavor.id) == (State.ACTIVE, old, "42")
    assert tests.content(cloud, server_id) == content
    tests.settled(cloud, server_id)
