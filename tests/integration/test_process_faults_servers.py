"""The broker and the database under real daemons are stopped, killed and wiped in the middle of storms: what was
accepted is carried out, and what could not be accepted was refused as such."""

from __future__ import annotations

import threading
import time

import httpx

from tests.integration.clouds import Cloud, accepted
from tests.integration.postgresql import Postgres
from tests.integration.rabbit import Rabbit

BATCH = 10


def test_a_broker_that_is_stopped_in_a_boot_storm_delays_and_loses_nothing(
    postgres_cloud: Cloud, own_broker: Rabbit
) -> None:
    """F-20, F-22: requests are accepted while it is away, no host is declared dead, work flows when it is back."""
    cloud = postgres_cloud
    ids = cloud.order(BATCH)
    own_broker.stop()
    began = time.monotonic()
    ids += cloud.order(BATCH)
    assert time.monotonic() - began < 20, "requests hang while the broker is away"
    cloud.delete(ids[:2])
    own_broker.start()
    cloud.settle(active=ids[2:], gone=ids[:2])
    cloud.check()


def test_a_broker_that_is_killed_again_and_again_under_load_loses_nothing(
    postgres_cloud: Cloud, own_broker: Rabbit
) -> None:
    """F-21."""
    cloud, ids = postgres_cloud, []
    own_broker.flush()
    for _ in range(3):
        ids += cloud.order(BATCH)
        own_broker.kill()
        own_broker.start()
    cloud.settle(active=ids)
    cloud.delete(ids)
    cloud.settle(gone=ids)
    cloud.check()


def test_a_broker_that_comes_back_without_its_data_is_furnished_anew(postgres_cloud: Cloud, own_broker: Rabbit) -> None:
    """F-25: the daemons declare their queues again, and the work is found in the database."""
    cloud = postgres_cloud
    ids = cloud.order(BATCH)
    own_broker.wipe()
    own_broker.start()
    cloud.settle(active=ids)
    cloud.check()


def test_a_database_that_crashes_under_load_keeps_every_acknowledged_write(
    postgres_cloud: Cloud, postgres: Postgres
) -> None:
    """F-39: no request fails but with 503, and none two seconds after the database is back."""
    cloud, done = postgres_cloud, threading.Event()
    answers: list[tuple[float, httpx.Response]] = []

    def load() -> None:
        cloud.many(lambda client, number: work(client.create(cloud.image, f"vm{number}")), 40, threads=4)
        done.set()

    def work(answer: httpx.Response) -> None:
        answers.append((time.monotonic(), answer))

    threading.Thread(target=load, daemon=True).start()
    while len(answers) < 5:
        time.sleep(0.01)
    postgres.stop(immediate=True)
    postgres.start()
    back = time.monotonic()
    assert done.wait(60), "requests hang"
    refused = [(moment, answer) for moment, answer in answers if answer.status_code != 202]
    assert {answer.status_code for _, answer in refused} <= {503}
    assert all(moment < back + 5 for moment, _ in refused), "the database was back, the API was not"
    ids = [accepted(answer) for _, answer in answers if answer.status_code == 202]
    cloud.settle(active=ids)
    cloud.check()
