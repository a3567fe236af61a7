"""A daemon dies at each point of a rescue, an unrescue and a rebuild; afterwards all is as it was wanted."""

import pytest

from iaas import failpoints
from iaas.compute.actions import rebuild, rescue
from iaas.model.server import State
from tests.cloud.harness import Cloud, arm
from tests.cloud.servers import boot, image, network
from tests.faults.test_kill_points import AGENT, CONDUCTOR

RESCUE = ["after_disk", "after_stop", "after_define", "after_start"]
UNRESCUE = ["after_stop", "after_define", "after_start", "after_disk"]
REBUILD = [
    "compute.destroy.after_stop", "compute.destroy.after_undefine", "compute.destroy.after_disk",
    "compute.destroy.after_directory", "compute.build.before_image", "compute.build.after_disk",
    "compute.build.after_define", "compute.build.after_start",
]  # fmt: skip
TIMES = (1, 2)


def armed_on_path(times: int) -> None:
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", [*CONDUCTOR, *AGENT, *(f"compute.rescue.{name}" for name in RESCUE)])
def test_a_rescue_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    server_id = boot(cloud, network(cloud))
    arm(point, f"crash*{times}")
    rescue.rescue(cloud.compute, cloud.context, server_id, None, False)
    cloud.settle()
    armed_on_path(times)
    assert cloud.server(server_id).state is State.RESCUED
    assert len(cloud.hosts[cloud.server(server_id).host or ""].hypervisor.domains[server_id].disks) == 2
    assert cloud.audit() == []


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", [*CONDUCTOR, *AGENT, *(f"compute.unrescue.{name}" for name in UNRESCUE)])
def test_an_unrescue_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    server_id = boot(cloud, network(cloud))
    rescue.rescue(cloud.compute, cloud.context, server_id, None, False)
    cloud.settle()
    arm(point, f"crash*{times}")
    rescue.unrescue(cloud.compute, cloud.context, server_id)
    cloud.settle()
    armed_on_path(times)
    host = cloud.hosts[cloud.server(server_id).host or ""]
    assert cloud.server(server_id).state is State.ACTIVE
    assert len(host.hypervisor.domains[server_id].disks) == 1 and not host.disks.rescues
    assert cloud.audit() == []


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", [*CONDUCTOR, *AGENT, *REBUILD])
def test_a_rebuild_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    server_id = boot(cloud, network(cloud))
    other = image(cloud)
    arm(point, f"crash*{times}")
    rebuild.rebuild(cloud.compute, cloud.context, server_id, other, {}, False)
    cloud.settle()
    armed_on_path(times)
    server = cloud.server(server_id)
    assert (server.state, server.image_id) == (State.ACTIVE, other), server.fault
    assert cloud.guests(server_id) == [server.host]
    assert cloud.audit() == []
