"""Snapshots, clones and extensions through the whole cloud in one process, and the death of each daemon on the way."""

from __future__ import annotations

import pytest

from iaas import failpoints
from iaas.db import quotas
from iaas.db.volume import backends, snapshots
from iaas.errors import Internal, Invalid
from iaas.model.volume import Snapshot, SnapshotState, State
from iaas.volume import lifecycle
from iaas.volume import snapshots as logic
from iaas.volume.snapshots import NewSnapshot
from iaas.volume.wish import NewVolume
from tests.cloud.harness import Cloud, arm, every
from tests.cloud.volumes import delete, found, make, volume

TIMES = (1, 3)  # F-18: also killed again, twice, while it recovers
CONDUCTOR = ["conductor.before_step", "conductor.after_step", "conductor.before_finish",
             "conductor.report.before_write"]  # fmt: skip
ORDER = every("volume.order.")


@pytest.fixture(autouse=True)
def hosts(cloud: Cloud) -> None:
    cloud.add_volumes(2)


def take(cloud: Cloud, volume_id: str) -> str:
    snapshot_id = logic.create(cloud.volumes, cloud.context, NewSnapshot(volume_id=volume_id, name="s"))
    cloud.settle()
    return snapshot_id


def drop(cloud: Cloud, snapshot_id: str) -> None:
    logic.delete(cloud.volumes, cloud.context, snapshot_id)
    cloud.settle()


def snapshot(cloud: Cloud, snapshot_id: str) -> Snapshot:
    with cloud.database.read() as tx:
        return snapshots.get(tx, snapshot_id, deleted=True)


def kept(cloud: Cloud, snapshot_id: str) -> list[str]:
    return [name for name, host in cloud.volume_hosts.items() if snapshot_id in host.backend.snapshots]


def made_of(cloud: Cloud, **source: str) -> str:
    volume_id = lifecycle.create(cloud.volumes, cloud.context, NewVolume(**source))
    cloud.settle()
    return volume_id


def promised(cloud: Cloud) -> int:
    with cloud.database.read() as tx:
        return sum(pool.used_gb for pool in backends.all_of(tx))


def test_a_snapshot_and_what_is_made_of_it_are_where_the_volume_is(cloud: Cloud) -> None:
    make(cloud, 5)
    volume_id = make(cloud, 2)
    snapshot_id = take(cloud, volume_id)
    host = volume(cloud, volume_id).host
    assert snapshot(cloud, snapshot_id).status == "available" and kept(cloud, snapshot_id) == [host]
    ids = [made_of(cloud, snapshot_id=snapshot_id), made_of(cloud, source_volume_id=volume_id)]
    assert [volume(cloud, id).host for id in ids] == [host, host] and cloud.audit() == []
    assert promised(cloud) == 5 + 4 * 2
    with pytest.raises(Invalid):
        delete(cloud, volume_id)
    drop(cloud, snapshot_id)
    assert snapshot(cloud, snapshot_id).state is SnapshotState.DELETED and kept(cloud, snapshot_id) == []
    delete(cloud, volume_id)
    cloud.settle()
    assert found(cloud, volume_id) == [] and promised(cloud) == 9 and cloud.audit() == []


def test_a_volume_goes_with_its_snapshots_when_told_to(cloud: Cloud) -> None:
    volume_id = make(cloud)
    ids = [take(cloud, volume_id) for _ in range(2)]
    lifecycle.delete(cloud.volumes, cloud.context, volume_id, cascade=True)
    cloud.settle()
    assert volume(cloud, volume_id).state is State.DELETED and [kept(cloud, id) for id in ids] == [[], []]
    with cloud.database.read() as tx:
        assert not any(quotas.usage(tx, cloud.context.owner).values())
    assert promised(cloud) == 0 and cloud.audit() == []


def test_a_snapshot_that_fails_leaves_an_error_and_nothing_on_the_host(cloud: Cloud) -> None:
    volume_id = make(cloud)
    backend = cloud.volume_hosts[volume(cloud, volume_id).host or ""].backend
    backend.broken, backend.broken_verb = Internal("no"), "snapshot"
    snapshot_id = take(cloud, volume_id)
    backend.broken = None
    assert snapshot(cloud, snapshot_id).status == "error" and kept(cloud, snapshot_id) == [] and cloud.audit() == []
    drop(cloud, snapshot_id)
    assert promised(cloud) == 1 and cloud.audit() == []


