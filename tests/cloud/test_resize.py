"""Resize and cold migration on three hosts: the disk goes along, one guest at any moment, every count right."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from iaas import errors, failpoints
from iaas.clock import ManualClock
from iaas.compute import lifecycle
from iaas.compute.moving import moves
from iaas.db import quotas
from iaas.db.compute import nodes
from iaas.db.engine import Database
from iaas.model.flavor import Flavor
from iaas.model.server import State
from tests.cloud import moves as tests
from tests.cloud.harness import FLAVOR, Cloud
from tests.cloud.servers import boot, delete, left_behind, network


@pytest.fixture
def cloud(tmp_path: Path, database: Database, clock: ManualClock) -> Iterator[Cloud]:
    made = Cloud(tmp_path, database, clock, hosts=3)
    doubled = tests.watch(made)
    yield made
    failpoints.disarm()
    assert doubled == []


def used(cloud: Cloud) -> tuple[int, int]:
    with cloud.database.read() as tx:
        usage = quotas.usage(tx, cloud.context.owner)
    return usage["cores"], usage["ram"]


def claims(cloud: Cloud, server_id: str) -> dict[str, int]:
    with cloud.database.read() as tx:
        return {claim.host: claim.ram_mb for claim in nodes.claims_of(tx, server_id)}


def test_a_resize_moves_the_disk_and_waits_for_its_confirmation(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    before, content = cloud.server(server_id), tests.content(cloud, server_id)
    server = tests.resize(cloud, server_id)
    assert (server.state, server.status) == (State.RESIZED, "VERIFY_RESIZE"), server.fault
    assert server.host != before.host and server.old_host == before.host
    assert (server.flavor.id, server.old_flavor and server.old_flavor.id) == ("43", "42")
    assert tests.content(cloud, server_id) == content
    assert claims(cloud, server_id) == {before.host: 128, server.host: 256}
    assert used(cloud) == (2, 256)
    tests.settled(cloud, server_id)
    [record] = tests.records(cloud, server_id)
    assert (record.kind, record.status, record.source_host, record.dest_host) == (
        "resize", "finished", before.host, server.host,
    )  # fmt: skip


def test_a_confirmation_leaves_nothing_on_the_old_host(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    tests.resize(cloud, server_id)
    server = tests.confirm(cloud, server_id)
    assert (server.state, server.old_host, server.old_flavor) == (State.ACTIVE, None, None)
    assert cloud.guests(server_id) == [server.host]
    assert [name for name, host in cloud.hosts.items() if server_id in host.disks.made] == [server.host]
    assert claims(cloud, server_id) == {server.host: 256}
    assert tests.records(cloud, server_id)[0].status == "confirmed"
    tests.settled(cloud, server_id)


def test_a_reversal_brings_back_host_flavor_disk_and_quota(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    before, content = cloud.server(server_id), tests.content(cloud, server_id)
    tests.resize(cloud, server_id)
    server = tests.revert(cloud, server_id)
    assert (server.state, server.host, server.flavor.id) == (State.ACTIVE, before.host, "42")
    assert tests.content(cloud, server_id) == content
    assert used(cloud) == (1, 128)
    assert cloud.guests(server_id) == [before.host]
    assert tests.records(cloud, server_id)[0].status == "reverted"
    tests.settled(cloud, server_id)


def test_a_server_that_was_off_stays_off_through_all_of_it(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    lifecycle.stop(cloud.compute, cloud.context, server_id)
    cloud.settle()
    assert tests.resize(cloud, server_id).state is State.RESIZED
    assert tests.confirm(cloud, server_id).state is State.STOPPED
    tests.settled(cloud, server_id)
    lifecycle.start(cloud.compute, cloud.context, server_id)
    cloud.settle()
    assert cloud.server(server_id).state is State.ACTIVE
    tests.settled(cloud, server_id)


def test_a_smaller_flavor_gives_its_quota_back_when_it_is_confirmed(cloud: Cloud) -> None:
    tests.bigger(cloud)
    server_id = boot(cloud, flavor_id="43")
    tests.bigger(cloud, Flavor(id="44", name="m1.less", ram_mb=64, disk_gb=2, vcpus=1))
    moves.resize(cloud.compute, cloud.context, server_id, "44")
    cloud.settle()
    assert used(cloud) == (2, 256)
    tests.settled(cloud, server_id)
    tests.confirm(cloud, server_id)
    assert used(cloud) == (1, 64)
    tests.settled(cloud, server_id)


def test_a_disk_is_never_made_smaller(cloud: Cloud) -> None:
    """A-069."""
    server_id = boot(cloud)
    tests.bigger(cloud, Flavor(id="45", name="m1.flat", ram_mb=256, disk_gb=0, vcpus=1))
    with pytest.raises(errors.Invalid, match="smaller"):
        moves.resize(cloud.compute, cloud.context, server_id, "45")
    assert cloud.server(server_id).state is State.ACTIVE and used(cloud) == (1, 128)


def test_the_quota_of_the_larger_flavor_is_asked_at_once(cloud: Cloud) -> None:
    """C-16: the refusal names the quota; nothing has changed."""
    server_id = boot(cloud)
    cloud.database.run(lambda tx: quotas.set_limits(tx, cloud.context.owner, {"cores": 1}))
    with pytest.raises(errors.QuotaExceeded, match="cores"):
        moves.resize(cloud.compute, cloud.context, server_id, tests.bigger(cloud))
    assert cloud.server(server_id).task is None
    assert cloud.audit() == []


def test_a_resize_that_finds_no_host_leaves_the_server_running(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    tests.bigger(cloud, Flavor(id="46", name="m1.huge", ram_mb=20_000, disk_gb=2, vcpus=2))
    moves.resize(cloud.compute, cloud.context, server_id, "46")
    cloud.settle()
    server = cloud.server(server_id)
    assert server.state is State.ACTIVE and "No valid host" in tests.reason(cloud, server_id)
    assert used(cloud) == (1, 128)
    assert tests.records(cloud, server_id)[0].status == "error"
    tests.settled(cloud, server_id)


def test_a_copy_that_fails_leaves_the_server_running_where_it_was(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    before, content = cloud.server(server_id), tests.content(cloud, server_id)
    for host in cloud.hosts.values():
        host.mover.fail(errors.Internal("The disk could not be copied."))
    server = tests.resize(cloud, server_id)
    assert (server.state, server.host, server.flavor.id) == (State.ACTIVE, before.host, "42")
    assert tests.content(cloud, server_id) == content
    assert used(cloud) == (1, 128)
    assert [name for name, host in cloud.hosts.items() if server_id in host.disks.made] == [before.host]
    tests.settled(cloud, server_id)


def test_a_source_that_goes_away_for_a_moment_is_asked_again(cloud: Cloud) -> None:
    server_id = boot(cloud)
    for host in cloud.hosts.values():
        host.mover.fail(errors.Unavailable("The other host does not answer."), times=3)
    assert tests.resize(cloud, server_id).state is State.RESIZED
    tests.settled(cloud, server_id)


def test_a_destination_that_dies_before_it_has_the_disk_costs_only_the_resize(cloud: Cloud) -> None:
    """F-12."""
    server_id = boot(cloud, network(cloud))
    source = cloud.server(server_id).host or ""
    moves.resize(cloud.compute, cloud.context, server_id, tests.bigger(cloud))
    for name in cloud.hosts:
        if name != source:
            tests.power_off(cloud, name)
    cloud.settle()
    assert (cloud.server(server_id).state, cloud.server(server_id).host) == (State.ACTIVE, source)
    for name in cloud.hosts:
        if name != source:
            cloud.hosts[name].start()
    tests.silence(cloud)
    tests.settled(cloud, server_id)


def test_a_cold_migration_keeps_the_flavor_and_takes_the_host_that_was_named(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    before = cloud.server(server_id)
    target = next(name for name in reversed(cloud.hosts) if name != before.host)
    moves.migrate(cloud.compute, tests.admin(cloud), server_id, target)
    cloud.settle()
    server = cloud.server(server_id)
    assert (server.state, server.host, server.flavor.id) == (State.RESIZED, target, FLAVOR.id)
    assert tests.records(cloud, server_id)[0].kind == "migration"
    tests.settled(cloud, server_id)
    tests.confirm(cloud, server_id)
    tests.settled(cloud, server_id)


def test_a_resized_server_is_deleted_from_both_hosts(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    tests.resize(cloud, server_id)
    delete(cloud, server_id)
    cloud.settle()
    assert left_behind(cloud, server_id) == []
    assert cloud.audit() == []


def test_a_delete_during_a_resize_leaves_nothing(cloud: Cloud) -> None:
    """F-83: at every point of it."""
    network_id = network(cloud)
    for point in ("conductor.move.before_stop", "conductor.move.before_copy", "conductor.move.before_spawn"):
        server_id = boot(cloud, network_id)
        moves.resize(cloud.compute, cloud.context, server_id, tests.bigger(cloud))
        failpoints.arm(f"{point}=crash")
        cloud.deliver()
        delete(cloud, server_id)
        cloud.settle()
        assert left_behind(cloud, server_id) == [], point
        assert cloud.audit() == [], point


def test_a_confirmation_while_the_old_host_is_down_is_made_up_for_when_it_comes_back(cloud: Cloud) -> None:
    """C-10."""
    server_id = boot(cloud, network(cloud))
    server = tests.resize(cloud, server_id)
    tests.power_off(cloud, server.old_host or "")
    tests.silence(cloud)
    assert tests.confirm(cloud, server_id).state is State.ACTIVE
    cloud.hosts[server.old_host or ""].start()
    tests.silence(cloud)
    assert cloud.guests(server_id) == [server.host]
    tests.settled(cloud, server_id)


def test_a_reversal_waits_for_the_new_host_or_for_the_word_that_it_is_dead(cloud: Cloud) -> None:
    """Never two guests: silence alone is no proof that the guest over there is off."""
    server_id = boot(cloud, network(cloud))
    server = tests.resize(cloud, server_id)
    cloud.kill(server.host or "")
    tests.silence(cloud)
    moves.revert(cloud.compute, cloud.context, server_id)
    tests.silence(cloud)
    assert tests.running(cloud, server_id) == [server.host]
    cloud.hosts[server.host or ""].start()
    cloud.settle()
    assert cloud.server(server_id).host == server.old_host
    tests.settled(cloud, server_id)


@pytest.fixture
def alone(tmp_path: Path, database: Database, clock: ManualClock) -> Iterator[Cloud]:
    """One host, on which a resize may stay."""
    made = Cloud(tmp_path, database, clock, hosts=1)
    made.conductor_options = replace(made.conductor_options, allow_resize_to_same_host=True)
    made.restart("conductor")
    yield made
    failpoints.disarm()


@pytest.mark.parametrize("ending", ["confirm", "revert"])
def test_a_resize_on_the_same_host_keeps_the_old_disk_until_it_ends(alone: Cloud, ending: str) -> None:
    server_id = boot(alone, network(alone))
    content, disks = tests.content(alone, server_id), alone.hosts["host1"].disks
    server = tests.resize(alone, server_id)
    assert (server.state, server.host, server.old_host) == (State.RESIZED, "host1", "host1")
    assert disks.originals == {server_id: content} and claims(alone, server_id) == {"host1": 256}
    tests.settled(alone, server_id)
    server = getattr(tests, ending)(alone, server_id)
    assert (server.state, server.flavor.id) == (State.ACTIVE, "43" if ending == "confirm" else "42")
    assert disks.originals == {} and claims(alone, server_id) == {"host1": 256 if ending == "confirm" else 128}
    assert alone.hosts["host1"].hypervisor.domains[server_id].guest.vcpus == server.flavor.vcpus
    tests.settled(alone, server_id)


def test_a_resize_on_the_same_host_that_fails_goes_back(alone: Cloud) -> None:
    server_id = boot(alone, network(alone))
    content = tests.content(alone, server_id)
    alone.hosts["host1"].hypervisor.fail("define", RuntimeError("no"), times=1)
    server = tests.resize(alone, server_id)
    assert (server.state, server.flavor.id) == (State.ACTIVE, "42"), tests.reason(alone, server_id)
    assert tests.content(alone, server_id) == content and alone.hosts["host1"].disks.originals == {}
    tests.settled(alone, server_id)


def test_without_leave_to_stay_a_lone_host_is_no_valid_host(cloud: Cloud) -> None:
    server_id = boot(cloud)
    for name in cloud.hosts:
        if name != cloud.server(server_id).host:
            cloud.kill(name)
    tests.silence(cloud)
    tests.resize(cloud, server_id)
    assert "No valid host" in tests.reason(cloud, server_id)
    assert cloud.server(server_id).state is State.ACTIVE


@pytest.mark.parametrize("resized", [False, True])
def test_an_administrators_reset_of_a_resize_leaves_one_side(cloud: Cloud, resized: bool) -> None:
    server_id = boot(cloud, network(cloud))
    if resized:
        tests.resize(cloud, server_id)
    else:
        failpoints.arm("conductor.move.before_stop=crash")
        moves.resize(cloud.compute, cloud.context, server_id, tests.bigger(cloud))
        cloud.deliver()
    lifecycle.reset_state(cloud.compute, tests.admin(cloud), server_id, State.ACTIVE)
    tests.silence(cloud)
    server = cloud.server(server_id)
    assert (server.state, server.old_host, server.new_flavor) == (State.ACTIVE, None, None)
    assert used(cloud) == (server.flavor.vcpus, server.flavor.ram_mb)
    tests.settled(cloud, server_id)
