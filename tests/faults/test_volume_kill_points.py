"""F-11: a daemon dies at each point of a volume's creation and deletion; afterwards everything has ended, nothing is
lost, left or doubled. And the broker that loses, doubles and shuffles (F-27, F-28)."""

from __future__ import annotations

import pytest

from iaas import failpoints
from iaas.bus.inproc import Faults
from iaas.model.volume import State
from tests.cloud.harness import Cloud, arm, every
from tests.cloud.volumes import delete, found, left_behind, make, order, volume

CONDUCTOR = [
    "conductor.before_step",
    "conductor.after_step",
    "conductor.before_finish",
    "conductor.report.before_write",
]
ORDER = every("volume.order.")
CREATE = [*CONDUCTOR, *ORDER, *every("volume.create.")]
DELETE = [*CONDUCTOR, *ORDER, *every("volume.delete.")]
TIMES = (1, 3)  # F-18: also killed again, twice, while it recovers


@pytest.fixture(autouse=True)
def hosts(cloud: Cloud) -> None:
    cloud.add_volumes(2)


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", CREATE)
def test_a_creation_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    arm(point, f"crash*{times}")
    volume_id = make(cloud)
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    made = volume(cloud, volume_id)
    assert made.status == "available" and found(cloud, volume_id) == [made.host]
    assert cloud.audit() == []


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", DELETE)
def test_a_deletion_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    volume_id = make(cloud)
    arm(point, f"crash*{times}")
    delete(cloud, volume_id)
    cloud.settle()
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    assert volume(cloud, volume_id).state is State.DELETED and left_behind(cloud, volume_id) == []
    assert cloud.audit() == []


@pytest.mark.parametrize("point", CREATE)
def test_a_deletion_of_what_died_half_made_leaves_nothing(cloud: Cloud, point: str) -> None:
    """F-03: the delete overtakes a creation that is being recovered."""
    arm(point)
    volume_id = order(cloud)
    cloud.deliver()
    delete(cloud, volume_id)
    cloud.settle()
    assert left_behind(cloud, volume_id) == [] and cloud.audit() == []


@pytest.mark.parametrize("verb", ["create", "delete"])
def test_an_api_that_dies_before_the_doorbell_loses_nothing(cloud: Cloud, verb: str) -> None:
    """F-01: the sweeper finds the row."""
    volume_id = make(cloud) if verb == "delete" else ""
    arm(f"api.volume.{verb}.before_publish")
    with pytest.raises(failpoints.Crash):
        delete(cloud, volume_id) if volume_id else order(cloud)
    [operation] = cloud.live()
    cloud.settle(rounds=5)
    end = State.DELETED if volume_id else State.AVAILABLE
    assert volume(cloud, operation.resource_id).state is end
    assert cloud.audit() == []


@pytest.mark.parametrize("seed", range(8))
def test_a_broker_that_loses_doubles_and_shuffles_changes_no_end(cloud: Cloud, seed: int) -> None:
    """F-27, F-28, F-29: with deletes on the heels of creations."""
    cloud.bus.faults = Faults(seed=seed, drop=0.2, duplicate=0.3, shuffle=True)
    kept, gone = [], []
    for number in range(6):
        (gone if number % 2 else kept).append(order(cloud))
    cloud.deliver()
    for volume_id in gone:
        delete(cloud, volume_id)
    cloud.settle(rounds=200)
    cloud.bus.faults = Faults()
    cloud.settle()
    for volume_id in kept:
        assert found(cloud, volume_id) == [volume(cloud, volume_id).host]
        assert volume(cloud, volume_id).status == "available"
    assert [found(cloud, volume_id) for volume_id in gone] == [[], [], []]
    assert cloud.audit() == []
