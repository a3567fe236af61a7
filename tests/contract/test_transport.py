"""One suite for every Transport: what iaas/bus/transport.py promises holds in memory and on RabbitMQ."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from iaas.bus.amqp.transport import AmqpTransport
from iaas.bus.inproc import InprocTransport
from iaas.bus.several import Several
from iaas.bus.transport import DELIVERY_LIMIT, Address, Delivery, Lane, Transport
from iaas.errors import Timeout, Unavailable
from iaas.ids import new_hex
from tests.integration.rabbit import Rabbit

CAST, CALL, HINT, FANOUT = Lane.CAST, Lane.CALL, Lane.HINT, Lane.FANOUT


class Bench(Protocol):
    """A transport, and how a test waits for what it has caused."""

    @property
    def transport(self) -> Transport: ...

    def until(self, condition: Callable[[], object]) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.transport = InprocTransport()

    def until(self, condition: Callable[[], object]) -> None:
        self.transport.drain()
        assert condition()


class OnRabbit:
    def __init__(self, broker: Rabbit) -> None:
        self.transport = AmqpTransport(broker.url, f"c{new_hex()[:8]}")

    def until(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + 15
        while not condition():
            assert time.monotonic() < end, "did not come true within 15 s"
            time.sleep(0.01)


class OnSeveral:
    """Three brokers that know nothing of each other, in memory; nobody hears of it."""

    def __init__(self) -> None:
        self.brokers = [InprocTransport() for _ in range(3)]
        self.transport = Several(self.brokers)

    def until(self, condition: Callable[[], object]) -> None:
        for broker in self.brokers:
            broker.drain()
        assert condition()


@pytest.fixture(params=["inproc", "several", "amqp"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made: Bench
    if request.param == "amqp":
        made = OnRabbit(request.getfixturevalue("rabbit"))
    else:
        made = InMemory() if request.param == "inproc" else OnSeveral()
    yield made
    made.transport.close()


class Inbox:
    """A handler that records, and settles as told by the body."""

    def __init__(self) -> None:
        self.seen: list[tuple[Lane, bytes, int]] = []

    def __call__(self, delivery: Delivery) -> None:
        self.seen.append((delivery.lane, delivery.body, delivery.attempt))
        if delivery.body == b"poison":
            delivery.reject(requeue=False)
        elif delivery.body == b"again" or (delivery.body == b"once more" and delivery.attempt == 1):
            delivery.reject(requeue=True, delay=0.01)
        else:
            delivery.ack()
            delivery.reply(b"re: " + delivery.body)

    def bodies(self) -> list[bytes]:
        return [body for _, body, _ in self.seen]


def listen(bench: Bench, inbox: Callable[[Delivery], None], *sources: Address, workers: int = 2) -> Any:
    subscription = bench.transport.consume(sources, inbox, prefetch=8, workers=workers)
    assert subscription.ready(15)
    return subscription


def test_a_cast_to_a_queue_that_nobody_declared_is_unavailable(bench: Bench) -> None:
    with pytest.raises(Unavailable):
        bench.transport.publish(Address("t", "nowhere", CAST), b"x")


def test_casts_arrive_in_order_at_their_host_and_nowhere_else(bench: Bench) -> None:
    one, two = Inbox(), Inbox()
    listen(bench, one, Address("t", None, CAST), Address("t", "h1", CAST), workers=1)
    listen(bench, two, Address("t", "h2", CAST))
    for number in range(5):
        bench.transport.publish(Address("t", "h1", CAST), str(number).encode())
    bench.transport.publish(Address("t", "h2", CAST), b"other")
    bench.until(lambda: len(one.seen) == 5 and two.bodies() == [b"other"])
    assert one.bodies() == [b"0", b"1", b"2", b"3", b"4"]


def test_two_workers_of_a_topic_share_its_casts(bench: Bench) -> None:
    one, two = Inbox(), Inbox()
    listen(bench, one, Address("t", None, CAST))
    listen(bench, two, Address("t", None, CAST))
    for number in range(20):
        bench.transport.publish(Address("t", None, CAST), str(number).encode())
    bench.until(lambda: len(one.seen) + len(two.seen) == 20)
    assert one.seen and two.seen
    assert sorted(map(int, one.bodies() + two.bodies())) == list(range(20))


def test_casts_wait_for_a_consumer_that_is_gone(bench: Bench) -> None:
    there = Address("t", "h1", CAST)
    listen(bench, Inbox(), there).close()
    bench.transport.publish(there, b"kept")
    bench.until(lambda: bench.transport.depth(there) == 1)
    inbox = Inbox()
    listen(bench, inbox, there)
    bench.until(lambda: inbox.bodies() == [b"kept"])


def test_a_returned_cast_comes_again_with_its_number(bench: Bench) -> None:
    inbox = Inbox()
    listen(bench, inbox, Address("t", None, CAST))
    bench.transport.publish(Address("t", None, CAST), b"once more")
    bench.until(lambda: inbox.seen == [(CAST, b"once more", 1), (CAST, b"once more", 2)])


def test_a_cast_that_is_always_returned_ends_as_a_dead_letter(bench: Bench) -> None:
    """F-31: the limit holds, and others are served meanwhile."""
    inbox = Inbox()
    listen(bench, inbox, Address("t", None, CAST))
    bench.transport.publish(Address("t", None, CAST), b"again")
    bench.transport.publish(Address("t", None, CAST), b"fine")
    bench.until(lambda: bench.transport.dead_letters(10))
    assert inbox.bodies().count(b"again") == 1 + DELIVERY_LIMIT
    assert inbox.bodies().count(b"fine") == 1
    (letter,) = bench.transport.dead_letters(10)
    assert (letter.queue, letter.reason, letter.body) == ("t", "delivery_limit", b"again")


def test_a_refused_cast_is_a_dead_letter_at_once_and_stays_for_the_operator(bench: Bench) -> None:
    inbox = Inbox()
    listen(bench, inbox, Address("t", "h1", CAST))
    bench.transport.publish(Address("t", "h1", CAST), b"poison")
    bench.until(lambda: bench.transport.dead_letters(10))
    for _ in range(2):
        (letter,) = bench.transport.dead_letters(10)
        assert (letter.queue, letter.reason, letter.body) == ("t.h1", "rejected", b"poison")
    assert len(inbox.seen) == 1


def test_a_refused_hint_is_no_dead_letter(bench: Bench) -> None:
    inbox = Inbox()
    listen(bench, inbox, Address("t", None, HINT), Address("t", None, CAST))
    bench.transport.hint(Address("t", None, HINT), b"poison")
    bench.until(lambda: inbox.seen)
    assert bench.transport.dead_letters(10) == []


def test_hints_arrive_and_vanish_when_nobody_listens(bench: Bench) -> None:
    listen(bench, Inbox(), Address("u", None, CAST))
    bench.transport.hint(Address("t", "h1", HINT), b"unheard")
    bench.transport.publish(Address("u", None, CAST), b"confirmed after the hint has left")
    inbox = Inbox()
    listen(bench, inbox, Address("t", "h1", HINT))
    bench.transport.hint(Address("t", "h1", HINT), b"heard")
    bench.until(lambda: inbox.seen == [(HINT, b"heard", 1)])


def test_a_fanout_reaches_every_consumer_once(bench: Bench) -> None:
    inboxes = [Inbox(), Inbox(), Inbox()]
    for inbox in inboxes:
        listen(bench, inbox, Address("t", None, FANOUT))
    bench.transport.hint(Address("t", None, FANOUT), b"all")
    bench.until(lambda: all(inbox.bodies() == [b"all"] for inbox in inboxes))


def test_a_fanout_that_nobody_ever_listened_to_is_dropped(bench: Bench) -> None:
    bench.transport.hint(Address("t", None, FANOUT), b"all")
    inbox = Inbox()
    listen(bench, inbox, Address("u", None, CAST))
    bench.transport.publish(Address("u", None, CAST), b"the publisher is well")
    bench.until(lambda: len(inbox.seen) == 1)


def test_a_request_gets_its_answer(bench: Bench) -> None:
    listen(bench, Inbox(), Address("t", "h1", CALL))
    assert bench.transport.request(Address("t", "h1", CALL), b"question", 10) == b"re: question"


def test_a_request_that_nobody_can_take_is_unavailable_at_once(bench: Bench) -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable):
        bench.transport.request(Address("t", "nowhere", CALL), b"question", 10)
    assert time.monotonic() - started < 5


def test_a_request_without_answer_times_out(bench: Bench) -> None:
    listen(bench, lambda delivery: delivery.ack(), Address("t", None, CALL))
    with pytest.raises(Timeout):
        bench.transport.request(Address("t", None, CALL), b"question", 0.2)


def test_many_threads_each_get_their_own_answer(bench: Bench) -> None:
    listen(bench, Inbox(), Address("t", None, CALL))
    answers: dict[int, bytes] = {}

    def ask(number: int) -> None:
        answers[number] = bench.transport.request(Address("t", None, CALL), str(number).encode(), 10)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: f"re: {number}".encode() for number in range(20)}


def test_settling_twice_does_nothing(bench: Bench) -> None:
    deliveries: list[Delivery] = []

    def twice(delivery: Delivery) -> None:
        deliveries.append(delivery)
        delivery.ack()
        delivery.ack()
        delivery.reject(requeue=True)

    there = Address("t", None, CAST)
    listen(bench, twice, there)
    bench.transport.publish(there, b"1")
    bench.transport.publish(there, b"2")
    bench.until(lambda: len(deliveries) == 2 and bench.transport.depth(there) == 0)
    assert [delivery.attempt for delivery in deliveries] == [1, 1]


def test_the_depth_of_a_queue_that_is_not_there_is_none(bench: Bench) -> None:
    assert bench.transport.depth(Address("t", "nowhere", CAST)) is None


def test_a_closed_transport_takes_nothing_and_closes_again(bench: Bench) -> None:
    listen(bench, Inbox(), Address("t", None, CAST))
    bench.transport.close()
    bench.transport.close()
    with pytest.raises(Unavailable):
        bench.transport.publish(Address("t", None, CAST), b"x")
    bench.transport.hint(Address("t", None, HINT), b"x")
    assert not bench.transport.reachable()
