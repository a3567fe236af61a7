"""devstack/test: the checks and all tiers of tests, counted in one closing line."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from devstack.stack import files, traces
from devstack.stack.settings import ROOT

# In this order: what fails first should be what says most. The tests of a tier run beside each other, but for the
# real thing, which needs the machine for itself.
FAST = ("architecture", "unit", "contract", "api", "cloud", "compat", "faults")
REAL = "integration"
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


def _check(name: str, command: tuple[str, ...]) -> Count:
    print(f"\n== {name}", flush=True)
    done = subprocess.run([str(_BIN / command[0]), *command[1:]], cwd=ROOT, env=_environment(), check=False)
    return Count(failed=1) if done.returncode else Count(passed=1)


def _pytest(name: str, paths: list[str], *options: str) -> Count:
    print(f"\n== {name}", flush=True)
    report = files.folder(ROOT / "build" / "test", 0o755) / f"{name}.xml"
    report.unlink(missing_ok=True)
    command = [str(_BIN / "python"), "-m", "pytest", "-rs", "-p", "no:cacheprovider", f"--junitxml={report}"]
    command += ["--disable-warnings", "--durations=10"]
    status = subprocess.run([*command, *options, *paths], cwd=ROOT, env=_environment(), check=False).returncode
    return count_of(report, status)


def _tests_in(tier: str) -> bool:
    return any((ROOT / "tests" / tier).rglob("test_*.py"))


def _everything() -> Count:
    count = Count()
    for name, command in _CHECKS.items():
        count += _check(name, command)
    fast = [f"tests/{tier}" for tier in FAST if _tests_in(tier)]
    count += _pytest("fast", fast, "-n", "2", "--dist", "loadfile")
    if _tests_in(REAL):
        count += _pytest(REAL, [f"tests/{REAL}"])
    return count


def run_suite(paths: list[Path]) -> int:
    """All of it, or the tests in ``paths``. The exit status is 0 only if something passed and nothing failed."""
    began, before = time.monotonic(), traces.take()
    count = _pytest("chosen", [str(path) for path in paths]) if paths else _everything()
    left = traces.take() - before
    if left:
        print(f"\nleft on the machine: {', '.join(sorted(left))}")
        if os.environ.get("CI"):  # elsewhere somebody may be using a cloud beside the tests
            count += Count(failed=1)
    print(f"\n{time.monotonic() - began:.0f} seconds", flush=True)
    print(count.line(), flush=True)
    sys.stdout.flush()
    return 0 if count.passed and not count.failed else 1
