"""Promises of the Runner, kept with real processes of a few milliseconds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from iaas import errors
from iaas.host.exec import CommandFailed, Limits, Recorder, Result, Runner

RUNNER = Runner()


def gone(pid: int) -> bool:
    """No such process, or only a zombie that its parent has not collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def eventually(check, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.01)
    return False


def test_output_input_and_code_come_back() -> None:
    result = RUNNER.run(["sh", "-c", "cat; echo oops >&2; exit 3"], timeout=5, input="héllo", ok_codes=(0, 3))
    assert result == Result(stdout="héllo", stderr="oops\n", code=3)


def test_a_large_input_and_output_do_not_deadlock() -> None:
    text = "0123456789abcdef" * 65536
    assert RUNNER.run(["cat"], timeout=10, input=text).stdout == text


def test_input_that_nobody_reads_is_no_error() -> None:
    assert RUNNER.run(["true"], timeout=5, input="x" * 1_000_000).code == 0


def test_an_unexpected_code_is_internal_and_says_no_more_than_the_tool() -> None:
    with pytest.raises(CommandFailed) as caught:
        RUNNER.run(["sh", "-c", "echo /secret/path >&2; exit 7"], timeout=5)
    assert caught.value.message == "sh failed with code 7"  # S-071: the path stays in the log
    assert caught.value.result.stderr == "/secret/path\n"
    assert isinstance(caught.value, errors.Internal)


def test_a_missing_tool_is_internal() -> None:
    with pytest.raises(errors.Internal, match="no-such-tool could not be started"):
        RUNNER.run(["/nowhere/no-such-tool"], timeout=5)


def test_no_shell_ever_sees_the_arguments() -> None:
    assert RUNNER.run(["echo", "$(id); `id` | cat"], timeout=5).stdout == "$(id); `id` | cat\n"


def test_a_hanging_helper_is_killed_with_its_children_at_the_deadline(tmp_path: Path) -> None:
    """F-60."""
    pids = tmp_path / "pids"
    started = time.monotonic()
    with pytest.raises(errors.Timeout, match=r"sh did not end within 0\.5 s"):
        RUNNER.run(["sh", "-c", f"sleep 60 & echo $$ $! > {pids}; wait"], timeout=0.5)
    assert time.monotonic() - started < 3
    for pid in map(int, pids.read_text().split()):
        assert eventually(lambda pid=pid: gone(pid))


def test_a_stopped_helper_is_killed_too() -> None:
    """F-60: SIGSTOP does not save it."""
    with pytest.raises(errors.Timeout):
        RUNNER.run(["sh", "-c", "kill -STOP $$"], timeout=0.5)


def test_output_is_bounded() -> None:
    with pytest.raises(errors.Internal, match="yes wrote more than 100000 bytes"):
        RUNNER.run(["yes"], timeout=10, max_output=100_000)
    noisy = RUNNER.run(["sh", "-c", "head -c 1000000 /dev/zero >&2"], timeout=10)
    assert len(noisy.stderr) == 16384


def test_a_child_that_keeps_the_pipe_open_does_not_hold_the_caller(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    started = time.monotonic()
    result = RUNNER.run(["sh", "-c", f"setsid sleep 20 & echo $! > {pid_file}; echo done"], timeout=10)
    assert result.stdout == "done\n"
    assert time.monotonic() - started < 5
    RUNNER.run(["kill", pid_file.read_text().strip()], timeout=5)


def test_a_tick_that_raises_ends_the_process_at_once() -> None:
    """S-104: a delete does not wait for the conversion of a large image."""
    started = time.monotonic()
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        raise errors.Conflict("superseded")

    with pytest.raises(errors.Conflict):
        RUNNER.run(["sleep", "60"], timeout=60, tick=tick)
    assert time.monotonic() - started < 5 and ticks == [1]


def test_limits_are_in_force_in_the_child() -> None:
    """S-013."""
    limits = Limits(address_space=300 << 20, cpu_seconds=8, file_size=1 << 20)
    table = RUNNER.run(["cat", "/proc/self/limits"], timeout=5, limits=limits).stdout
    values = {line[:25].strip(): line[25:].split()[0] for line in table.splitlines()[1:]}
    assert values["Max address space"] == str(300 << 20)
    assert values["Max cpu time"] == "8"
    assert values["Max file size"] == str(1 << 20)


def test_the_environment_of_the_daemon_does_not_reach_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """S-123."""
    monkeypatch.setenv("IAAS_SECRET", "canary")
    assert set(RUNNER.run(["env"], timeout=5).stdout.split("\n")) >= {"LC_ALL=C"}
    assert "canary" not in RUNNER.run(["env"], timeout=5).stdout


def test_a_namespace_name_cannot_be_a_path() -> None:
    with pytest.raises(errors.Internal, match="bad network namespace name"):
        RUNNER.run(["true"], timeout=5, netns="../../proc/1/ns/net")


def test_a_spawned_child_runs_until_it_is_stopped(tmp_path: Path) -> None:
    child = RUNNER.spawn(["sh", "-c", "echo up; exec sleep 60"], output=tmp_path / "log")
    assert eventually(lambda: (tmp_path / "log").read_text() == "up\n")
    assert child.alive()
    child.stop()
    assert not child.alive()
    child.stop()


def test_a_spawned_child_that_ignores_sigterm_is_killed() -> None:
    child = RUNNER.spawn(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"])
    child.stop(grace=0.2)
    assert not child.alive()


def test_no_descriptor_is_left_behind() -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    RUNNER.run(["true"], timeout=5)
    before = count()
    for _ in range(20):
        RUNNER.run(["cat"], timeout=5, input="x")
    assert count() == before


def test_the_recorder_notes_and_answers() -> None:
    recorder = Recorder()
    recorder.answer(("ip",), code=1)
    recorder.answer(("ip", "-j"), stdout="[]")
    assert recorder.run(["ip", "-j", "link"], timeout=1).stdout == "[]"
    with pytest.raises(CommandFailed):
        recorder.run(["ip", "link"], timeout=1, netns="x")
    child = recorder.spawn(["dnsmasq"])
    assert child.alive()
    assert recorder.commands == [("ip", "-j", "link"), ("ip", "link"), ("dnsmasq",)]
    assert recorder.calls[1].netns == "x" and recorder.calls[2].spawned
