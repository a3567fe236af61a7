"""Client and server over the in-memory transport: what a call, a cast, a hint and a fanout mean, also in
failure.
"""

from __future__ import annotations

import logging
from typing import Any

import pytest

from iaas import context, errors
from iaas.bus import codec, deadline
from iaas.bus.client import Client
from iaas.bus.inproc import InprocTransport
from iaas.bus.server import Server
from iaas.bus.transport import DELIVERY_LIMIT, Address, Lane
from iaas.clock import ManualClock
from iaas.failpoints import Crash
from tests.unit.bus.ovens import MARGHERITA, Oven, OvenRpc

ASKER = context.Context(request_id="req-7", user_id="u", roles=("member",))


class Kitchen:
    """One oven on host h1, its client, and the bus between."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.bus = InprocTransport(clock=self.clock)
        self.oven = Oven(self.clock)
        self.server = Server(self.bus, OvenRpc, self.oven, host="h1", clock=self.clock).start()
        self.rpc = OvenRpc(Client(self.bus, clock=self.clock))

    def fail(self, error: BaseException) -> None:
        def script(value: Any) -> Any:
            raise error

        self.oven.script = script


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


def test_every_kind_of_method_reaches_the_endpoint(kitchen: Kitchen) -> None:
    kitchen.rpc.bake("h1", MARGHERITA)
    kitchen.rpc.glance("p1")
    kitchen.rpc.news(text="hot")
    assert kitchen.rpc.taste("h1", pizza=MARGHERITA, bites=2) == MARGHERITA
    kitchen.bus.drain()
    assert kitchen.oven.calls == [
        ("taste", MARGHERITA), ("bake", MARGHERITA), ("glance", "p1"), ("news", "hot"),
    ]  # fmt: skip


def test_the_callers_context_travels(kitchen: Kitchen) -> None:
    with context.use(ASKER):
        kitchen.rpc.bake("h1", MARGHERITA)
        kitchen.rpc.taste("h1", MARGHERITA)
    kitchen.bus.drain()
    assert kitchen.oven.callers == [ASKER, ASKER]
    assert context.current() is None


def test_a_message_without_context_runs_with_no_rights(kitchen: Kitchen) -> None:
    kitchen.rpc.glance("p1")
    kitchen.bus.drain()
    (caller,) = kitchen.oven.callers
    assert caller is not None
    assert caller.request_id.startswith("req-")
    assert not caller.roles and not caller.is_admin


def test_an_error_of_the_endpoint_is_raised_at_the_caller(kitchen: Kitchen) -> None:
    kitchen.fail(errors.NotFound.of("pizza", "p1"))
    with pytest.raises(errors.NotFound) as caught:
        kitchen.rpc.taste("h1", MARGHERITA)
    assert caught.value.details == {"resource": "pizza", "id": "p1"}


def test_a_defect_in_the_endpoint_is_internal_and_tells_no_secret(kitchen: Kitchen) -> None:
    kitchen.fail(ValueError("the password is hunter2"))
    with pytest.raises(errors.Internal) as caught:
        kitchen.rpc.taste("h1", MARGHERITA)
    assert "hunter2" not in str(caught.value.message) + str(caught.value.details)


def test_an_answer_over_the_limit_is_an_error_not_a_silence(kitchen: Kitchen) -> None:
    kitchen.oven.script = lambda value: "x" * 2_000_000
    with pytest.raises(errors.TooLarge):
        kitchen.rpc.taste("h1", MARGHERITA)


def test_a_call_carries_its_deadline_into_the_handler(kitchen: Kitchen) -> None:
    """C-20: the method's own seconds, or what is left to the caller if that is less."""
    kitchen.rpc.taste("h1", MARGHERITA)
    with deadline.within(2.0, kitchen.clock):
        kitchen.rpc.taste("h1", MARGHERITA)
    with deadline.within(60.0, kitchen.clock):
        kitchen.rpc.taste("h1", MARGHERITA)
    assert kitchen.oven.left == [5.0, 2.0, 5.0]
    assert deadline.remaining(kitchen.clock) is None


def test_a_call_within_a_call_has_no_more_time_than_its_caller(kitchen: Kitchen) -> None:
    def script(value: Any) -> Any:
        kitchen.oven.script = lambda value: value
        kitchen.clock.advance(3.0)
        return kitchen.rpc.taste("h1", MARGHERITA)

    kitchen.oven.script = script
    kitchen.rpc.taste("h1", MARGHERITA)
    assert kitchen.oven.left == [5.0, 2.0]


def test_a_caller_without_time_sends_nothing(kitchen: Kitchen) -> None:
    with deadline.within(1.0, kitchen.clock), pytest.raises(errors.Timeout):
        kitchen.clock.advance(1.5)
        kitchen.rpc.taste("h1", MARGHERITA)
    assert kitchen.oven.calls == []


def test_a_call_that_comes_past_its_deadline_is_not_run(kitchen: Kitchen) -> None:
    """C-20, F-34."""
    body = codec.encode_request(
        OvenRpc.methods()["taste"], "1.2", {"pizza": MARGHERITA, "bites": 1}, id="1", context=None, deadline=0
    )
    kitchen.bus.inject(Address("oven", "h1", Lane.CALL), body)
    kitchen.bus.drain()
    assert kitchen.oven.calls == []


def test_a_cast_has_no_deadline(kitchen: Kitchen) -> None:
    """Its sender's time may be over long before the work is."""
    with deadline.within(1.0, kitchen.clock):
        kitchen.rpc.bake("h1", MARGHERITA)
        kitchen.bus.drain()
    assert kitchen.oven.left == [None]


