"""Heartbeats, inventory, consoles, threads: the agent around its orders."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iaas import context, errors
from iaas.compute.agent.loop import Loop
from iaas.host.executor import Pool
from iaas.model.order import Action, Guest, Nic, Power
from iaas.rpc.compute import ComputeRpc
from tests.unit.compute.agent.bench import Host, order, spec


def eventually(check: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_endpoint_has_every_method_of_the_contract(host: Host) -> None:
    for name in ComputeRpc.methods():
        assert callable(getattr(host.agent.endpoint, name))


def test_a_heartbeat_tells_guests_and_what_is_left_after_the_reserve(host: Host) -> None:
    guest = host.build(fence=4)
    host.agent.look()
    host.agent.beat()
    beat = host.post.beats[-1]
    assert (beat.binary, beat.host) == ("iaas-compute", "host1")
    assert beat.guests == (Guest(server_id=guest.server_id, power=Power.RUNNING, fence=4),)
    assert beat.resources and (beat.resources.ram_mb, beat.resources.disk_gb) == (8192 - 512, 98)
    assert beat.rss_kb > 1000 and beat.pid > 0


def test_a_new_process_has_a_new_boot_id(host: Host) -> None:
    host.agent.beat()
    host.reboot_agent()
    host.agent.beat()
    assert host.post.beats[0].boot_id != host.post.beats[1].boot_id


def test_guests_are_unknown_and_not_absent_while_the_hypervisor_is_away(host: Host) -> None:
    """C-12: never act on absence without a complete, fresh observation."""
    host.build()
    host.agent.look()
    host.hypervisor.available = False
    host.agent.look()
    host.agent.beat()
    assert host.post.beats[-1].guests is None
    assert host.post.beats[-1].resources is not None


def test_a_look_that_hangs_makes_guests_unknown_but_not_the_host_dead(host: Host) -> None:
    """F-55: SIGSTOP of libvirtd."""
    host.build()
    host.agent.look()
    host.clock.advance(7)
    host.agent.beat()
    assert host.post.beats[-1].guests is None


def test_a_guest_that_stops_by_itself_is_told_at_once(host: Host) -> None:
    """F-56: by the event, not by the next round."""
    guest = host.build()
    for loop in host.agent._loops:
        loop._interval = 3600  # the next round does not come
    host.agent.start()
    try:
        eventually(lambda: host.post.beats and host.post.beats[-1].guests)
        host.hypervisor.stops(guest.server_id)
        gone = (Guest(server_id=guest.server_id, power=Power.SHUTDOWN, fence=1),)
        eventually(lambda: host.post.beats[-1].guests == gone)
    finally:
        host.agent.stop()


def test_the_inventory_is_complete(host: Host) -> None:
    nic = Nic(port_id="p", mac="fa:16:3e:00:00:01", tap="tapx", bridge="brqx", mtu=1500)
    guest = host.build(spec(nics=(nic,)))
    found = host.agent.endpoint.inventory()
    assert found.instance_dirs == (guest.server_id,)
    assert found.guests[0].server_id == guest.server_id
    assert guest.image and [item.image_id for item in found.cached_images] == [guest.image.id]
    assert found.taps == ("tapx",) and found.partial_files == ()
    host.give(order(Action.DESTROY, guest, fence=2))
    found = host.agent.endpoint.inventory()
    assert (found.instance_dirs, found.guests, found.taps) == ((), (), ())


def test_an_inventory_without_hypervisor_is_refused(host: Host) -> None:
    host.hypervisor.available = False
    with pytest.raises(errors.Unavailable):
        host.agent.endpoint.inventory()


def console(host: Host, data: bytes) -> tuple[str, Path]:
    guest = host.build()
    path = host.instances.console(guest.server_id)
    path.write_bytes(data)
    return guest.server_id, path


def test_the_console_is_the_last_lines(host: Host) -> None:
    server, _ = console(host, b"one\ntwo\nthr\xffee\n")
    output = host.agent.endpoint.console_output
    assert output(server, None) == "one\ntwo\nthr\ufffdee\n"
    assert output(server, 2) == "two\nthr\ufffdee\n"
    assert output(server, 0) == ""
    assert output(server, 10**9) == output(server, None)


def test_a_console_answer_is_bounded(host: Host) -> None:
    server, _ = console(host, b"x" * 500_000)
    assert len(host.agent.endpoint.console_output(server, None)) == 100 * 1024


def test_a_console_before_the_first_byte_is_empty_and_without_server_not_found(host: Host) -> None:
    guest = host.build()
    assert host.agent.endpoint.console_output(guest.server_id, None) == ""
    with pytest.raises(errors.NotFound):
        host.agent.endpoint.console_output(spec().server_id, None)


def test_a_guest_cannot_fill_the_disk_with_its_console(host: Host) -> None:
    server, path = console(host, b"".join(b"%09d\n" % number for number in range(900_000)))
    host.agent.tidy()
    assert path.stat().st_size == 0
    assert sum(file.stat().st_size for file in path.parent.glob("console*")) <= 1 << 20
    assert host.agent.endpoint.console_output(server, 1) == "000899999\n"
    path.write_bytes(b"new\n")
    assert host.agent.endpoint.console_output(server, 2) == "000899999\nnew\n"


def test_old_fences_of_gone_servers_are_forgotten_after_a_day(host: Host) -> None:
    guest = host.build()
    host.give(order(Action.DESTROY, guest, fence=2))
    record = host.state_dir / "gone" / guest.server_id
    host.agent.tidy()
    assert record.exists()
    os.utime(record, (time.time() - 90000, time.time() - 90000))
    host.agent.tidy()
    assert not record.exists()


def test_a_pool_runs_jobs_side_by_side_in_their_own_context() -> None:
    pool = Pool(3, "test")
    barrier = threading.Barrier(3, timeout=5)
    seen: list[str | None] = []

    def job() -> None:
        barrier.wait()
        caller = context.current()
        seen.append(caller.request_id if caller else None)

    callers = [context.system() for _ in range(3)]
    for caller in callers:
        with context.use(caller):
            pool.submit(job)
    eventually(lambda: len(seen) == 3)
    assert pool.stop(5)
    assert sorted(map(str, seen)) == sorted(caller.request_id for caller in callers)


def test_a_pool_survives_a_failing_job_and_refuses_too_many() -> None:
    pool = Pool(1, "test", backlog=2)
    go, ran = threading.Event(), threading.Event()

    def bad() -> None:
        go.wait(5)
        raise ValueError

    pool.submit(bad)
    eventually(lambda: pool._jobs.empty())
    pool.submit(ran.set)
    pool.submit(ran.set)
    with pytest.raises(errors.Unavailable):
        pool.submit(ran.set)
    go.set()
    assert ran.wait(5)
    assert pool.stop(5)


def test_a_loop_goes_on_after_a_failure_and_wakes_at_once() -> None:
    rounds: list[int] = []

    def action() -> None:
        rounds.append(1)
        raise ValueError

    loop = Loop("test", 60, action)
    loop.start()
    eventually(lambda: len(rounds) == 1)
    loop.wake()
    eventually(lambda: len(rounds) == 2)
    loop.stop(5)
