"""A request for a host that is answered late, lost or repeated takes the host's resources once."""

import pytest

from iaas import failpoints
from iaas.config import sections
from iaas.db.compute import nodes
from iaas.model.placement import PlacementRequest
from iaas.scheduler.manager import Manager
from tests.cloud.harness import FLAVOR, Cloud
from tests.cloud.servers import order


def request(cloud: Cloud) -> PlacementRequest:
    """What the conductor asks for the one server that was ordered."""
    [operation] = cloud.live()
    return PlacementRequest(
        operation_id=operation.id, fence=operation.fence, server_id=operation.resource_id,
        project_id=cloud.context.owner, vcpus=FLAVOR.vcpus, ram_mb=FLAVOR.ram_mb, disk_gb=FLAVOR.disk_gb,
        availability_zone=None, forced_host=None, exclude=(),
    )  # fmt: skip


def test_a_repeated_request_gets_the_claim_that_another_scheduler_made_meanwhile(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F-03: the conductor asked again while the first scheduler was still at it, and both see no claim yet."""
    order(cloud)
    wanted, other = request(cloud), Manager(cloud.database, sections.Scheduler())
    first = []

    def meanwhile(point: str) -> None:
        if point == "scheduler.before_claim" and not first:
            first.append(None)
            first[0] = other.select(wanted)

    monkeypatch.setattr(failpoints, "hit", meanwhile)
    second = Manager(cloud.database, sections.Scheduler()).select(wanted)
    assert (second.host, second.node) == (first[0].host, first[0].node)
    with cloud.database.read() as tx:
        assert [claim.host for claim in nodes.claims_of(tx, wanted.server_id)] == [second.host]
        assert sum(node.servers for node in nodes.all_nodes(tx)) == 1
    monkeypatch.undo()
    cloud.settle()
    assert cloud.audit() == []
