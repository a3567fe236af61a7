"""Real daemons die by SIGKILL in the middle of their work, are told to end, or stand still; whoever supervises them
starts them again, and nothing is lost, doubled or left behind. A sample: tests/faults has every point, in one process.
"""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.integration.clouds import Cloud
from tests.integration.processes import Client, wait

Deaths = dict[str, str]  # daemon -> the point at which it dies

BUILD: list[Deaths] = [
    {"conductor": "conductor.build.after_select", "conductor#2": "conductor.report.before_write",
     "compute@fake1": "compute.build.after_define", "compute@fake2": "compute.order.after_report",
     "network@fake1": "network.agent.before_report"},
    {"conductor": "conductor.before_finish", "conductor#2": "conductor.after_step",
     "scheduler": "scheduler.after_claim",
     "compute@fake1": "compute.config_drive.before_publish", "compute@fake2": "compute.order.before_report"},
]  # fmt: skip
DELETE: list[Deaths] = [
    {"conductor": "conductor.delete.before_release", "conductor#2": "conductor.before_step",
     "compute@fake1": "compute.destroy.after_stop", "compute@fake2": "compute.destroy.after_directory"},
]  # fmt: skip
TOGETHER = 12


def arm(cloud: Cloud, deaths: Deaths) -> None:
    """Starts the daemons anew, each to die once at its point, and waits until they can be given work."""
    cloud.deaths.clear()
    for name, point in deaths.items():
        cloud.restart(name, IAAS_FAILPOINTS=f"{point}=kill")
    consumers = [name for name in deaths if not name.startswith("api")]
    wait(lambda: all(map(cloud.consumes, consumers)), 30, "a daemon does not come up")
    # A host that was not heard of for six seconds, which is soon on a busy machine, is given no work.
    wait(lambda: cloud.heard(deaths), 30, "a daemon gives no sign of life")


def buried(cloud: Cloud, deaths: Deaths) -> None:
    """Waits until each has died and was started again without its failpoint."""
    wait(lambda: set(deaths) <= set(cloud.deaths), 60, lambda: f"only {cloud.deaths} died")
    cloud.alive()


def wired(cloud: Cloud) -> list[dict[str, str]]:
    return [{"uuid": cloud.client.network("10.30.0.0/24")}]


@pytest.mark.parametrize("deaths", BUILD, ids=["first sample", "second sample"])
def test_builds_survive_the_death_of_the_daemons_that_carry_them_out(sqlite_cloud: Cloud, deaths: Deaths) -> None:
    """F-03, F-04, F-05; with the making of their config drives."""
    networks = wired(sqlite_cloud)
    arm(sqlite_cloud, deaths)
    ids = sqlite_cloud.order(TOGETHER, networks, config_drive=True)
    buried(sqlite_cloud, deaths)
    sqlite_cloud.settle(active=ids)
    sqlite_cloud.check()


@pytest.mark.parametrize("deaths", DELETE, ids=["sample"])
def test_deletes_survive_the_death_of_the_daemons_that_carry_them_out(sqlite_cloud: Cloud, deaths: Deaths) -> None:
    """F-06: gone for good, whoever dies."""
    ids = sqlite_cloud.order(TOGETHER, wired(sqlite_cloud))
    sqlite_cloud.settle(active=ids)
    arm(sqlite_cloud, deaths)
    sqlite_cloud.delete(ids)
    buried(sqlite_cloud, deaths)
    sqlite_cloud.settle(gone=ids)
    sqlite_cloud.check()


def test_an_api_that_dies_before_the_doorbell_has_accepted_all_the_same(sqlite_cloud: Cloud) -> None:
    """F-01: the row is the work; the sweeper finds it (how soon: tests/faults, where time is exact). Once for a create,
    once for a delete."""
    cloud = sqlite_cloud
    before = set(cloud.states())
    deaths = {"api": "api.server.create.before_publish", "api#2": "api.server.delete.before_publish"}
    arm(cloud, deaths)
    wait(cloud.answers, 30, "an API does not answer")
    with pytest.raises(httpx.TransportError):
        cloud.client.create(cloud.image, "orphan")
    wait(cloud.answers, 30, "the API was not restarted")
    [server_id] = set(cloud.states()) - before
    cloud.settle(active=[server_id])
    with pytest.raises(httpx.TransportError):
        Client(cloud, twin=True).request("DELETE", f"/servers/{server_id}")
    buried(cloud, deaths)
    cloud.settle(gone=[server_id])
    cloud.check()


def test_a_daemon_that_is_told_to_end_is_gone_within_ten_seconds_and_its_work_goes_on(sqlite_cloud: Cloud) -> None:
    """F-90: every daemon of the second node and of one host, and those that exist once, in the middle of a storm."""
    cloud = sqlite_cloud
    names = ["conductor#2", "scheduler#2", "compute@fake1", "network@fake1", "network", "image", "identity", "api#2"]
    ids = [str(cloud.client.create(cloud.image).json()["server"]["id"]) for _ in range(TOGETHER)]

    def end(name: str) -> tuple[str, float, int | None]:
        process, began = cloud.daemons[name], time.monotonic()
        cloud.kill(name, signal.SIGTERM)
        return name, time.monotonic() - began, process.returncode

    with ThreadPoolExecutor(len(names)) as pool:
        ended = list(pool.map(end, names))
    assert [(name, code) for name, seconds, code in ended if seconds > 10 or code != 0] == [], ended
    for name in names:
        cloud.start(name)
    cloud.alive()
    cloud.settle(active=ids)
    cloud.check()


def test_while_one_host_stands_still_only_its_servers_wait(sqlite_cloud: Cloud) -> None:
    """F-32."""
    cloud = sqlite_cloud
    cloud.empty()
    frozen = cloud.daemons["compute@fake1"]
    frozen.send_signal(signal.SIGSTOP)
    try:
        ids = cloud.order(TOGETHER)

        def hosts(status: str) -> list[str]:
            return [server["OS-EXT-SRV-ATTR:host"] for server in cloud.client.servers(status=status)]

        def only_its_own_wait() -> bool:  # how racing schedulers spread them is not promised
            return bool(hosts("ACTIVE")) and set(hosts("BUILD")) <= {"fake1"}

        wait(only_its_own_wait, 40, lambda: f"{cloud.states()}")
        assert set(hosts("ACTIVE")) == {"fake2"}
    finally:
        frozen.send_signal(signal.SIGCONT)
    cloud.settle(active=ids)
    cloud.check()
