"""A daemon process: it ends when told, in time, whatever hangs; and periodic work outlives its own failures (C-25)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from iaas.daemon import STOP_S, Daemon, rss_kb

ROOT = Path(__file__).parents[2]
HEAD = """
import os, sys, threading, time
from iaas import daemon, log
from iaas.daemon import Daemon
from iaas.errors import Unavailable
log.setup("INFO", "json")
daemon.STOP_S = 0.5
process = Daemon("iaas-test", "here")
say = lambda word: print(word, flush=True)
"""


class Process:
    """A daemon in a process of its own; ``script`` comes before ``run()``."""

    def __init__(self, script: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"{HEAD}{script}\nprocess.run()\nsay('came back')"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float, list[dict[str, str]]]:
        """Exit status, seconds that it took, and the events of its log."""
        began = time.monotonic()
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, time.monotonic() - began, [json.loads(line) for line in errors.splitlines()]


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    made: list[Process] = []
    yield made
    for process in made:
        process.process.kill()
        process.process.wait(10)


def start(processes: list[Process], script: str) -> Process:
    process = Process(script)
    processes.append(process)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_with_what_was_begun_last_ended_first(processes: list[Process], number: int) -> None:
    process = start(
        processes,
        """
process.on_stop(lambda: say("first"))
process.on_stop(lambda: 1 / 0)
process.on_stop(lambda: say("last"))
process.every(60, "up", lambda: say("up"))
""",
    )
    assert process.line() == "up"
    process.process.send_signal(number)
    assert [process.line(), process.line(), process.line()] == ["last", "first", ""]
    status, _, events = process.stop(signal.SIGCONT)
    assert status == 0
    assert [event["message"] for event in events if event["level"] == "ERROR"] == ["while stopping"]


def test_what_hangs_is_left_behind(processes: list[Process]) -> None:
    """An ending that hangs, work that hangs, and a thread that nobody knows."""
    process = start(
        processes,
        """
process.on_stop(lambda: time.sleep(60))
process.every(60, "stuck", lambda: (say("up"), time.sleep(60)))
threading.Thread(target=time.sleep, args=(60,)).start()
""",
    )
    assert process.line() == "up"
    status, seconds, _ = process.stop()
    assert status == 0
    assert seconds < 5


def test_the_time_to_end_fits_into_what_supervisors_grant() -> None:
    assert STOP_S < 10


def test_a_failure_of_periodic_work_is_logged_and_does_not_end_it(processes: list[Process]) -> None:
    process = start(
        processes,
        """
rounds = iter(range(100))
def work():
    number = next(rounds)
    say(f"round {number}")
    if number == 0:
        raise Unavailable("The broker is away.")
    if number == 1:
        raise ValueError("a defect")
process.every(0.05, "beat", work)
""",
    )
    assert [process.line() for _ in range(4)] == ["round 0", "round 1", "round 2", "round 3"]
    _, _, events = process.stop()
    [warning] = [event for event in events if event["level"] == "WARNING"]
    [defect] = [event for event in events if event["level"] == "ERROR"]
    assert warning["message"] == "beat: The broker is away."
    assert "ValueError: a defect" in defect["trace"]
    assert warning["request_id"].startswith("req-"), "periodic work has a request id, too (I-17)"
    assert warning["request_id"] != defect["request_id"]


def test_work_that_hangs_holds_up_no_other(processes: list[Process]) -> None:
    process = start(
        processes,
        """
process.every(60, "stuck", lambda: time.sleep(60))
process.every(0.05, "beat", lambda: say("beat"))
""",
    )
    assert [process.line() for _ in range(3)] == ["beat"] * 3
    assert process.stop()[0] == 0


def test_it_can_be_ended_from_inside(processes: list[Process]) -> None:
    process = start(processes, 'process.every(60, "end", process.stop)')
    assert process.process.wait(10) == 0
    assert process.line() == "", "run() does not come back: the process is gone"


def test_every_start_is_another_one() -> None:
    assert Daemon("iaas-test", "here").boot_id != Daemon("iaas-test", "here").boot_id


def test_the_memory_of_this_process_is_measured_in_kib() -> None:
    assert 10_000 < rss_kb() < 10_000_000
