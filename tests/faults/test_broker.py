"""The broker loses, doubles, shuffles and forgets messages, or is away: F-20, F-22, F-25, F-27, F-28, F-29."""

import random

import pytest

from iaas.bus.inproc import Faults
from iaas.compute import lifecycle
from iaas.errors import Error
from iaas.model.server import State
from tests.cloud.harness import Cloud
from tests.cloud.servers import delete, left_behind, network, order

SEEDS = range(4)
SERVERS = 6


def storm(cloud: Cloud, seed: int) -> list[str]:
    """Servers are ordered, and half of them deleted again while they are being built."""
    network_id = network(cloud)
    ids = [order(cloud, network_id) for _ in range(SERVERS)]
    chance = random.Random(seed)
    for server_id in ids:
        for _ in range(chance.randrange(8)):
            cloud.bus.step()
        if chance.random() < 0.5:
            delete(cloud, server_id)
    return ids


def check(cloud: Cloud, ids: list[str]) -> None:
    for server_id in ids:
        server = cloud.server(server_id)
        assert server.state in (State.ACTIVE, State.DELETED), server.fault
        expected = [server.host] if server.state is State.ACTIVE else []
        assert cloud.guests(server_id) == expected
    assert cloud.audit() == []


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "faults",
    [{"duplicate": 1.0}, {"shuffle": True}, {"drop": 0.2}, {"drop": 0.2, "duplicate": 0.2, "shuffle": True}],
    ids=["doubled F-27", "shuffled F-28", "dropped F-29", "all of it"],
)
def test_whatever_the_broker_does_to_messages_each_server_ends_once(
    cloud: Cloud, faults: dict[str, float], seed: int
) -> None:
    cloud.bus.faults = Faults(seed=seed, **faults)  # type: ignore[arg-type]
    ids = storm(cloud, seed)
    cloud.settle(rounds=300)
    cloud.bus.faults = Faults()
    cloud.settle()
    check(cloud, ids)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_broker_whose_data_are_wiped_again_and_again_loses_no_work(cloud: Cloud, seed: int) -> None:
    """F-25."""
    ids = storm(cloud, seed)
    for _ in range(5):
        for _ in range(3):
            cloud.bus.step()
        cloud.bus.purge()
        cloud.tick()
    cloud.settle()
    check(cloud, ids)


def test_while_the_broker_is_away_requests_are_accepted_and_no_host_is_declared_dead(cloud: Cloud) -> None:
    """F-22, F-20: work flows when it is back, and nobody was told that there is no host."""
    network_id = network(cloud)
    cloud.settle()
    cloud.bus.away = True
    ids = [order(cloud, network_id) for _ in range(3)]
    for _ in range(30):
        cloud.clock.advance(2)
        cloud.conductor.sweep()
        try:
            cloud.deliver()
        except Error:
            pytest.fail("a daemon did not bear the broker's absence")
    cloud.bus.away = False
    cloud.settle()
    check(cloud, ids)
    assert all(cloud.server(server_id).state is State.ACTIVE for server_id in ids)


def test_the_last_accepted_wish_wins(cloud: Cloud) -> None:
    """F-28."""
    network_id = network(cloud)
    server_id = order(cloud, network_id)
    cloud.settle()
    cloud.bus.faults = Faults(seed=1, shuffle=True)
    lifecycle.stop(cloud.compute, cloud.context, server_id)
    delete(cloud, server_id)
    cloud.settle()
    assert cloud.server(server_id).state is State.DELETED
    assert left_behind(cloud, server_id) == []
