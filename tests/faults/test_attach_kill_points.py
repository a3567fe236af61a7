"""F-07, F-08: a daemon dies at each point of an attachment and of its end; afterwards both sides agree (I-09)."""

from __future__ import annotations

import pytest

from iaas import failpoints
from iaas.compute import lifecycle
from iaas.model.server import State
from tests.cloud import volumes
from tests.cloud.attached import ask, attach, detach, plugged, root, served, status
from tests.cloud.harness import Cloud, arm
from tests.cloud.servers import boot, delete, left_behind

CONDUCTOR = [
    "conductor.before_step",
    "conductor.after_step",
    "conductor.before_finish",
    "conductor.report.before_write",
    "conductor.exports.after_report",
]
COMPUTE = ["compute.order.before_report", "compute.order.after_report"]
VOLUME = ["volume.order.after_fence", "volume.order.before_report", "volume.order.after_report"]
ATTACH = [
    *CONDUCTOR, *COMPUTE, *VOLUME, "conductor.attach.before_export", "compute.attach.before_plug",
    "compute.attach.after_plug",
]  # fmt: skip
DETACH = [
    *CONDUCTOR, *COMPUTE, *VOLUME, "conductor.detach.before_unexport", "compute.detach.before_unplug",
    "compute.detach.after_unplug",
]  # fmt: skip
BOOT = [*CONDUCTOR, *COMPUTE, *VOLUME, "conductor.build.before_export", "conductor.build.before_spawn"]
TIMES = (1, 3)  # F-18: also killed again while it recovers


@pytest.fixture(autouse=True)
def _volume_hosts(cloud: Cloud) -> None:
    cloud.add_volumes(1)


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", ATTACH)
def test_an_attach_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    arm(point, f"crash*{times}")
    attach(cloud, server_id, volume_id)
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    assert (status(cloud, volume_id), plugged(cloud, server_id), served(cloud)) == ("in-use", [volume_id], [volume_id])
    assert cloud.audit() == []


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", DETACH)
def test_a_detach_survives_a_death_at(cloud: Cloud, point: str, times: int) -> None:
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    attach(cloud, server_id, volume_id)
    arm(point, f"crash*{times}")
    detach(cloud, server_id, volume_id)
    cloud.settle()
    assert times > 1 or not failpoints.armed(), "the point was not on the path"
    failpoints.disarm()
    assert (status(cloud, volume_id), plugged(cloud, server_id), served(cloud)) == ("available", [], [])
    assert cloud.audit() == []


@pytest.mark.parametrize("point", [*DETACH, "compute.detach.after_request"])
def test_a_detach_that_the_guest_refuses_survives_a_death_at(cloud: Cloud, point: str) -> None:
    """F-08."""
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    attach(cloud, server_id, volume_id)
    cloud.hosts[cloud.server(server_id).host or ""].hypervisor.obeys_unplug = False
    arm(point)
    detach(cloud, server_id, volume_id)
    cloud.settle()
    failpoints.disarm()
    assert (status(cloud, volume_id), plugged(cloud, server_id), served(cloud)) == ("in-use", [volume_id], [volume_id])
    assert cloud.audit() == []


@pytest.mark.parametrize("point", ATTACH)
def test_an_attach_that_is_overtaken_survives_a_death_at(cloud: Cloud, point: str) -> None:
    """A stop takes over in the middle, whoever dies: the server is off, and has the volume."""
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    arm(point)
    ask(cloud, server_id, volume_id)
    cloud.deliver()
    lifecycle.stop(cloud.compute, cloud.context, server_id)
    cloud.settle()
    failpoints.disarm()
    assert cloud.server(server_id).state is State.STOPPED
    assert (status(cloud, volume_id), plugged(cloud, server_id)) == ("in-use", [volume_id])
    assert cloud.audit() == []


@pytest.mark.parametrize("point", ATTACH)
def test_a_delete_in_the_middle_of_an_attach_frees_the_volume_whoever_dies_at(cloud: Cloud, point: str) -> None:
    server_id, volume_id = boot(cloud), volumes.make(cloud)
    arm(point)
    ask(cloud, server_id, volume_id)
    cloud.deliver()
    delete(cloud, server_id)
    cloud.settle()
    failpoints.disarm()
    assert left_behind(cloud, server_id) == []
    assert (status(cloud, volume_id), served(cloud)) == ("available", [])
    assert cloud.audit() == []


@pytest.mark.parametrize("point", BOOT)
def test_a_build_from_a_volume_survives_a_death_at(cloud: Cloud, point: str) -> None:
    arm(point)
    server_id = boot(cloud, image_id=None, disks=(root(cloud),))
    assert not failpoints.armed(), "the point was not on the path"
    assert cloud.server(server_id).state is State.ACTIVE, cloud.server(server_id).fault
    assert len(plugged(cloud, server_id)) == 1
    assert cloud.audit() == []
