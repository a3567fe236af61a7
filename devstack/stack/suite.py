"""devstack/test: the checks and all tiers of tests, counted in one closing line."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from devstack.stack import files, processes, traces
from devstack.stack.settings import ROOT

# In this order: what fails first should be what says most. The tests of the fast tiers run beside each other.
FAST = ("architecture", "unit", "contract", "api", "cloud", "compat", "faults")
REAL = "integration"
# The real thing waits for half of its time, for guests that boot and silences that are noticed: so there are two lanes
# side by side, each in its order. Hosts and guests of whole clouds in the one; daemons on fakes and the leaves in the
# other. Each lane makes its own brokers, databases, namespaces and ports, and the checks fill what time is left.
CLOUDS = ("test_first_light.py", "test_hosts.py", "test_layouts.py", "test_moves.py", "test_second_light.py",
          "test_server_volumes.py")  # fmt: skip
_BIN = ROOT / ".venv" / "bin"
_CHECKS = {
    "ruff check": ("ruff", "check", "."),
    "ruff format": ("ruff", "format", "--check", "."),
    "mypy": ("mypy",),
    "mypy devstack": ("mypy", "--explicit-package-bases", "-p", "devstack.stack"),
    "import-linter": ("lint-imports",),
}


@dataclass(frozen=True)
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def line(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def count_of(report: Path, status: int) -> Count:
    """What a JUnit file counts. A run that broke (no file, or a bad exit status without a failure) is one failure."""
    if not report.is_file():
        return Count(failed=1)
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))  # noqa: S314 - pytest has just written it

    def total(name: str) -> int:
        return sum(int(suite.get(name, "0")) for suite in suites)

    failed, skipped = total("failures") + total("errors"), total("skipped")
    passed = total("tests") - failed - skipped
    return Count(max(passed, 0), failed or (1 if status else 0), skipped)


def _environment() -> dict[str, str]:
    image = ROOT / "build" / "image" / "tinyguest.qcow2"
    path = f"{_BIN}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "IAAS_TEST_IMAGE": str(image)}


@dataclass(frozen=True)
class _Run:
    """A program that runs. ``said``: where its words are, to be told at its end, if others run beside it."""

    name: str
    process: subprocess.Popen[bytes]
    report: Path | None = None  # pytest's
    said: Path | None = None

    def end(self) -> Count:
        """Waits, tells, and counts."""
        status = self.process.wait()
        if self.said:
            print(f"\n== {self.name}\n{self.said.read_text(errors='replace')}", flush=True)
        if self.report:
            return count_of(self.report, status)
        return Count(failed=1) if status else Count(passed=1)


def _start(name: str, words: Sequence[str], report: Path | None = None, said: Path | None = None) -> _Run:
    if not said:
        print(f"\n== {name}", flush=True)
    with said.open("wb") if said else nullcontext() as output:
        process = subprocess.Popen(
            words, cwd=ROOT, env=_environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    return _Run(name, process, report, said)


def _pytest(name: str, paths: Iterable[str], *options: str, beside: bool = False) -> _Run:
    place = files.folder(ROOT / "build" / "test", 0o755)
    report = place / f"{name}.xml"
    report.unlink(missing_ok=True)
    words = [str(_BIN / "python"), "-m", "pytest", "-rs", "-p", "no:cacheprovider", f"--junitxml={report}"]
    words += ["--disable-warnings", "--durations=10", *options, *paths]
    return _start(name, words, report, place / f"{name}.log" if beside else None)


def _checks() -> Count:
    """One after the other, and only in time that nobody else wants."""
    count = Count()
    for name, (program, *options) in _CHECKS.items():
        count += _start(name, ["nice", "-n", "19", str(_BIN / program), *options]).end()
    return count


def _tests_in(tier: str) -> bool:
    return any((ROOT / "tests" / tier).rglob("test_*.py"))


def _everything() -> Count:
    fast = [f"tests/{tier}" for tier in FAST if _tests_in(tier)]
    count = _pytest("fast", fast, "-n", "2", "--dist", "loadfile").end()
    clouds = [f"tests/{REAL}/{name}" for name in CLOUDS]
    lanes = [_pytest("clouds", clouds, beside=True)]
    lanes += [_pytest("daemons", [f"tests/{REAL}"], *(f"--ignore={path}" for path in clouds), beside=True)]
    count += _checks()
    for lane in lanes:
        count += lane.end()
    return count


def _left(before: frozenset[str], seconds: float = 15) -> frozenset[str]:
    """What is on the machine and was not before. The kernel takes its time to clear up after a namespace or a process
    that was killed: only what stays is left."""
    processes.wait_for(lambda: not traces.take() - before, seconds, 0.5)
    return traces.take() - before


def run_suite(paths: list[Path]) -> int:
    """All of it, or the tests in ``paths``. The exit status is 0 only if something passed and nothing failed."""
    began, before = time.monotonic(), traces.take()
    count = _pytest("chosen", [str(path) for path in paths]).end() if paths else _everything()
    left = _left(before)
    if left:
        print(f"\nleft on the machine: {', '.join(sorted(left))}")
        if os.environ.get("CI"):  # elsewhere somebody may be using a cloud beside the tests
            count += Count(failed=1)
    print(f"\n{time.monotonic() - began:.0f} seconds", flush=True)
    print(count.line(), flush=True)
    sys.stdout.flush()
    return 0 if count.passed and not count.failed else 1
