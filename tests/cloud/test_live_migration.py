"""Live migration on three hosts: the guest is on somewhere at every moment, and on one host only; what fails leaves it
where it was; whoever dies, the hypervisors know where it is (F-13)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from iaas import failpoints
from iaas.clock import ManualClock
from iaas.compute import lifecycle
from iaas.compute.moving import migrations, moves
from iaas.db.compute import migrations as rows
from iaas.db.engine import Database
from iaas.model.order import Power
from iaas.model.server import State
from tests.cloud import moves as tests
from tests.cloud.harness import Cloud, arm
from tests.cloud.servers import boot, delete, left_behind, network

CONDUCTOR = [
    "conductor.before_step", "conductor.after_step", "conductor.before_finish", "conductor.report.before_write",
]  # fmt: skip
AGENT = ["compute.order.before_report", "compute.order.after_report"]
POINTS = [
    *CONDUCTOR, *AGENT, "scheduler.before_claim", "scheduler.after_claim", "network.agent.before_report",
    "conductor.move.after_select", "conductor.live.before_receive", "conductor.live.before_migrate",
    "compute.receive.before_disks", "compute.receive.after_disks", "compute.migrate.after_start",
    "compute.migrate.under_way", "compute.arrive.after_mark", "compute.destroy.after_disk",
]  # fmt: skip
# Between the record that it begins and its beginning nothing has begun: never done twice, it is not done at all (C-18).
NOT_AGAIN = "compute.migrate.before_start"


@pytest.fixture
def cloud(tmp_path: Path, database: Database, clock: ManualClock) -> Iterator[Cloud]:
    made = Cloud(tmp_path, database, clock, hosts=3)
    doubled = tests.watch(made)
    yield made
    failpoints.disarm()
    assert doubled == [], "two guests at one moment"


def migrate(cloud: Cloud, server_id: str, host: str | None = None) -> None:
    moves.live_migrate(cloud.compute, tests.admin(cloud), server_id, host)


def looks(cloud: Cloud, number: int, fail: bool = False) -> None:
    for host in cloud.hosts.values():
        host.hypervisor.migration_looks, host.hypervisor.migrations_fail = number, fail


def test_a_guest_goes_over_with_ports_and_claims(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    source = cloud.server(server_id).host
    looks(cloud, 20)
    migrate(cloud, server_id)
    cloud.settle()
    server = cloud.server(server_id)
    assert server.state is State.ACTIVE and server.host != source, tests.reason(cloud, server_id)
    assert cloud.guests(server_id) == [server.host]
    assert [name for name, host in cloud.hosts.items() if server_id in host.disks.made] == [server.host]
    assert ("power_off", server_id) not in cloud.hosts[server.host or ""].hypervisor.calls, "it never stopped"
    record = tests.records(cloud, server_id)[0]
    assert (record.kind, record.status, record.dest_host) == ("live-migration", "completed", server.host)
    assert record.progress["memory_total"] == 1 << 27
    tests.settled(cloud, server_id)


def test_the_host_that_was_named(cloud: Cloud) -> None:
    server_id = boot(cloud)
    for target in ("host3", "host2", "host1", "host3"):
        if cloud.server(server_id).host != target:
            migrate(cloud, server_id, target)
            cloud.settle()
            assert cloud.server(server_id).host == target
    tests.settled(cloud, server_id)


def test_a_paused_guest_arrives_paused(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    lifecycle.pause(cloud.compute, cloud.context, server_id)
    cloud.settle()
    migrate(cloud, server_id)
    cloud.settle()
    server = cloud.server(server_id)
    assert (server.state, server.power) == (State.PAUSED, Power.PAUSED)
    assert tests.records(cloud, server_id)[0].status == "completed"
    tests.settled(cloud, server_id)


def test_a_migration_that_fails_leaves_the_guest_where_it_was(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    source = cloud.server(server_id).host
    looks(cloud, 3, fail=True)
    migrate(cloud, server_id)
    cloud.settle()
    assert (cloud.server(server_id).state, cloud.server(server_id).host) == (State.ACTIVE, source)
    assert tests.records(cloud, server_id)[0].status == "error"
    assert [name for name, host in cloud.hosts.items() if server_id in host.disks.made] == [source]
    tests.settled(cloud, server_id)


def test_an_abort_while_memory_goes_over(cloud: Cloud) -> None:
    """By the API's own call, from within the migration."""
    server_id = boot(cloud, network(cloud))
    source = cloud.server(server_id).host or ""
    looks(cloud, 10)
    hypervisor = cloud.hosts[source].hypervisor
    start = hypervisor.enter
    asked: list[str] = []

    def enter(method: str, id: str = "") -> None:
        start(method, id)
        if method == "migration" and server_id in hypervisor.migrating and not asked:
            asked.append(method)
            with cloud.database.read() as tx:
                [record] = rows.of_server(tx, server_id, "live-migration", ("running",))
            migrations.abort(cloud.compute, tests.admin(cloud), server_id, record.id, early=True)

    hypervisor.enter = enter  # type: ignore[method-assign]
    migrate(cloud, server_id)
    cloud.settle()
    assert asked and cloud.server(server_id).host == source
    assert tests.records(cloud, server_id)[0].status == "cancelled"
    tests.settled(cloud, server_id)


