"""The configuration files: complete, private, and never written over somebody else's."""

from __future__ import annotations

import dataclasses
import subprocess

import pytest
import yaml

from devstack.stack import config, settings
from devstack.stack.failure import Failure
from devstack.stack.settings import Settings
from iaas.config import sections
from iaas.config.loader import load, unknown_keys


@pytest.mark.parametrize("database", settings.DATABASES)
def test_the_daemons_can_read_iaas_conf_and_know_every_option_in_it(stack: Settings, database: str) -> None:
    stack = dataclasses.replace(stack, database=database)
    config.write(stack)
    files = [str(stack.config)]
    assert unknown_keys(sections.ALL, files) == []
    loaded = load(sections.ALL, files)
    assert loaded.section(sections.Database).connection == config.database_url(stack)
    assert loaded.section(sections.Bus).urls == (config.broker_url(stack),)
    assert loaded.section(sections.Auth).metadata_secret == stack.secrets.metadata_secret
    assert loaded.section(sections.Compute).libvirt_uri == stack.libvirt_uri


def test_no_option_points_outside_the_state_directory(stack: Settings) -> None:
    for section, options in config.sections(stack).items():
        for key, value in options.items():
            if value.startswith("/"):
                assert value.startswith(f"{stack.state}/"), f"{section}.{key}"


def test_every_api_listens_on_loopback_and_on_a_port_of_its_own(stack: Settings) -> None:
    listens = config.sections(stack)["api"].values()
    assert len(set(listens)) == len(listens) == 6
    assert all(value.startswith("127.0.0.1:") for value in listens)


def test_files_with_passwords_are_private_and_a_second_write_changes_nothing(stack: Settings) -> None:
    assert config.write(stack) is True
    before = [(path.stat().st_mode & 0o777, path.stat().st_mtime_ns) for path in config.paths(stack)]
    assert [mode for mode, _ in before] == [0o600] * 3
    assert config.write(stack) is False
    assert [(path.stat().st_mode & 0o777, path.stat().st_mtime_ns) for path in config.paths(stack)] == before


def test_what_an_operator_wants_otherwise_is_kept_by_every_run(stack: Settings) -> None:
    config.write(stack)
    stack.wishes.write_text("[image]\ndirectory = /elsewhere\n[security_compliance]\nlockout_failure_attempts = 7\n")
    assert config.write(stack) is True  # so that the daemons start again
    files = [str(stack.config)]
    assert unknown_keys(sections.ALL, files) == []
    loaded = load(sections.ALL, files)
    assert loaded.section(sections.Image).directory == "/elsewhere"
    assert loaded.section(sections.Auth).key_repository == f"{stack.state}/keys"
    assert config.write(stack) is False
    config.remove(stack)
    assert stack.wishes.exists()
    assert not stack.wishes.is_relative_to(stack.state)  # which devstack/down removes


def test_a_clouds_yaml_of_somebody_else_is_not_overwritten(stack: Settings) -> None:
    stack.home.mkdir()
    (stack.home / "clouds.yaml").write_text("clouds: {mine: {}}\n")
    with pytest.raises(Failure, match="move it away"):
        config.write(stack)
    assert (stack.home / "clouds.yaml").read_text() == "clouds: {mine: {}}\n"


def test_clouds_yaml_has_an_administrator_and_a_user_with_their_own_passwords(stack: Settings) -> None:
    clouds = yaml.safe_load(config.clouds_yaml(stack))["clouds"]
    assert clouds["devstack"]["auth"]["username"] == "admin"
    assert clouds["demo"]["auth"]["password"] == stack.secrets.demo_password
    assert clouds["devstack"]["auth"]["password"] == stack.secrets.admin_password


def test_openrc_sets_the_administrators_variables_in_a_shell(stack: Settings) -> None:
    config.write(stack)
    command = f". {stack.openrc} && env"
    said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=10).stdout
    variables = dict(line.split("=", 1) for line in said.splitlines() if line.startswith("OS_"))
    assert variables["OS_USERNAME"] == "admin"
    assert variables["OS_PASSWORD"] == stack.secrets.admin_password
    assert variables["OS_AUTH_URL"] == "http://127.0.0.1:5000/v3"
