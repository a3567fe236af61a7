"""Who is up is judged by the conductors' own beat: a clock that stands still with the broker, and wakes up gently."""

from collections.abc import Iterable

import pytest

from iaas.clock import ManualClock
from iaas.conductor.heartbeats import Heartbeats
from iaas.db import services
from iaas.db.engine import Database
from iaas.model.order import Heartbeat

HOSTS = ("host1", "host2")


class Beats:
    """Beats that come through the broker, every two seconds, and what the conductor makes of them."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database, self.clock = database, clock
        self.heartbeats = Heartbeats(database, ring=lambda id: None, observe=lambda beat: None)

    def come(self, hosts: Iterable[str] = HOSTS, conductors: Iterable[str] = ("c1",)) -> None:
        names = [("iaas-compute", host) for host in hosts] + [("iaas-conductor", name) for name in conductors]
        for binary, host in names:
            self.heartbeats.take(Heartbeat(binary=binary, host=host, boot_id=f"boot of {host}", pid=1, rss_kb=1))
        self.heartbeats.flush()

    def pass_by(self, seconds: float, hosts: Iterable[str] = HOSTS, conductors: Iterable[str] = ("c1",)) -> None:
        for _ in range(int(seconds / 2)):
            self.clock.advance(2)
            self.come(hosts, conductors)

    def up(self) -> list[str]:
        with self.database.read() as tx:
            now = services.judgement_time(tx)
            return [service.host for service in services.all_of(tx, "iaas-compute") if service.takes_work(now)]


@pytest.fixture
def beats(database: Database, clock: ManualClock) -> Beats:
    beats = Beats(database, clock)
    beats.come()
    return beats


def test_a_host_that_beats_is_up_and_one_that_is_silent_is_not(beats: Beats) -> None:
    beats.pass_by(12)
    assert beats.up() == ["host1", "host2"]
    beats.pass_by(12, hosts=["host2"])
    assert beats.up() == ["host2"]


def test_while_nothing_comes_through_the_broker_nobody_is_declared_down(beats: Beats, clock: ManualClock) -> None:
    """F-22, F-23, C-11."""
    clock.advance(3600)
    assert beats.up() == ["host1", "host2"]


def test_when_the_broker_is_back_hosts_have_time_to_beat_again(beats: Beats, clock: ManualClock) -> None:
    """F-25: the conductor's own beat is often the first to come through."""
    clock.advance(60)
    beats.come(hosts=[])
    assert beats.up() == ["host1", "host2"]
    beats.pass_by(2, hosts=[])
    assert beats.up() == ["host1", "host2"]
    beats.pass_by(6, hosts=["host1"])
    assert beats.up() == ["host1"]


def test_of_two_conductors_the_second_does_not_wake_the_clock_again(beats: Beats, clock: ManualClock) -> None:
    beats.come(conductors=["c1", "c2"])
    clock.advance(60)
    beats.come(hosts=[], conductors=["c1"])
    for _ in range(4):
        clock.advance(1)
        beats.come(hosts=["host2"], conductors=["c2"])
        clock.advance(1)
        beats.come(hosts=["host2"], conductors=["c1"])
    assert beats.up() == ["host2"]


def test_a_host_that_was_down_before_is_not_brought_back(beats: Beats, clock: ManualClock) -> None:
    beats.pass_by(12, hosts=["host2"])
    clock.advance(60)
    beats.come(hosts=[])
    assert beats.up() == ["host2"]


def test_a_conductor_that_beats_late_again_and_again_still_notices_a_dead_host(
    beats: Beats, clock: ManualClock
) -> None:
    for _ in range(4):
        clock.advance(5)
        beats.come(hosts=["host2"])
    assert beats.up() == ["host2"]