def test_an_unavailable_dependency_brings_a_cast_back(kitchen: Kitchen) -> None:
    def script(value: Any) -> None:
        if len(kitchen.oven.calls) < 3:
            raise errors.Unavailable("database away")

    kitchen.oven.script = script
    kitchen.rpc.bake("h1", MARGHERITA)
    kitchen.bus.drain()
    assert len(kitchen.oven.calls) == 3
    assert kitchen.bus.dead_letters(10) == []


def test_a_cast_is_tried_at_most_six_times(kitchen: Kitchen) -> None:
    """F-31."""
    kitchen.fail(errors.Unavailable("database away"))
    kitchen.rpc.bake("h1", MARGHERITA)
    kitchen.bus.drain()
    assert len(kitchen.oven.calls) == 1 + DELIVERY_LIMIT
    (letter,) = kitchen.bus.dead_letters(10)
    assert (letter.queue, letter.reason) == ("oven.h1", "delivery_limit")


@pytest.mark.parametrize("error", [errors.Conflict("no"), ZeroDivisionError()], ids=["error", "defect"])
def test_a_cast_that_fails_is_a_dead_letter(kitchen: Kitchen, error: Exception) -> None:
    kitchen.fail(error)
    kitchen.rpc.bake("h1", MARGHERITA)
    kitchen.bus.drain()
    assert len(kitchen.oven.calls) == 1
    assert [letter.reason for letter in kitchen.bus.dead_letters(10)] == ["rejected"]


@pytest.mark.parametrize("error", [errors.Unavailable("no"), ZeroDivisionError()], ids=["error", "defect"])
def test_a_hint_that_fails_is_forgotten(kitchen: Kitchen, error: Exception) -> None:
    kitchen.fail(error)
    kitchen.rpc.glance("p1")
    kitchen.bus.drain()
    assert len(kitchen.oven.calls) == 1
    assert kitchen.bus.dead_letters(10) == []


POISON = [b"nonsense", b"{}", b"x" * 10_000_000]


@pytest.mark.parametrize("body", POISON, ids=["bad json", "empty", "10 MB"])
def test_poison_is_a_dead_letter_and_others_are_served(
    kitchen: Kitchen, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """F-30, S-130: one try, nothing executed, said in the log."""
    kitchen.bus.inject(Address("oven", "h1", Lane.CAST), body)
    kitchen.rpc.bake("h1", MARGHERITA)
    with caplog.at_level(logging.ERROR):
        kitchen.bus.drain()
    assert kitchen.oven.calls == [("bake", MARGHERITA)]
    assert [letter.reason for letter in kitchen.bus.dead_letters(10)] == ["rejected"]
    assert "refused" in caplog.text


def test_a_method_on_the_wrong_lane_is_refused(kitchen: Kitchen) -> None:
    """A call smuggled in as a cast would be run again and again; a cast as a call, never again."""
    methods = OvenRpc.methods()
    taste = codec.encode_request(methods["taste"], "1.2", {"pizza": MARGHERITA, "bites": 1}, id="1", context=None)
    bake = codec.encode_request(methods["bake"], "1.2", {"pizza": MARGHERITA}, id="1", context=None)
    kitchen.bus.inject(Address("oven", "h1", Lane.CAST), taste)
    kitchen.bus.inject(Address("oven", "h1", Lane.HINT), bake)
    with pytest.raises(errors.Invalid):
        codec.decode_reply(methods["taste"], kitchen.bus.request(Address("oven", "h1", Lane.CALL), bake, 1))
    kitchen.bus.drain()
    assert kitchen.oven.calls == []


def test_a_call_of_an_unknown_version_is_answered_as_unsupported(kitchen: Kitchen) -> None:
    with pytest.raises(errors.Unsupported):
        Client(kitchen.bus).send("oven", "h1", "1.3", OvenRpc.methods()["taste"], {"pizza": MARGHERITA, "bites": 1})
    assert kitchen.oven.calls == []


def test_a_stopped_server_leaves_its_casts_for_the_next(kitchen: Kitchen) -> None:
    kitchen.server.stop()
    kitchen.rpc.bake("h1", MARGHERITA)
    assert kitchen.bus.drain() == 0
    kitchen.server.start()
    kitchen.bus.drain()
    assert kitchen.oven.calls == [("bake", MARGHERITA)]


def test_a_daemon_that_dies_leaves_its_cast_undone(kitchen: Kitchen) -> None:
    kitchen.fail(Crash("here"))
    kitchen.rpc.bake("h1", MARGHERITA)
    with pytest.raises(Crash):
        kitchen.bus.drain()
    kitchen.oven.script = lambda value: value
    kitchen.bus.drain()
    assert len(kitchen.oven.calls) == 2


def test_a_daemon_that_dies_of_a_call_leaves_the_caller_a_timeout(kitchen: Kitchen) -> None:
    kitchen.fail(Crash("here"))
    with pytest.raises(errors.Timeout):
        kitchen.rpc.taste("h1", MARGHERITA)
    assert [str(death) for _, death in kitchen.bus.crashes] == ["here"]


def test_an_endpoint_without_a_method_does_not_start() -> None:
    with pytest.raises(TypeError, match="bake"):
        Server(InprocTransport(), OvenRpc, object(), host="h1")


def test_a_contract_with_host_methods_needs_a_host() -> None:
    with pytest.raises(TypeError, match="host"):
        Server(InprocTransport(), OvenRpc, Oven())


@pytest.mark.parametrize("host", ["", "a b", "../x", "a.call", "hint", "x" * 101, "ä", "a\n", "."])
def test_a_host_name_that_would_be_another_queue_is_refused(kitchen: Kitchen, host: str) -> None:
    with pytest.raises(errors.Invalid):
        kitchen.rpc.bake(host, MARGHERITA)
