"""Evacuation: fence before recover (C-08, C-10). A dead host's servers live elsewhere; what comes back destroys what it
has before it takes work (F-48, F-52, F-53)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from iaas import errors, failpoints
from iaas.clock import ManualClock
from iaas.compute import lifecycle
from iaas.compute.moving import moves
from iaas.db import services
from iaas.db.engine import Database
from iaas.model.server import State
from tests.cloud import moves as tests
from tests.cloud.harness import Cloud, arm
from tests.cloud.servers import boot, delete, left_behind, network

POINTS = [
    "conductor.before_step", "conductor.after_step", "conductor.before_finish", "conductor.report.before_write",
    "compute.order.before_report", "compute.order.after_report", "scheduler.before_claim", "scheduler.after_claim",
    "network.agent.before_report", "conductor.move.after_select", "conductor.evacuate.before_fence",
    "conductor.evacuate.before_spawn", "compute.build.after_disk", "compute.build.after_define",
    "compute.build.after_start",
]  # fmt: skip


@pytest.fixture
def cloud(tmp_path: Path, database: Database, clock: ManualClock) -> Iterator[Cloud]:
    yield Cloud(tmp_path, database, clock, hosts=3)
    failpoints.disarm()


def evacuate(cloud: Cloud, server_id: str, host: str | None = None) -> None:
    moves.evacuate(cloud.compute, tests.admin(cloud), server_id, host)


def dead(cloud: Cloud, server_id: str) -> str:
    """Its host has lost its power and is known to be down; gives the host."""
    host = cloud.server(server_id).host or ""
    tests.power_off(cloud, host)
    tests.silence(cloud)
    return host


def test_a_server_of_a_dead_host_is_built_elsewhere_and_destroyed_where_it_was(cloud: Cloud) -> None:
    """F-52."""
    server_id = boot(cloud, network(cloud))
    old = dead(cloud, server_id)
    evacuate(cloud, server_id)
    cloud.settle()
    server = cloud.server(server_id)
    assert server.state is State.ACTIVE and server.host != old, server.fault
    record = tests.records(cloud, server_id)[0]
    assert (record.kind, record.status, record.source_host, record.dest_host) == (
        "evacuation", "done", old, server.host,
    )  # fmt: skip
    cloud.hosts[old].start()
    cloud.hosts[old].tick()  # its first sign of life
    assert cloud.guests(server_id) == [server.host]
    tests.silence(cloud)
    tests.settled(cloud, server_id)


def test_a_cut_off_host_that_is_healed_has_no_second_guest_when_it_takes_work(cloud: Cloud) -> None:
    """F-53: partition, evacuation, heal. The old guest ran on over there; it is gone before the next order runs."""
    server_id = boot(cloud, network(cloud), forced_host="host1")
    other = boot(cloud, forced_host="host1")
    lifecycle.stop(cloud.compute, cloud.context, other)
    cloud.settle()
    cloud.kill("host1")
    tests.silence(cloud)
    evacuate(cloud, server_id)
    cloud.settle()
    assert len(tests.running(cloud, server_id)) == 2, "cut off, it ran on: nobody could stop it"
    lifecycle.start(cloud.compute, cloud.context, other)
    cloud.deliver()
    calls = cloud.hosts["host1"].hypervisor.calls
    del calls[:]
    cloud.hosts["host1"].start()
    cloud.deliver()
    assert calls.index(("power_off", server_id)) < calls.index(("power_on", other))
    cloud.settle()
    tests.settled(cloud, server_id)


def test_a_living_host_is_not_evacuated_and_a_host_that_comes_back_in_time_keeps_its_server(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    with pytest.raises(errors.Invalid, match="still in use"):
        evacuate(cloud, server_id)
    old = cloud.server(server_id).host or ""
    cloud.kill(old)
    tests.silence(cloud)
    evacuate(cloud, server_id)
    cloud.hosts[old].start()
    cloud.tick()
    cloud.settle()
    server = cloud.server(server_id)
    assert (server.state, server.host) == (State.ACTIVE, old) or server.host != old
    tests.settled(cloud, server_id)


def test_no_room_elsewhere_leaves_the_server_to_its_host(cloud: Cloud) -> None:
    """Nothing is fenced before there is a place to go to: the disk over there is all that the server has."""
    server_id = boot(cloud, network(cloud))
    old = dead(cloud, server_id)
    for name in cloud.hosts:
        if name != old:
            cloud.kill(name)
    tests.silence(cloud)
    evacuate(cloud, server_id)
    cloud.settle()
    assert (cloud.server(server_id).state, cloud.server(server_id).host) == (State.ACTIVE, old)
    for host in cloud.hosts.values():
        host.start()
    tests.silence(cloud)
    assert cloud.server(server_id).state is State.STOPPED, "its guest went with the power"
    lifecycle.start(cloud.compute, cloud.context, server_id)
    cloud.settle()
    tests.settled(cloud, server_id)


def test_a_server_that_was_off_is_off(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    lifecycle.stop(cloud.compute, cloud.context, server_id)
    cloud.settle()
    dead(cloud, server_id)
    evacuate(cloud, server_id)
    cloud.settle()
    assert cloud.server(server_id).state is State.STOPPED
    tests.settled(cloud, server_id)


def test_a_destination_that_fails_is_followed_by_another(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    old = dead(cloud, server_id)
    first = next(name for name in cloud.hosts if name != old)
    cloud.hosts[first].disks.fail(OSError(5, "I/O error"), times=5)
    evacuate(cloud, server_id)
    cloud.settle()
    server = cloud.server(server_id)
    assert server.state is State.ACTIVE and server.host not in (old, first), server.fault
    tests.settled(cloud, server_id)


def test_forced_down_is_the_operators_word_and_enough(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    old = cloud.server(server_id).host or ""
    cloud.kill(old)

    def force(tx: object) -> None:
        found = services.find(tx, "iaas-compute", old)  # type: ignore[arg-type]
        assert found
        services.change(tx, found.id, {"forced_down": True})  # type: ignore[arg-type]

    cloud.database.run(force)
    evacuate(cloud, server_id)
    cloud.settle()
    assert cloud.server(server_id).host != old


def test_an_evacuation_takes_over_a_resize_that_hangs_on_the_dead_host(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    old = cloud.server(server_id).host or ""
    arm("conductor.move.before_copy", "crash*1")
    moves.resize(cloud.compute, cloud.context, server_id, tests.bigger(cloud))
    cloud.deliver()
    tests.power_off(cloud, old)
    tests.silence(cloud)
    evacuate(cloud, server_id)
    cloud.settle()
    server = cloud.server(server_id)
    assert (server.flavor.id, server.new_flavor) == ("42", None) and server.host != old
    tests.settled(cloud, server_id)


@pytest.mark.parametrize("times", (1, 3))
@pytest.mark.parametrize("point", POINTS)
def test_an_evacuation_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    server_id = boot(cloud, network(cloud))
    old = dead(cloud, server_id)
    arm(point, f"crash*{times}")
    evacuate(cloud, server_id)
    cloud.tick()
    tests.power_off(cloud, old) if cloud.hosts[old].up else None  # what died is restarted; the dead host is not
    cloud.settle()
    failpoints.disarm()
    server = cloud.server(server_id)
    assert server.state in (State.ACTIVE, State.STOPPED), server.fault
    cloud.hosts[old].start()
    tests.silence(cloud)
    tests.settled(cloud, server_id)


def test_a_delete_of_an_evacuated_server_leaves_nothing_even_where_it_was(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    old = dead(cloud, server_id)
    evacuate(cloud, server_id)
    cloud.settle()
    delete(cloud, server_id)
    cloud.settle()
    cloud.hosts[old].start()
    tests.silence(cloud)
    assert left_behind(cloud, server_id) == []
    assert cloud.audit() == []
