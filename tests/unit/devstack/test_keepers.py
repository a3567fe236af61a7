"""What the supervisor and systemd are told: every program, to be kept running, with bounded logs."""

from __future__ import annotations

import configparser
import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from devstack.stack import files, settings, supervisor, systemd
from devstack.stack.programs import DAEMONS, SUPERVISED, programs
from devstack.stack.settings import Settings


def _parsed(stack: Settings) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(supervisor.render(stack))
    return parser


def test_supervisord_accepts_its_configuration_and_knows_every_program(stack: Settings) -> None:
    files.folder(stack.logs)
    files.folder(stack.state / "run")
    files.write(supervisor.conf_path(stack), supervisor.render(stack))
    options = ServerOptions()
    options.realize(["-n", "-c", str(supervisor.conf_path(stack))])
    found = {process.name for group in options.process_group_configs for process in group.process_configs}
    assert found == {program.name for program in programs(stack)}


def test_every_program_is_restarted_for_ever_and_its_log_is_bounded(stack: Settings) -> None:
    parsed = _parsed(stack)
    for program in programs(stack):
        section = parsed[f"program:{program.name}"]
        assert section["autorestart"] == "true"
        assert int(section["startretries"]) >= 1000
        assert section["stdout_logfile_maxbytes"] == "10MB"
        assert section["stdout_logfile"].startswith(f"{stack.logs}/")


def test_the_clouds_daemons_wait_for_devstack_and_the_base_does_not(stack: Settings) -> None:
    parsed = _parsed(stack)
    starts = {program.name: parsed[f"program:{program.name}"]["autostart"] for program in programs(stack)}
    assert {name for name, value in starts.items() if value == "false"} == set(DAEMONS)
    assert parsed[f"group:{SUPERVISED}"]["programs"].split(",") == list(DAEMONS)


def test_postgresql_is_kept_only_where_it_was_asked_for_and_not_as_root(stack: Settings) -> None:
    assert "program:postgresql" not in _parsed(stack)
    section = _parsed(dataclasses.replace(stack, database="postgresql"))["program:postgresql"]
    assert section["user"] == "postgres"


def test_no_command_line_carries_a_secret(stack: Settings) -> None:
    secrets = dataclasses.asdict(stack.secrets).values()
    for program in programs(dataclasses.replace(stack, database="postgresql")):
        words = [*program.command, *program.environment.values()]
        assert not any(secret in word for word in words for secret in secrets), program.name


def test_systemd_runs_each_daemon_of_the_checkout_with_the_stacks_configuration(stack: Settings) -> None:
    for program in programs(stack):
        if program.group == SUPERVISED:
            text = systemd.drop_in(stack, program)
            assert systemd.unit(program) == f"iaas@{program.name}.service"
            # the first, empty one takes back what the shipped unit says
            assert [line for line in text.splitlines() if line.startswith("ExecStart")] == [
                "ExecStart=", f"ExecStart={stack.bin}/iaas-{program.name} --config-file {stack.config}"]  # fmt: skip
        else:
            assert "Restart=always" in systemd.base_unit(stack, program)


def test_the_shipped_unit_restarts_a_daemon_for_ever_and_confines_it() -> None:
    unit = (settings.ROOT / "etc/systemd/iaas@.service").read_text().splitlines()
    assert {"Restart=always", "StartLimitIntervalSec=0", "NoNewPrivileges=yes", "ProtectSystem=strict"} <= set(unit)
    assert "ExecStart=/usr/bin/iaas-%i --config-file /etc/iaas/iaas.conf $OPTIONS" in unit


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd's own checker")
@pytest.mark.parametrize("daemon", sorted(DAEMONS))
def test_systemd_finds_nothing_wrong_with_the_shipped_units(daemon: str, tmp_path: Path) -> None:
    for path in (settings.ROOT / "etc/systemd").rglob("*"):
        if path.is_file() and path.suffix != ".md":
            copy = tmp_path / path.relative_to(settings.ROOT / "etc/systemd")
            files.write(copy, path.read_text().replace("/usr/bin/iaas-%i", "/bin/true"), 0o644)
    unit = tmp_path / f"iaas@{daemon}.service"
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=one", str(unit)],
        capture_output=True, text=True, timeout=30, env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_writing_a_file_again_leaves_it_alone_but_for_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a" / "file"
    assert files.write(path, "text") is True
    before = path.stat().st_mtime_ns
    path.chmod(0o644)
    assert files.write(path, "text") is False
    assert (path.stat().st_mtime_ns, path.stat().st_mode & 0o777) == (before, 0o600)
