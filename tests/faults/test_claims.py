"""A request for a host that is answered late, lost or repeated takes the host's resources once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from iaas import failpoints
from iaas.compute import server_groups
from iaas.config import sections
from iaas.db.compute import nodes
from iaas.errors import NoValidHost
from iaas.model.placement import Placed, PlacementRequest
from iaas.scheduler.manager import Manager
from tests.cloud.harness import FLAVOR, Cloud
from tests.cloud.servers import order


def request(cloud: Cloud, number: int = 0) -> PlacementRequest:
    """What the conductor asks for one of the servers that were ordered."""
    operation = cloud.live()[number]
    return PlacementRequest(
        operation_id=operation.id, fence=operation.fence, server_id=operation.resource_id,
        project_id=cloud.context.owner, vcpus=FLAVOR.vcpus, ram_mb=FLAVOR.ram_mb, disk_gb=FLAVOR.disk_gb,
        group_id=cloud.server(operation.resource_id).group_id,
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


@pytest.mark.parametrize("policy", ["anti-affinity", "affinity"])
def test_two_schedulers_that_race_for_a_group_keep_its_rule(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    """F-81: both have looked while no server of the group was anywhere; the second one's claim looks again."""
    group = server_groups.create(cloud.compute, cloud.context, "g", policy, {}).id
    for _ in range(2):
        order(cloud, group_id=group)
    wanted, others = (request(cloud, number) for number in (0, 1))
    if policy == "affinity":  # the first one goes where the second would not
        others = replace(others, forced_host="host2")
    first: list[Placed] = []

    def meanwhile(point: str) -> None:
        if point == "scheduler.before_claim" and not first:
            first.append(Placed(host="", node=""))
            first[0] = Manager(cloud.database, sections.Scheduler()).select(others)

    monkeypatch.setattr(failpoints, "hit", meanwhile)
    second = Manager(cloud.database, sections.Scheduler()).select(wanted)
    assert (second.host == first[0].host) is (policy == "affinity")
    monkeypatch.undo()
    cloud.settle()
    assert cloud.audit() == []


def test_twenty_orders_room_for_four_and_two_schedulers(cloud: Cloud) -> None:
    """F-81: exactly four are placed."""
    ids = [order(cloud) for _ in range(20)]
    options = sections.Scheduler(ram_ratio=2 * FLAVOR.ram_mb / 8192)
    managers = [Manager(cloud.database, options) for _ in range(2)]

    def place(number: int) -> bool:
        try:
            return bool(managers[number % 2].select(request(cloud, number)).host)
        except NoValidHost:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(place, range(len(ids)))) == 4
    with cloud.database.read() as tx:
        assert [node.servers for node in nodes.all_nodes(tx)] == [2, 2]
