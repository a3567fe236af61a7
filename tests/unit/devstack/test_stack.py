"""The smaller promises: passwords that RabbitMQ understands, free address ranges, counted tests, found leftovers."""

from __future__ import annotations

import ipaddress
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from devstack.stack import broker, leftovers, plumbing, processes, say, status, suite
from devstack.stack.failure import Failure
from devstack.stack.keeper import State
from devstack.stack.settings import ROOT, Settings
from devstack.stack.suite import Count

_JUNIT = '<testsuites><testsuite tests="{}" failures="{}" errors="{}" skipped="{}"/></testsuites>'


def test_a_password_hash_is_the_one_of_rabbitmqs_documentation() -> None:
    expected = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    assert broker.password_hash("test12", bytes.fromhex("908DC60A")) == expected


def test_the_broker_is_told_of_one_user_and_of_no_guest_and_never_the_password(stack: Settings) -> None:
    value = json.loads(broker.definitions(stack))
    assert [user["name"] for user in value["users"]] == ["iaas"]
    assert stack.secrets.broker_password not in broker.definitions(stack)
    assert broker.definitions(stack) == broker.definitions(stack)


def test_the_private_network_takes_a_range_that_the_machine_has_no_route_to() -> None:
    assert plumbing.free_subnet([]) == "10.20.0.0/24"
    assert plumbing.free_subnet([ipaddress.IPv4Network("10.0.0.0/8")]) == "172.29.20.0/24"
    with pytest.raises(Failure, match="no range is left"):
        plumbing.free_subnet([ipaddress.IPv4Network("0.0.0.0/0")])


def test_no_network_of_the_cloud_hides_an_address_that_others_may_have() -> None:
    """A documentation range did: the package registries of a machine were behind it."""
    ranges = [ipaddress.IPv4Network(text) for text in (*plumbing._EXTERNAL, *plumbing._PRIVATE)]
    assert all(network.is_private for network in ranges)
    documentation = [ipaddress.IPv4Network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    assert not any(network.overlaps(other) for network in ranges for other in documentation)
    assert not any(one.overlaps(other) for one in ranges for other in ranges if one != other)


@pytest.mark.parametrize(
    ("numbers", "exit_status", "expected"),
    [
        ((10, 0, 0, 2), 0, Count(8, 0, 2)),
        ((10, 1, 2, 0), 1, Count(7, 3, 0)),
        ((3, 0, 0, 0), 3, Count(3, 1, 0)),  # pytest broke without a failing test
    ],
)
def test_the_closing_line_counts_what_pytest_counted(
    tmp_path: Path, numbers: tuple[int, int, int, int], exit_status: int, expected: Count
) -> None:
    report = tmp_path / "report.xml"
    report.write_text(_JUNIT.format(*numbers))
    assert suite.count_of(report, exit_status) == expected


def test_a_run_that_leaves_no_report_is_a_failure(tmp_path: Path) -> None:
    assert suite.count_of(tmp_path / "none.xml", 0) == Count(failed=1)
    assert (Count(1, 2, 3) + Count(1, 0, 0)).line() == "2 passed, 2 failed, 3 skipped"


def test_leftovers_are_what_the_keeper_of_this_stack_has_started_and_nothing_else(stack: Settings) -> None:
    code = "import sys; print('ready', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, f"{stack.state}/x"]
    marks = [str(stack.state), f"{stack.state}-other", ""]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={leftovers.MARK: mark})
        for mark in marks
    ]
    try:
        for each in started:
            assert each.stdout and each.stdout.readline() == b"ready\n"
        assert leftovers.find(stack) == [started[0].pid]
        leftovers.end_daemons(stack)
        assert started[0].wait(5) == -signal.SIGTERM
        assert [each.poll() for each in started[1:]] == [None, None]
    finally:
        for each in started:
            each.communicate()


def test_a_process_that_ignores_the_request_to_end_is_killed() -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    stubborn = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert stubborn.stdout and stubborn.stdout.readline() == b"ready\n"
    processes.end([stubborn.pid], 0.2)
    assert stubborn.wait() == -9
    stubborn.stdout.close()


def test_status_shows_a_daemon_that_runs_but_sends_no_heartbeat_as_silent() -> None:
    beat = {"binary": "iaas-compute", "state": "down", "last_heartbeat": "2026-01-01T00:00:00+00:00"}
    cells = status.row("compute", State(True, 42, 1767225600.0, "running"), beat, 3 << 20, 1767225600 + 300)
    assert cells[:4] == ("compute", "SILENT", "42", "3.0 MiB")
    assert cells[5] == "5 min ago"
    assert status.row("image", State(False, 0, 0.0, "stopped"), None, 0, 0)[1:3] == ("STOPPED", "-")


def test_a_failure_is_one_line_that_names_the_log() -> None:
    assert Failure("it\n broke", Path("/var/log/x")).line() == "it broke; read /var/log/x"


def test_tables_are_aligned() -> None:
    assert say.table([("A", "B"), ("long", "x")]) == "A     B\nlong  x"


@pytest.mark.parametrize("command", ["up", "down", "status", "host", "test"])
def test_help_needs_nothing_installed_and_changes_nothing(command: str) -> None:
    tool = str(ROOT / "devstack" / command)
    done = subprocess.run([tool, "--help"], capture_output=True, text=True, timeout=10, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0
    assert done.stdout.startswith(f"devstack/{command} ")


def _packages() -> list[list[str]]:
    text = (ROOT / "devstack" / "packages.txt").read_text()
    return [line.split(None, 2) for line in text.splitlines() if line and not line.startswith("#")]


def test_every_package_has_a_group_that_a_command_installs_and_a_reason() -> None:
    assert all(len(line) == 3 for line in _packages())
    assert {line[0] for line in _packages()} == {"run", "image", "postgresql", "test"}


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="needs Debian's dpkg")
@pytest.mark.parametrize("tool", ["ip", "ss", "nft", "conntrack", "dnsmasq", "virsh", "libvirtd", "qemu-img", "tini",
                                  "qemu-system-x86_64", "nsenter", "unshare", "epmd", "ssh-keygen", "gcc"])  # fmt: skip
def test_the_packages_bring_every_tool_that_is_called(tool: str) -> None:
    listed = {line[1] for line in _packages()}
    path = shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert path, f"{tool} is not installed"
    said = subprocess.run(["dpkg-query", "-S", path, path.removeprefix("/usr")], capture_output=True, text=True).stdout
    owners = {line.split(":")[0] for line in said.splitlines()}
    brought = listed | {"util-linux", "erlang-base"}  # essential; a dependency of rabbitmq-server
    assert owners & brought, f"{tool} comes with {owners}"


def test_a_state_directory_of_something_else_or_with_an_odd_name_is_refused() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place, "precious").write_text("x")
        assert "is a directory of something else" in _status_of(place)
        assert Path(place, "precious").exists()
    assert "at most 70 letters" in _status_of("/tmp/a b")
    assert "two levels deep" in _status_of("/etc")


def _status_of(state: str) -> str:
    command = [sys.executable, "-m", "devstack.stack", "status", "--state", state]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=20, check=False)
    assert done.returncode == 1
    return done.stderr
