"""Several brokers in the file: traffic uses all, one may die, and nobody need be told (A-014)."""

from __future__ import annotations

import pytest

from iaas.bus import several
from iaas.bus.inproc import InprocTransport
from iaas.bus.several import Several
from iaas.bus.transport import Address, Delivery, Lane
from iaas.errors import Timeout, Unavailable

CAST, CALL, HINT = (Address("t", "h1", lane) for lane in (Lane.CAST, Lane.CALL, Lane.HINT))


class Bench:
    def __init__(self) -> None:
        self.brokers = [InprocTransport(), InprocTransport()]
        self.transport = Several(self.brokers)
        self.seen: list[bytes] = []
        assert self.transport.consume([CAST, CALL, HINT], self._take, prefetch=1, workers=1).ready(1)

    def _take(self, delivery: Delivery) -> None:
        self.seen.append(delivery.body)
        delivery.ack()
        delivery.reply(b"re: " + delivery.body)

    def drain(self) -> list[bytes]:
        for broker in self.brokers:
            broker.drain()
        return self.seen


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench()
    monkeypatch.setattr(made.transport, "_offset", 0)
    monkeypatch.setattr(several, "TURN_S", 1e9)  # the first broker's turn, for good
    return made


@pytest.mark.parametrize("dead", [0, 1])
def test_whichever_broker_dies_everything_arrives_by_the_other(bench: Bench, dead: int) -> None:
    bench.brokers[dead].away = True
    bench.transport.publish(CAST, b"cast")
    bench.transport.hint(HINT, b"hint")
    assert bench.transport.request(CALL, b"call", 1) == b"re: call"
    assert sorted(bench.drain()) == [b"call", b"cast", b"hint"]
    assert bench.transport.reachable()


def test_a_cast_that_one_broker_has_no_queue_for_goes_to_the_next(bench: Bench) -> None:
    only_second = Address("t", "h2", Lane.CAST)
    bench.brokers[1].consume([only_second], bench._take, prefetch=1, workers=1)
    bench.transport.publish(only_second, b"cast")
    assert bench.drain() == [b"cast"]


def test_senders_take_turns_so_that_traffic_uses_both(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, now = Bench(), 0.0
    monkeypatch.setattr("iaas.bus.several.time.monotonic", lambda: now)
    for number in range(4):
        now = number * several.TURN_S
        bench.transport.publish(CAST, str(number).encode())
    assert [broker.depth(CAST) for broker in bench.brokers] == [2, 2]
    assert bench.transport.depth(CAST) == 4


def test_when_all_are_away_the_sender_is_told_why(bench: Bench) -> None:
    for broker in bench.brokers:
        broker.away = True
    with pytest.raises(Unavailable):
        bench.transport.publish(CAST, b"cast")
    with pytest.raises(Unavailable):
        bench.transport.request(CALL, b"call", 1)
    bench.transport.hint(HINT, b"hint")  # best effort: raises nothing
    with pytest.raises(Unavailable):
        bench.transport.depth(CAST)
    assert not bench.transport.reachable()


def test_a_call_that_may_have_arrived_is_not_made_again() -> None:
    brokers = [InprocTransport(), InprocTransport()]
    transport = Several(brokers)
    heard: list[bytes] = []
    transport.consume([CALL], lambda delivery: heard.append(delivery.body), prefetch=1, workers=1)
    with pytest.raises(Timeout):
        transport.request(CALL, b"call", 0.05)
    assert heard == [b"call"]
