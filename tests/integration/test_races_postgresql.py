"""Races for quota, places and groups on PostgreSQL, where transactions run beside one another. F-80, F-81, S-107."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from iaas.clock import ManualClock
from iaas.compute import server_groups
from iaas.config import sections
from iaas.db import audit, migrate
from iaas.db.compute import nodes
from iaas.db.engine import Database
from iaas.errors import NoValidHost
from iaas.scheduler.manager import Manager
from tests.api.compute.world import make_world
from tests.cloud.harness import FLAVOR, Cloud
from tests.cloud.servers import order
from tests.faults.test_claims import request
from tests.integration.postgresql import Postgres

THREADS = 12


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    database = Database(postgres.create(f"races_{uuid4().hex}"))
    migrate.upgrade(database)
    yield database
    database.close()


def test_of_fifty_that_race_for_ten_places_ten_get_one(database: Database) -> None:
    world = make_world(database)
    body = {"server": {"name": "w", "imageRef": world.compute_image, "flavorRef": "1"}}
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda _: world.call("alice", "POST", "/v2.1/servers", body), range(50)))
    assert sorted(answer.status_code for answer in answers) == [202] * 10 + [403] * 40
    words = {answer.get_json()["forbidden"]["message"] for answer in answers if answer.status_code == 403}
    assert words == {"Quota exceeded for instances: Requested 1, but already used 10 of 10 instances"}
    with database.read() as tx:
        facts = audit.facts(tx)
    assert {key: used for key, used in facts.usage.items() if used} == facts.counted


def test_of_many_that_race_into_a_group_as_many_get_in_as_its_quota_has_places(database: Database) -> None:
    world = make_world(database)
    world.ok("admin", "PUT", "/v2.1/os-quota-sets/red", {"quota_set": {"server_group_members": 3}})
    group = {"server_group": {"name": "g", "policies": ["affinity"]}}
    id = world.ok("alice", "POST", "/v2.1/os-server-groups", group)["server_group"]["id"]
    body = {"server": {"name": "w", "imageRef": world.compute_image, "flavorRef": "1"},
            "os:scheduler_hints": {"group": id}}  # fmt: skip
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda _: world.call("alice", "POST", "/v2.1/servers", body), range(THREADS)))
    assert sorted(answer.status_code for answer in answers) == [202] * 3 + [403] * (THREADS - 3)


@pytest.mark.parametrize(("policy", "hosts"), [("anti-affinity", [1, 1]), ("affinity", [12, 0])])
def test_schedulers_that_race_for_a_group_keep_its_rule(
    database: Database, tmp_path: Path, policy: str, hosts: list[int]
) -> None:
    cloud = Cloud(tmp_path, database, ManualClock())
    group = server_groups.create(cloud.compute, cloud.context, "g", policy, {}).id
    cloud.compute.quota["server_group_members"] = -1  # type: ignore[index]
    assert _placed(cloud, [order(cloud, group_id=group) for _ in range(12)], sections.Scheduler()) == sum(hosts)
    assert sorted(_servers(cloud), reverse=True) == hosts


def test_twenty_orders_and_room_for_four(database: Database, tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, database, ManualClock())
    ids = [order(cloud) for _ in range(20)]
    assert _placed(cloud, ids, sections.Scheduler(ram_ratio=2 * FLAVOR.ram_mb / 8192)) == 4
    assert _servers(cloud) == [2, 2]


def _placed(cloud: Cloud, ids: list[str], options: sections.Scheduler) -> int:
    """How many of the ordered servers two schedulers find a host for, all at once."""
    managers = [Manager(cloud.database, options) for _ in range(2)]
    wanted = [request(cloud, number) for number in range(len(ids))]

    def place(number: int) -> bool:
        try:
            return bool(managers[number % 2].select(wanted[number]).host)
        except NoValidHost:
            return False

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(place, range(len(ids))))


def _servers(cloud: Cloud) -> list[int]:
    with cloud.database.read() as tx:
        return [node.servers for node in nodes.all_nodes(tx)]
