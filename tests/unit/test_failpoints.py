"""Points at which a test can kill, delay or fail a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from iaas import failpoints
from iaas.failpoints import Crash

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    failpoints.disarm()
    yield
    failpoints.disarm()


def test_a_point_that_is_not_armed_does_nothing() -> None:
    failpoints.hit("a.b")
    failpoints.arm("other=crash")
    failpoints.hit("a.b")
    assert failpoints.armed() == {"other"}


def test_a_point_fires_once_or_as_often_as_told() -> None:
    failpoints.arm("a=crash, b=error:No space left*2")
    with pytest.raises(Crash, match="a"):
        failpoints.hit("a")
    failpoints.hit("a")
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            failpoints.hit("b")
    failpoints.hit("b")
    assert failpoints.armed() == set()


def test_a_crash_is_survived_by_no_handler_of_exceptions() -> None:
    assert not issubclass(Crash, Exception)


def test_a_pause_takes_its_time() -> None:
    failpoints.arm("a=pause:0.05")
    began = time.monotonic()
    failpoints.hit("a")
    assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize("spec", ["a=explode", "a", "a=", "=crash", "a=crash*x", "a=pause:long", "a=crash*0"])
def test_a_mistake_in_a_specification_is_not_taken_for_a_passed_test(spec: str) -> None:
    with pytest.raises(ValueError, match="failpoint"):
        failpoints.arm(spec)
    assert failpoints.armed() == set()


def test_the_environment_kills_a_process_at_the_point() -> None:
    script = "from iaas import failpoints; print('before', flush=True); failpoints.hit('x.y'); print('after')"
    environment = {**os.environ, "IAAS_FAILPOINTS": "x.y=kill", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == "before\n"


def test_a_process_with_a_mistake_in_its_environment_does_not_start() -> None:
    environment = {**os.environ, "IAAS_FAILPOINTS": "x.y=explode", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", "import iaas.failpoints"], env=environment, capture_output=True, timeout=30, check=False
    )
    assert done.returncode != 0


def test_points_are_collected_from_the_source(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.py").write_text('failpoints.hit("b.c")\nfailpoints.hit( "a.b" )\nhit("no")\n')
    assert failpoints.points(tmp_path) == ["a.b", "b.c"]


def test_every_point_of_ours_has_a_literal_name_that_says_whose_it_is() -> None:
    """The harness restarts the daemon whose name the point begins with."""
    found = failpoints.points()
    assert len(found) > 20
    owners = {"api", "compute", "conductor", "identity", "image", "network", "scheduler", "volume", "db"}
    assert {name.partition(".")[0] for name in found} <= owners
    calls = sum(len(re.findall(r"failpoints\.hit\(", file.read_text())) for file in (ROOT / "iaas").rglob("*.py"))
    literal = sum(len(re.findall(r'failpoints\.hit\(\s*"[a-z_.]+"', file.read_text()))
                  for file in (ROOT / "iaas").rglob("*.py"))  # fmt: skip
    assert calls == literal