def test_an_extension_that_fails_gives_everything_back(cloud: Cloud) -> None:
    volume_id = make(cloud, 2)
    backend = cloud.volume_hosts[volume(cloud, volume_id).host or ""].backend
    backend.broken, backend.broken_verb = Internal("no"), "extend"
    lifecycle.extend(cloud.volumes, cloud.context, volume_id, 5)
    assert promised(cloud) == 5
    cloud.settle()
    backend.broken = None
    assert (volume(cloud, volume_id).status, volume(cloud, volume_id).size_gb) == ("error_extending", 2)
    assert promised(cloud) == 2 and cloud.audit() == []


def test_racing_volumes_never_get_more_than_there_is(cloud: Cloud) -> None:
    """Placement by compare-and-swap: 2 hosts of 10000 GiB, quota aside."""
    with cloud.database.transaction() as tx:
        quotas.set_limits(tx, cloud.context.owner, {"gigabytes": -1, "volumes": -1})
    wish = NewVolume(size_gb=4000)
    ids = [lifecycle.create(cloud.volumes, cloud.context, wish) for _ in range(6)]
    cloud.settle()
    states = sorted(volume(cloud, id).status for id in ids)
    assert states == ["available"] * 4 + ["error"] * 2 and promised(cloud) == 16000 and cloud.audit() == []


SNAPSHOT = [*CONDUCTOR, *ORDER, "volume.snapshot.after_link", "volume.snapshot.after_publish"]


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", SNAPSHOT)
def test_a_snapshot_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    volume_id = make(cloud)
    arm(point, f"crash*{times}")
    snapshot_id = take(cloud, volume_id)
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    assert snapshot(cloud, snapshot_id).status == "available" and kept(cloud, snapshot_id) != []
    assert cloud.audit() == []


@pytest.mark.parametrize("point", [*CONDUCTOR, *ORDER, "volume.snapshot.after_unlink"])
def test_a_snapshots_deletion_survives_a_death_at(cloud: Cloud, point: str) -> None:
    snapshot_id = take(cloud, make(cloud))
    arm(point)
    drop(cloud, snapshot_id)
    assert not failpoints.armed(), "the point was not on the path"
    assert kept(cloud, snapshot_id) == [] and promised(cloud) == 1 and cloud.audit() == []


@pytest.mark.parametrize("point", [*CONDUCTOR, *ORDER, *every("volume.create.")])
def test_a_clone_survives_a_death_at(cloud: Cloud, point: str) -> None:
    volume_id = make(cloud)
    arm(point)
    clone = made_of(cloud, source_volume_id=volume_id)
    assert not failpoints.armed(), "the point was not on the path"
    assert volume(cloud, clone).status == "available" and cloud.audit() == []


@pytest.mark.parametrize("point", [*CONDUCTOR, *ORDER, *every("volume.extend.")])
def test_an_extension_survives_a_death_at(cloud: Cloud, point: str) -> None:
    volume_id = make(cloud)
    arm(point)
    lifecycle.extend(cloud.volumes, cloud.context, volume_id, 3)
    cloud.settle()
    assert not failpoints.armed(), "the point was not on the path"
    host = cloud.volume_hosts[volume(cloud, volume_id).host or ""]
    assert (volume(cloud, volume_id).size_gb, host.backend.volumes[volume_id]) == (3, 3) and cloud.audit() == []


@pytest.mark.parametrize("point", SNAPSHOT)
def test_a_deletion_of_a_snapshot_that_died_half_made_leaves_nothing(cloud: Cloud, point: str) -> None:
    """F-03."""
    volume_id = make(cloud)
    arm(point)
    snapshot_id = logic.create(cloud.volumes, cloud.context, NewSnapshot(volume_id=volume_id))
    cloud.deliver()
    drop(cloud, snapshot_id)
    assert kept(cloud, snapshot_id) == [] and promised(cloud) == 1 and cloud.audit() == []
