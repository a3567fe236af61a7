"""F-13: a daemon dies at each point of a snapshot: the image is active with all its bytes, the server as before."""

import pytest

from iaas import failpoints
from iaas.model.server import State
from tests.cloud.harness import Cloud, arm
from tests.cloud.servers import boot, network
from tests.cloud.test_snapshot_life import image_of, snap
from tests.faults.test_kill_points import AGENT, CONDUCTOR

POINTS = [
    *CONDUCTOR, *AGENT, "compute.snapshot.after_copy", "compute.snapshot.after_upload",
    "conductor.snapshot.before_finish",
]  # fmt: skip
UPLOAD = ["image.upload.begun", "image.upload.piece", "image.upload.streamed", "image.upload.committed"]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_a_snapshot_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    server_id = boot(cloud, network(cloud))
    arm(point, f"crash*{times}")
    image_id = snap(cloud, server_id)
    cloud.settle()
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    image = image_of(cloud, image_id)
    assert image is not None and image.status == "active"
    assert (cloud.server(server_id).state, cloud.server(server_id).task) == (State.ACTIVE, None)
    assert cloud.audit() == []
    assert stored(cloud) == [image.blob]


@pytest.mark.parametrize("point", UPLOAD)
def test_an_image_service_that_dies_during_the_upload_costs_time_only(cloud: Cloud, point: str) -> None:
    server_id = boot(cloud, network(cloud))
    arm(point)
    image_id = snap(cloud, server_id)
    cloud.settle()
    assert not failpoints.armed(), "the point was not on the path"
    image = image_of(cloud, image_id)
    assert image is not None and image.status == "active"
    assert cloud.audit() == []


def stored(cloud: Cloud) -> list[str]:
    return sorted(blob.name for blob in cloud.images.stores["filesystem"].inventory())
