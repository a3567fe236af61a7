"""The AMQP transport without a broker: what callers feel while there is none, and its own small parts."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from iaas.bus.amqp.replies import Replies
from iaas.bus.amqp.topology import Topology
from iaas.bus.amqp.transport import AmqpTransport
from iaas.bus.amqp.workers import Workers
from iaas.bus.factory import connect
from iaas.bus.inproc import InprocTransport
from iaas.bus.several import Several
from iaas.bus.transport import Address, Lane
from iaas.config.sections import Bus
from iaas.errors import Invalid, Timeout, Unavailable
from tests.integration.rabbit import free_port

CAST = Address("t", None, Lane.CAST)
HINT = Address("t", None, Lane.HINT)
CALL = Address("t", None, Lane.CALL)


@pytest.fixture
def nowhere() -> AmqpTransport:
    return AmqpTransport(f"amqp://guest:secret@127.0.0.1:{free_port()}//")


def test_a_hint_without_broker_costs_the_caller_nothing(nowhere: AmqpTransport) -> None:
    started = time.monotonic()
    for _ in range(1000):
        nowhere.hint(HINT, b"x")
    assert time.monotonic() - started < 3
    nowhere.close()


def test_a_cast_and_a_call_without_broker_fail_fast(nowhere: AmqpTransport) -> None:
    """F-22: an API answers 503 at once instead of waiting for the confirmation of nobody."""
    started = time.monotonic()
    with pytest.raises(Unavailable, match="no broker"):
        nowhere.publish(CAST, b"x")
    with pytest.raises(Unavailable, match="no broker"):
        nowhere.request(CALL, b"x", 30)
    assert time.monotonic() - started < 10
    assert not nowhere.reachable()
    nowhere.close()


def test_a_silent_peer_cannot_hold_a_caller() -> None:
    """Something accepts the connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        transport = AmqpTransport(f"amqp://guest:guest@127.0.0.1:{port}//")
        started = time.monotonic()
        for _ in range(100):
            transport.hint(HINT, b"x")
        with pytest.raises(Unavailable):
            transport.publish(CAST, b"x", timeout=0.3)
        assert time.monotonic() - started < 3
        transport.close()


def test_the_password_is_not_logged(nowhere: AmqpTransport, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Unavailable) as caught:
        nowhere.publish(CAST, b"x")
    nowhere.close()
    assert "no broker at 127.0.0.1" in caplog.text
    assert "secret" not in caplog.text + str(caught.value)


def test_looking_into_queues_without_broker_is_unavailable(nowhere: AmqpTransport) -> None:
    with pytest.raises(Unavailable):
        nowhere.depth(CAST)
    with pytest.raises(Unavailable):
        nowhere.dead_letters(1)


def test_the_factory_chooses_by_scheme() -> None:
    assert isinstance(connect(Bus(urls=("inproc://",))), InprocTransport)
    assert isinstance(connect(Bus(urls=("amqps://b//",))), AmqpTransport)
    assert isinstance(connect(Bus(urls=("amqp://a//", "amqps://b//"))), Several)
    for urls in ((), ("http://x",), ("inproc://", "amqp://a//")):
        with pytest.raises(Invalid):
            connect(Bus(urls=urls))


def test_queues_carry_the_prefix_the_topic_and_the_host() -> None:
    topology = Topology("iaas")
    assert topology.queue(Address("compute", None, Lane.CAST)) == "iaas.compute"
    assert topology.queue(Address("compute", "n1.example.org", Lane.CAST)) == "iaas.compute.n1.example.org"
    assert topology.queue(Address("compute", "n1", Lane.HINT)) == "iaas.compute.n1.hint"
    assert topology.exchange(Address("compute", None, Lane.FANOUT)) == "iaas.compute.fanout"
    assert topology.short("iaas.compute.n1") == "compute.n1"


def test_an_answer_goes_to_reply_queues_only() -> None:
    topology = Topology("iaas")
    assert topology.is_reply("iaas.reply.0123")
    assert not topology.is_reply("iaas.compute.n1")
    assert not topology.is_reply("other.reply.0123")


def test_a_lost_reply_queue_fails_the_waiting_calls_at_once() -> None:
    replies = Replies()
    replies.up("q")
    waiter = replies.expect()
    replies.lost("gone", gone=False)
    with pytest.raises(Timeout, match="gone"):
        waiter.wait(10)


def test_workers_run_at_once_up_to_their_number_and_stop_when_done() -> None:
    workers, gate, running = Workers("test", 3), threading.Event(), threading.Semaphore(0)

    def task() -> None:
        running.release()
        gate.wait(5)

    for _ in range(5):
        workers.put(task)
    for _ in range(3):
        assert running.acquire(timeout=5)
    assert not running.acquire(timeout=0.05)
    assert not workers.stop(0.05)
    gate.set()


def test_workers_finish_what_is_queued_and_survive_a_death() -> None:
    workers, done = Workers("test", 1), []

    def die() -> None:
        raise SystemExit

    workers.put(die)
    workers.put(lambda: done.append(1))
    assert workers.stop(5)
    assert done == [1]
    workers.put(lambda: done.append(2))
    assert workers.stop(0)
    assert done == [1]
