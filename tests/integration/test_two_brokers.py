"""Two brokers in the one file (A-014): all daemons use both, either may be killed in a storm, and work goes on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.integration.clouds import OPTIONS, TWINS, Cloud
from tests.integration.processes import wait
from tests.integration.rabbit import Rabbit, broker

BATCH = 8

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def brokers() -> Iterator[list[Rabbit]]:
    """They know nothing of each other."""
    with contextlib.contextmanager(broker)() as one, contextlib.contextmanager(broker)() as two:
        yield [one, two]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, brokers: list[Rabbit]) -> Iterator[Cloud]:
    root = tmp_path_factory.mktemp("brokers")
    cloud = Cloud(root, brokers[0], twins=TWINS, wired=True, options=OPTIONS, more_brokers=brokers[1:])
    try:
        cloud.up()
        yield cloud
    finally:
        cloud.down()


def test_every_daemon_is_connected_to_both(cloud: Cloud, brokers: list[Rabbit]) -> None:
    listening = {name for name in cloud.names if not name.startswith(("identity", "image", "api"))}

    def consumers(each: Rabbit) -> set[str]:
        clients = each.control("list_connections", "client_properties")
        names = {part.split('"')[0] for part in clients.split('connection_name","')[1:]}
        return {name for name in names if name.endswith("consume")}

    for each in brokers:
        wait(lambda each=each: len(consumers(each)) >= len(listening), 30, lambda each=each: f"{consumers(each)}")


@pytest.mark.parametrize("number", [0, 1])
def test_either_broker_may_be_killed_in_a_storm_and_work_goes_on(
    cloud: Cloud, brokers: list[Rabbit], number: int
) -> None:
    ids = cloud.order(BATCH)
    brokers[number].kill()
    try:
        began = time.monotonic()
        ids += cloud.order(BATCH)
        assert time.monotonic() - began < 30, "requests hang while one broker is away"
        cloud.settle(active=ids)  # with one broker only
        cloud.delete(ids[:BATCH])
        cloud.settle(active=ids[BATCH:], gone=ids[:BATCH])
    finally:
        brokers[number].start()
    cloud.delete(ids[BATCH:])
    cloud.settle(gone=ids)
    cloud.check()