def test_an_abort_before_the_guest_leaves(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    source = cloud.server(server_id).host
    migrate(cloud, server_id)
    with cloud.database.read() as tx:
        [record] = rows.of_server(tx, server_id, "live-migration", ("queued",))
    migrations.abort(cloud.compute, tests.admin(cloud), server_id, record.id, early=True)
    cloud.settle()
    assert cloud.server(server_id).host == source
    assert ("start_migration", server_id) not in cloud.hosts[source or ""].hypervisor.calls
    assert tests.records(cloud, server_id)[0].status == "cancelled"
    tests.settled(cloud, server_id)


@pytest.mark.parametrize("times", (1, 3))
@pytest.mark.parametrize("point", POINTS)
def test_a_live_migration_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    server_id = boot(cloud, network(cloud))
    source = cloud.server(server_id).host
    looks(cloud, 8)
    arm(point, f"crash*{times}")
    migrate(cloud, server_id)
    cloud.settle()
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    server = cloud.server(server_id)
    assert server.state is State.ACTIVE
    assert times > 1 or server.host != source, tests.reason(cloud, server_id)
    tests.settled(cloud, server_id)


def test_a_death_before_the_beginning_is_not_made_up_for(cloud: Cloud) -> None:
    """C-18."""
    server_id = boot(cloud, network(cloud))
    source = cloud.server(server_id).host or ""
    arm(NOT_AGAIN)
    migrate(cloud, server_id)
    cloud.settle()
    assert not failpoints.armed() and cloud.server(server_id).host == source
    assert ("start_migration", server_id) not in cloud.hosts[source].hypervisor.calls
    tests.settled(cloud, server_id)


@pytest.mark.parametrize("point", ["compute.receive.after_disks", "compute.migrate.after_start", *CONDUCTOR[:2]])
def test_a_migration_that_fails_is_undone_whoever_dies(cloud: Cloud, point: str) -> None:
    server_id = boot(cloud, network(cloud))
    source = cloud.server(server_id).host
    looks(cloud, 3, fail=True)
    arm(point)
    migrate(cloud, server_id)
    cloud.settle()
    assert cloud.server(server_id).host == source
    tests.settled(cloud, server_id)


def test_a_source_that_loses_its_power_on_the_way_costs_the_guest_its_memory_only(cloud: Cloud) -> None:
    """F-13: the operation waits for the source, which alone knows; the server is off where it was, with its disk."""
    server_id = boot(cloud, network(cloud))
    source = cloud.server(server_id).host or ""
    arm("compute.migrate.before_start", "error:cut")  # nothing has begun; then the power goes
    migrate(cloud, server_id)
    tests.power_off(cloud, source)
    tests.silence(cloud)
    cloud.hosts[source].start()
    cloud.settle()
    tests.silence(cloud)
    server = cloud.server(server_id)
    assert (server.state, server.host) == (State.STOPPED, source)
    lifecycle.start(cloud.compute, cloud.context, server_id)
    cloud.settle()
    tests.settled(cloud, server_id)


@pytest.mark.parametrize("point", ["conductor.live.before_receive", "conductor.live.before_migrate"])
def test_a_delete_during_a_live_migration_leaves_nothing(cloud: Cloud, point: str) -> None:
    """F-83."""
    server_id = boot(cloud, network(cloud))
    arm(point)
    migrate(cloud, server_id)
    cloud.deliver()
    delete(cloud, server_id)
    cloud.settle()
    assert left_behind(cloud, server_id) == []
    assert cloud.audit() == []
