"""Servers with volumes move: the volumes stay connected, follow them, and are cut off from a host that is fenced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations

from iaas import failpoints
from iaas.clock import ManualClock
from iaas.compute.moving import moves
from iaas.db.compute import nodes
from iaas.db.engine import Database
from iaas.db.schema.compute import allocations, compute_nodes
from iaas.model.server import State
from iaas.model.volume import Attachment
from tests.cloud import moves as tests
from tests.cloud import volumes
from tests.cloud.attached import attach, plugged, root
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, network


@pytest.fixture
def cloud(tmp_path: Path, database: Database, clock: ManualClock) -> Iterator[Cloud]:
    made = Cloud(tmp_path, database, clock, hosts=3)
    made.add_volumes(1)
    yield made
    failpoints.disarm()


def attachment(cloud: Cloud, server_id: str) -> Attachment:
    with cloud.database.read() as tx:
        [found] = cloud.compute.volume.attachments(tx, server_id)
        return found


def from_volume(cloud: Cloud) -> str:
    return boot(cloud, network(cloud), image_id=None, disks=(root(cloud),))


@pytest.mark.parametrize("move", ["live", "resize", "revert"])
def test_an_attached_volume_goes_along(cloud: Cloud, move: str) -> None:
    server_id, volume_id = boot(cloud, network(cloud)), volumes.make(cloud)
    attach(cloud, server_id, volume_id)
    before = attachment(cloud, server_id)
    if move == "live":
        moves.live_migrate(cloud.compute, tests.admin(cloud), server_id)
        cloud.settle()
    else:
        tests.resize(cloud, server_id)
        (tests.confirm if move == "resize" else tests.revert)(cloud, server_id)
    server, after = cloud.server(server_id), attachment(cloud, server_id)
    assert (after.host, after.export) == (server.host, before.export), "the same connection, from where it is now"
    assert plugged(cloud, server_id) == [volume_id]
    tests.settled(cloud, server_id)


def test_a_server_whose_every_disk_is_a_volume(cloud: Cloud) -> None:
    server_id = from_volume(cloud)
    source = cloud.server(server_id).host
    moves.live_migrate(cloud.compute, tests.admin(cloud), server_id, disks=False)
    cloud.settle()
    assert cloud.server(server_id).host != source, tests.reason(cloud, server_id)
    tests.resize(cloud, server_id)
    tests.confirm(cloud, server_id)
    tests.settled(cloud, server_id)


def test_a_root_disk_that_is_a_volume_takes_nothing_of_a_host(cloud: Cloud) -> None:
    """The flavor's is larger than any host's; the rest of the flavor is claimed as ever."""
    vast = tests.bigger(cloud, replace(tests.BIG, id="44", name="m1.vast", disk_gb=10_000, ephemeral_gb=1))
    server_id = from_volume(cloud)
    moves.resize(cloud.compute, cloud.context, server_id, vast)
    cloud.settle()
    tests.confirm(cloud, server_id)
    moves.live_migrate(cloud.compute, tests.admin(cloud), server_id, disks=True)
    cloud.settle()
    with cloud.database.read() as tx:
        [claim] = nodes.claims_of(tx, server_id)
    assert (claim.host, claim.ram_mb, claim.disk_gb) == (cloud.server(server_id).host, 256, 1)
    tests.settled(cloud, server_id)


def test_an_upgrade_gives_back_what_older_releases_claimed_for_such_disks(cloud: Cloud) -> None:
    server_id = from_volume(cloud)
    tests.resize(cloud, server_id)
    with cloud.database.transaction() as tx:
        for claim in nodes.claims_of(tx, server_id):
            more = 2 if claim.ram_mb == tests.BIG.ram_mb else 1  # GiB, the root disk of its flavor
            one = (allocations.c.server_id == server_id) & (allocations.c.host == claim.host)
            tx.update(allocations, one, {"disk_gb": claim.disk_gb + more})
            used = {"disk_gb_used": compute_nodes.c.disk_gb_used + more}
            tx.update(compute_nodes, compute_nodes.c.host == claim.host, used)
    assert {found.invariant for found in cloud.audit()} == {"I-07"}
    with cloud.database.transaction() as tx, Operations.context(MigrationContext.configure(tx.connection)):
        import_module("iaas.db.migrations.versions.0005_volume_roots").upgrade()
    with cloud.database.read() as tx:
        assert {claim.disk_gb for claim in nodes.claims_of(tx, server_id)} == {0}
    tests.confirm(cloud, server_id)
    tests.settled(cloud, server_id)


def test_a_fenced_host_loses_the_volume_before_the_server_is_built_elsewhere(cloud: Cloud) -> None:
    """C-10, F-53: cut off, the old guest runs on, and writes no more: the export has another name."""
    server_id = from_volume(cloud)
    before, old = attachment(cloud, server_id), cloud.server(server_id).host or ""
    cloud.kill(old)
    tests.silence(cloud)
    moves.evacuate(cloud.compute, tests.admin(cloud), server_id)
    cloud.settle()
    server, after = cloud.server(server_id), attachment(cloud, server_id)
    assert server.state is State.ACTIVE and server.host != old, server.fault
    assert after.export != before.export and after.host == server.host
    [volume_host] = cloud.volume_hosts.values()
    [export] = volume_host.backend.served.values()
    assert export.name == after.export, "nobody can come back to the old name"
    cloud.hosts[old].start()
    tests.silence(cloud)
    tests.settled(cloud, server_id)
