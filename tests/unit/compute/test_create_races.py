"""Many creations at once at the edge of the quota (S-107), and a delete against everything (F-06)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from iaas.db import audit
from iaas.db.engine import Database
from tests.api.compute.world import World, make_world

SERVERS = "/v2.1/servers"


def _statuses(count: int, call: Callable[[], int]) -> list[int]:
    with ThreadPoolExecutor(count) as pool:
        return sorted(future.result() for future in [pool.submit(call) for _ in range(count)])


def _body(world: World) -> dict[str, object]:
    return {"server": {"name": "w", "imageRef": world.compute_image, "flavorRef": "1"}}


def test_of_twenty_at_the_last_place_one_gets_it(database: Database) -> None:
    world = make_world(database)
    world.ok("admin", "PUT", "/v2.1/os-quota-sets/red", {"quota_set": {"cores": 2}})
    world.server()
    statuses = _statuses(20, lambda: world.call("alice", "POST", SERVERS, _body(world)).status_code)
    assert statuses == [202] + [403] * 19
    assert world.used() == {"instances": 2, "cores": 2, "ram": 1024}
    assert len(world.ok("alice", "GET", SERVERS)["servers"]) == 2


def test_of_fifty_that_race_for_ten_places_ten_get_one_and_the_rest_are_told_why(database: Database) -> None:
    world = make_world(database)
    answers = []

    def create() -> int:
        answer = world.call("alice", "POST", SERVERS, _body(world))
        answers.append(answer)
        return answer.status_code

    assert _statuses(50, create) == [202] * 10 + [403] * 40
    words = {answer.get_json()["forbidden"]["message"] for answer in answers if answer.status_code == 403}
    assert words == {"Quota exceeded for instances: Requested 1, but already used 10 of 10 instances"}
    assert world.used() == {"instances": 10, "cores": 10, "ram": 5120}
    with database.read() as tx:
        facts = audit.facts(tx)
    assert {key: used for key, used in facts.usage.items() if used} == {key: n for key, n in facts.counted.items() if n}


def test_of_many_deletes_one_does_the_work(database: Database) -> None:
    world = make_world(database)
    id = world.server()
    world.wire.sent.clear()
    assert _statuses(8, lambda: world.call("alice", "DELETE", f"{SERVERS}/{id}").status_code) == [204] * 8
    assert [name for name, _ in world.wire.sent] == ["conductor.run"]


def test_of_many_key_pairs_at_the_last_place_one_gets_it(database: Database) -> None:
    world = make_world(database)
    world.ok("admin", "PUT", "/v2.1/os-quota-sets/red", {"quota_set": {"key_pairs": 1}})
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    names = iter([f"k{i}" for i in range(10)])
    statuses = _statuses(
        10,
        lambda: (
            world.call(
                "alice", "POST", "/v2.1/os-keypairs", {"keypair": {"name": next(names), "public_key": key}}
            ).status_code
        ),
    )
    assert statuses == [200] + [403] * 9
