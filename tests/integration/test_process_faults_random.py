"""F-19: while servers are created, stopped, started, rebooted and deleted at random, a random daemon dies every second.
Afterwards everything has ended as the last accepted wish says or was refused, and nothing is lost or left.

One seed by default; ``IAAS_STORM_SEEDS=1,2,3 IAAS_STORM_WISHES=200`` for longer nights.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.integration.clouds import Cloud
from tests.integration.processes import Client, wait

SEEDS = [int(seed) for seed in os.environ.get("IAAS_STORM_SEEDS", "1").split(",")]
WISHES = int(os.environ.get("IAAS_STORM_WISHES", "60"))
ACTIONS = ({"os-stop": None}, {"os-start": None}, {"reboot": {"type": "HARD"}})
FINE = {"create": {202}, "delete": {204, 404}, "act": {202, 404, 409}}
PAUSE_S = 0.6  # the most between two wishes of a client, so that there is a storm for somebody to die in
SECONDS = 60.0  # until everything has ended (goal figure 5)


class Wishes:
    """What clients wish, by many threads. An API that dies in a request leaves open whether it heard it."""

    def __init__(self, cloud: Cloud, seed: int) -> None:
        self.cloud, self.chance = cloud, random.Random(seed)
        self.network = cloud.client.network("10.40.0.0/22")
        self.created: set[str] = set()
        self.deleted: set[str] = set()
        self.strange: list[str] = []

    def wish(self, client: Client, number: int) -> None:
        time.sleep(self.chance.uniform(0, PAUSE_S))
        known = sorted(self.created - self.deleted)
        kind = self.chance.choice(["create", "create", "delete", "act", "act"]) if len(known) > 5 else "create"
        verb: Callable[[Client, list[str]], httpx.Response] = getattr(self, f"_{kind}")
        try:
            answer = verb(client, known)
        except httpx.TransportError:
            return
        if answer.status_code not in {*FINE[kind], 503}:
            self.strange.append(f"{kind}: {answer.status_code} {answer.text}")

    def _create(self, client: Client, known: list[str]) -> httpx.Response:
        networks = self.chance.choice(["none", [{"uuid": self.network}]])
        answer = client.create(self.cloud.image, "any", networks)
        if answer.status_code == 202:
            self.created.add(answer.json()["server"]["id"])
        return answer

    def _delete(self, client: Client, known: list[str]) -> httpx.Response:
        target = self.chance.choice(known)
        answer = client.request("DELETE", f"/servers/{target}")
        if answer.status_code in FINE["delete"]:
            self.deleted.add(target)
        return answer

    def _act(self, client: Client, known: list[str]) -> httpx.Response:
        return client.request("POST", f"/servers/{self.chance.choice(known)}/action", self.chance.choice(ACTIONS))


@contextmanager
def deaths(cloud: Cloud, seed: int) -> Iterator[None]:
    """Kills a daemon every second; the supervisor starts it again."""
    chance, over = random.Random(seed), threading.Event()

    def kill() -> None:
        while not over.wait(1.0):
            cloud.daemons[chance.choice(sorted(cloud.daemons))].kill()

    nemesis = threading.Thread(target=kill, daemon=True)
    nemesis.start()
    try:
        yield
    finally:
        over.set()
        nemesis.join()


@pytest.mark.parametrize("seed", SEEDS)
def test_whoever_dies_every_wish_ends(sqlite_cloud: Cloud, seed: int) -> None:
    cloud = sqlite_cloud
    cloud.empty()
    cloud.deaths.clear()
    wishes = Wishes(cloud, seed)
    with deaths(cloud, seed):
        cloud.many(wishes.wish, WISHES, threads=4)
    print(f"{len(wishes.created)} created, {len(wishes.deleted)} deleted, deaths: {cloud.deaths}")
    assert not wishes.strange
    assert len(cloud.deaths) >= 3, "too quick for the nemesis"
    cloud.alive()

    def ended() -> bool:
        states = cloud.states()
        return not any(state.endswith("*") for state in states.values()) and not wishes.deleted & states.keys()

    wait(ended, SECONDS, lambda: f"{cloud.states()}\n{cloud.warnings()}", 0.25)
    states = cloud.states()
    assert wishes.created - wishes.deleted <= states.keys(), "lost"
    assert {states[id] for id in states} <= {"ACTIVE", "SHUTOFF"}, cloud.warnings()
    cloud.check()
