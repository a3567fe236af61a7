"""Hypervisors as microversions beyond those that are served yet will show them."""

import pytest

from iaas.api.call import Call
from iaas.api.compute.capacity import hypervisors
from iaas.api.microversion import Version
from iaas.api.policy import Policy
from iaas.compute.daemons import Hypervisor
from iaas.compute.service import Compute
from tests.unit.scheduler.test_pipeline import host

NODE = host("host1").node
AMOUNTS = {"vcpus", "vcpus_used", "memory_mb", "running_vms", "current_workload", "cpu_info", "disk_available_least"}


def call(version: str) -> Call[Compute]:
    return Call(
        services=None, policy=Policy(()), path={}, query={}, query_lists={}, headers={}, body=None, stream=None,
        content_length=None, version=Version.parse(version), base_url="", url="",
    )  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize(("version", "has"), [("2.87", True), ("2.88", False)])
def test_amounts_are_the_placement_services_since_their_microversion(version: str, has: bool) -> None:
    item = Hypervisor(node=NODE, service=None, up=True, servers=(("id", "web"),))
    shown = hypervisors._full(call(version), item, with_servers=True)
    assert (shown.keys() & AMOUNTS == AMOUNTS) is has and (not shown.keys() & AMOUNTS) is not has
    assert ("uptime" in shown) is not has
    assert shown["servers"] == [{"uuid": "id", "name": "web"}]
