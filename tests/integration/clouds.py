"""Session-wide clouds of real processes, one on each database engine, and what every storm and fault test asks of them
afterwards: all has ended, the audit finds nothing, no log has a traceback or a secret.

Everything that can run twice runs twice, on two nodes. The clouds are shared: a test leaves every daemon running.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
import pytest

from tests.integration.postgresql import Postgres
from tests.integration.processes import Client, Processes, wait
from tests.integration.rabbit import Rabbit, broker

T = TypeVar("T")
TWINS = ("api", "scheduler", "conductor")
OPTIONS = {
    "conductor": "lease = 6\n", "network": "interval = 5\n",  # a dead worker's work is taken over sooner
    # Whose build failed in one test is not avoided in the next ones: each counts on all hosts, whatever was before.
    "scheduler": "weighers = soft_affinity, ram, cpu\n",
}  # fmt: skip
QUIET_S = 60.0


class Cloud(Processes):
    """A cloud with clients of both APIs and an image."""

    def up(self) -> None:
        super().up()
        self.supervise()
        self.clients = [self.client, Client(self, twin=True)]
        self.image = self.client.image()

    def many(self, function: Callable[[Client, int], T], count: int, threads: int = 8) -> list[T]:
        """Calls the function ``count`` times from 8 threads, each time with the next API's client."""
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(lambda number: function(self.clients[number % 2], number), range(count)))

    def order(self, count: int, networks: Any = "none", flavor: str = "1", **more: Any) -> list[str]:
        """Servers by many threads at once; each must be accepted. Their ids."""

        def create(client: Client, number: int) -> httpx.Response:
            return client.create(self.image, f"vm{number}", networks, flavor, **more)

        answers = self.many(create, count)
        return [accepted(answer) for answer in answers]

    def delete(self, ids: Iterable[str]) -> None:
        found = list(ids)

        def remove(client: Client, number: int) -> None:
            answer = client.request("DELETE", f"/servers/{found[number]}")
            assert answer.status_code in (204, 404), f"{answer.status_code} {answer.text}"

        self.many(remove, len(found))

    def states(self) -> dict[str, str]:
        """Server id -> status, with a star while something is under way."""
        servers = self.client.servers()
        return {item["id"]: item["status"] + ("*" if item["OS-EXT-STS:task_state"] else "") for item in servers}

    def settle(self, active: Iterable[str] = (), gone: Iterable[str] = (), seconds: float = QUIET_S) -> None:
        """Waits until these are ACTIVE and those are gone, and nothing at all is under way."""
        wanted, unwanted = set(active), set(gone)

        def settled() -> bool:
            states = self.states()
            quiet = not any(state.endswith("*") for state in states.values())
            return quiet and {states.get(id) for id in wanted} <= {"ACTIVE"} and not unwanted & states.keys()

        wait(settled, seconds, lambda: f"not settled: {self.describe(wanted, unwanted)}", 0.25)

    def describe(self, wanted: set[str], unwanted: set[str]) -> str:
        states = self.states()
        odd = {id: states.get(id, "gone") for id in wanted if states.get(id) != "ACTIVE"}
        odd |= {id: state for id, state in states.items() if id in unwanted or state.endswith("*")}
        faults = {item["id"]: item.get("fault") for item in self.client.servers() if item["id"] in odd}
        return f"{odd}\n{faults}\n{self.warnings()}"

    def check(self, seconds: float = 30.0) -> None:
        """The audit finds nothing, also not in the dead letters, once what is level-triggered has caught up; and the
        logs are without tracebacks and secrets."""
        said: list[str] = []

        def clean() -> bool:
            done = self.manage("audit", "--once")
            said[:] = [done.stdout, done.stderr]
            return done.returncode == 0

        wait(clean, seconds, lambda: f"the audit says {said}; dead letters: {self.manage('queue', 'dead').stdout}")
        shames = self.shames()
        assert not shames, "\n".join(shames)

    def empty(self) -> None:
        """Deletes every server."""
        ids = list(self.states())
        self.delete(ids)
        self.settle(gone=ids)

    def alive(self) -> None:
        """Waits until every daemon's process is there, every API answers, and each has beaten since its start."""
        wait(lambda: all(process.poll() is None for process in self.daemons.values()), 10, "a daemon is dead")
        wait(self.answers, 30, "an API does not answer")
        wait(lambda: self.heard(self.daemons), 30, "a daemon gives no sign of life")


def accepted(answer: httpx.Response) -> str:
    """The id of a server whose creation was accepted."""
    assert answer.status_code == 202, f"{answer.status_code} {answer.text}"
    return str(answer.json()["server"]["id"])


def _cloud(factory: pytest.TempPathFactory, rabbit: Rabbit, url: str | None) -> Iterator[Cloud]:
    cloud = Cloud(factory.mktemp("cloud"), rabbit, url, twins=TWINS, wired=True, options=OPTIONS)
    try:
        cloud.up()
        yield cloud
    finally:
        cloud.down()


@pytest.fixture(scope="session")
def sqlite_cloud(tmp_path_factory: pytest.TempPathFactory, rabbit: Rabbit) -> Iterator[Cloud]:
    """On SQLite and the session's broker, which is not to be harmed."""
    yield from _cloud(tmp_path_factory, rabbit, None)


@pytest.fixture(scope="session")
def own_broker() -> Iterator[Rabbit]:
    """The broker of ``postgres_cloud``, to be harmed."""
    yield from broker()


@pytest.fixture(scope="session")
def postgres_cloud(tmp_path_factory: pytest.TempPathFactory, own_broker: Rabbit, postgres: Postgres) -> Iterator[Cloud]:
    """On PostgreSQL and a broker of its own: both may be harmed, and healed."""
    yield from _cloud(tmp_path_factory, own_broker, postgres.create("cloud"))


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """Each of the two clouds in turn."""
    name = "sqlite_cloud" if request.param == "sqlite" else "postgres_cloud"
    found: Cloud = request.getfixturevalue(name)
    return found


def pause_until(moment: float) -> None:
    """For faults that last a given time: the time is the fault, not a guess at how long something takes."""
    time.sleep(max(0.0, moment - time.monotonic()))
