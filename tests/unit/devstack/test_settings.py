"""What a stack is stays what it was made as."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from devstack.stack import settings
from devstack.stack.failure import Failure
from devstack.stack.settings import Ports, Secrets, Settings


def test_settings_survive_being_written_and_read(stack: Settings) -> None:
    assert settings.parse(settings.dump(stack)) == stack


def test_every_stack_has_its_own_secrets_and_no_two_are_equal() -> None:
    values = [*dataclasses.asdict(Secrets()).values(), *dataclasses.asdict(Secrets()).values()]
    assert len(set(values)) == len(values)
    assert all(len(value) >= 32 for value in values)


def test_secrets_do_not_show_when_settings_are_printed(stack: Settings) -> None:
    assert stack.secrets.admin_password not in repr(stack)


def test_a_second_run_takes_up_the_stack_of_the_first(tmp_path: Path) -> None:
    first = settings.obtain(tmp_path / "state", "postgresql", None)
    assert settings.obtain(tmp_path / "state", None, None) == first
    assert first.database == "postgresql"
    assert (tmp_path / "state" / "settings.json").stat().st_mode & 0o777 == 0o600


def test_another_database_or_other_ports_are_refused_for_a_stack_that_exists(tmp_path: Path) -> None:
    settings.obtain(tmp_path / "state", None, None)
    with pytest.raises(Failure, match="runs on sqlite: devstack/down"):
        settings.obtain(tmp_path / "state", "postgresql", None)
    with pytest.raises(Failure, match="has other ports"):
        settings.obtain(tmp_path / "state", None, 21000)


def test_a_stack_of_another_checkout_is_left_alone(tmp_path: Path, stack: Settings) -> None:
    state = tmp_path / "state"
    state.mkdir()
    foreign = dataclasses.replace(stack, root=tmp_path / "elsewhere")
    (state / "settings.json").write_text(settings.dump(foreign))
    with pytest.raises(Failure, match="belongs to the checkout"):
        settings.obtain(state, None, None)


def test_unreadable_settings_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(Failure) as caught:
        settings.find(tmp_path)
    assert caught.value.line().endswith(f"read {tmp_path}/settings.json")


def test_only_a_second_stack_lives_in_a_namespace_and_keeps_its_files_to_itself(stack: Settings) -> None:
    machine = settings.make(settings.DEFAULT_STATE, None, None)
    assert (machine.netns, machine.home) == ("", settings.ROOT)
    assert machine.openrc == settings.ROOT / "devstack" / "openrc"
    assert stack.netns.startswith("iaas-")
    assert {stack.home, stack.config.parent, stack.openrc.parent} == {stack.state}


def test_ports_from_a_base_are_distinct_and_in_range() -> None:
    ports = list(dataclasses.asdict(Ports.from_base(21000)).values())
    assert ports == list(range(21000, 21000 + len(ports)))
    with pytest.raises(Failure, match="not between"):
        Ports.from_base(80)
