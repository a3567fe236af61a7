"""The in-memory bus's own promises: determinism, drain(), and the faults that tests order."""

from __future__ import annotations

import threading

import pytest

from iaas.bus.client import Client
from iaas.bus.inproc import Faults, InprocTransport
from iaas.bus.server import Server
from iaas.bus.transport import Address, Delivery, Lane
from iaas.errors import Timeout, Unavailable
from tests.unit.bus.ovens import MARGHERITA, Oven, OvenRpc

HERE = Address("t", None, Lane.CAST)


class Log:
    def __init__(self, bus: InprocTransport, address: Address = HERE) -> None:
        self.bodies: list[bytes] = []
        self.threads: set[int] = set()
        self.subscription = bus.consume([address], self, prefetch=1, workers=4)

    def __call__(self, delivery: Delivery) -> None:
        self.bodies.append(delivery.body)
        self.threads.add(threading.get_ident())
        delivery.ack()


def run(faults: Faults, count: int = 200) -> list[bytes]:
    bus = InprocTransport(faults=faults)
    log = Log(bus)
    for number in range(count):
        bus.publish(HERE, str(number).encode())
    bus.drain()
    return log.bodies


def test_nothing_moves_before_drain_and_then_on_this_thread() -> None:
    bus = InprocTransport()
    log = Log(bus)
    bus.publish(HERE, b"1")
    assert log.bodies == []
    assert bus.waiting() == [HERE]
    assert bus.drain() == 1
    assert log.threads == {threading.get_ident()}


def test_drain_delivers_what_deliveries_cause() -> None:
    bus = InprocTransport()

    def countdown(delivery: Delivery) -> None:
        delivery.ack()
        if int(delivery.body):
            bus.publish(HERE, str(int(delivery.body) - 1).encode())

    bus.consume([HERE], countdown, prefetch=1, workers=1)
    bus.publish(HERE, b"9")
    assert bus.drain() == 10


def test_drain_tells_of_daemons_that_never_rest() -> None:
    bus = InprocTransport()

    def forever(delivery: Delivery) -> None:
        delivery.ack()
        bus.publish(HERE, b"")

    bus.consume([HERE], forever, prefetch=1, workers=1)
    bus.publish(HERE, b"")
    with pytest.raises(RuntimeError, match="not quiet"):
        bus.drain(limit=50)


def test_drain_within_a_handler_is_refused() -> None:
    bus = InprocTransport()

    def impatient(delivery: Delivery) -> None:
        bus.drain()

    bus.consume([HERE], impatient, prefetch=1, workers=1)
    bus.publish(HERE, b"")
    with pytest.raises(RuntimeError, match="already"):
        bus.drain()


def test_a_share_of_messages_is_dropped_by_the_seed() -> None:
    """F-29's lever: about a fifth is lost, the same fifth every time."""
    once, twice = run(Faults(seed=3, drop=0.2)), run(Faults(seed=3, drop=0.2))
    assert once == twice
    assert 120 < len(once) < 190
    assert run(Faults(seed=4, drop=0.2)) != once


def test_messages_come_two_to_five_times() -> None:
    """F-27's lever."""
    bodies = run(Faults(seed=3, duplicate=1.0), 50)
    assert {bodies.count(each) for each in set(bodies)} == {2, 3, 4, 5}
    assert len(set(bodies)) == 50


def test_messages_come_in_any_order() -> None:
    """F-28's lever."""
    bodies = run(Faults(seed=3, shuffle=True))
    assert sorted(bodies, key=int) == run(Faults())
    assert bodies != run(Faults())
    assert bodies == run(Faults(seed=3, shuffle=True))


def test_faults_can_be_kept_to_some_addresses() -> None:
    assert len(run(Faults(drop=1.0, only=lambda address: address.topic == "other"))) == 200


def test_dropped_calls_and_lost_answers_time_out_at_once() -> None:
    """F-37: whether the call was run is what the caller cannot know."""
    for faults, runs in ((Faults(drop=1.0), 0), (Faults(drop_reply=1.0), 1)):
        bus, oven = InprocTransport(faults=faults), Oven()
        Server(bus, OvenRpc, oven, host="h1").start()
        with pytest.raises(Timeout):
            OvenRpc(Client(bus)).taste("h1", MARGHERITA)
        assert len(oven.calls) == runs


def test_purge_loses_messages_and_keeps_consumers() -> None:
    """F-25: the broker's data are gone; running daemons go on."""
    bus = InprocTransport()
    log = Log(bus)
    other = Address("u", None, Lane.CAST)
    Log(bus, other).subscription.close()
    bus.publish(HERE, b"lost")
    bus.publish(other, b"lost too")
    bus.purge()
    bus.publish(HERE, b"kept")
    bus.drain()
    assert log.bodies == [b"kept"]
    with pytest.raises(Unavailable):
        bus.publish(other, b"nobody has declared it since")


def test_a_broker_that_is_away_fails_casts_and_calls_and_swallows_hints() -> None:
    bus = InprocTransport()
    Server(bus, OvenRpc, Oven(), host="h1").start()
    rpc = OvenRpc(Client(bus))
    bus.away = True
    with pytest.raises(Unavailable):
        rpc.bake("h1", MARGHERITA)
    with pytest.raises(Unavailable):
        rpc.taste("h1", MARGHERITA)
    rpc.glance("p1")
    assert not bus.reachable()
    bus.away = False
    assert bus.reachable()
    assert bus.drain() == 0


def test_fifty_thousand_messages_are_no_burden() -> None:
    assert len(run(Faults(), 50_000)) == 50_000
