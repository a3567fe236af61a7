"""A daemon dies at each point of a shelve, an offload and an unshelve; afterwards all is as it was wanted."""

import pytest

from iaas import failpoints
from iaas.compute.actions import shelve
from iaas.model.server import State
from tests.cloud.harness import Cloud, arm
from tests.cloud.servers import boot, network
from tests.cloud.test_snapshot_life import image_of
from tests.faults.test_kill_points import AGENT, CONDUCTOR

SHELVE = [
    "compute.stop.after_button", "compute.stop.after_stop", "compute.snapshot.after_copy",
    "compute.snapshot.after_upload", "compute.destroy.after_stop", "compute.destroy.after_undefine",
    "compute.destroy.after_disk", "compute.destroy.after_directory", "conductor.shelve.before_release",
]  # fmt: skip
UNSHELVE = [
    "conductor.build.after_select", "conductor.build.before_spawn", "scheduler.before_claim", "scheduler.after_claim",
    "network.agent.before_report", "compute.build.after_disk", "compute.build.after_define",
    "compute.build.after_start",
]  # fmt: skip
TIMES = (1, 2)


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", [*CONDUCTOR, *AGENT, *SHELVE])
def test_a_shelve_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    server_id = boot(cloud, network(cloud))
    arm(point, f"crash*{times}")
    shelve.shelve(cloud.compute, cloud.context, server_id)
    cloud.settle()
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    server = cloud.server(server_id)
    assert (server.state, server.host) == (State.SHELVED_OFFLOADED, None)
    image = image_of(cloud, server.shelved_image_id or "")
    assert image is not None and image.status == "active"
    assert cloud.guests(server_id) == []
    assert cloud.audit() == []


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", [*CONDUCTOR, *AGENT, *UNSHELVE])
def test_an_unshelve_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    server_id = boot(cloud, network(cloud))
    shelve.shelve(cloud.compute, cloud.context, server_id)
    cloud.settle()
    image_id = cloud.server(server_id).shelved_image_id or ""
    arm(point, f"crash*{times}")
    shelve.unshelve(cloud.compute, cloud.context, server_id)
    cloud.settle()
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    server = cloud.server(server_id)
    assert server.state is State.ACTIVE
    assert cloud.guests(server_id) == [server.host]
    assert image_of(cloud, image_id) is None
    assert cloud.audit() == []
