"""What is in the repository as a generated file is what the code generates today."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from iaas.api import rulebook
from iaas.api.policy import BASE, Policy
from iaas.cmd import manage
from iaas.config import loader, sections
from tests.architecture import generated

FILES = generated.files()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_generated_file_is_up_to_date(path: Path) -> None:
    assert path.exists(), "tools/regenerate.py writes it"
    assert path.read_text().splitlines() == FILES[path].splitlines(), "tools/regenerate.py"


@pytest.mark.parametrize(
    ("command", "file"), [("config sample", "etc/iaas.conf.sample"), ("policy show", "etc/policy.yaml.sample")]
)
def test_the_command_prints_the_sample(
    command: str, file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, monkeypatch) == 0
    assert capsys.readouterr().out == (generated.ROOT / file).read_text()


def test_the_rules_of_one_service_are_shown_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("policy show --service compute", monkeypatch) == 0
    shown = capsys.readouterr().out
    assert '# Scopes: project\n# "os_compute_api:servers:create": "rule:project_member_or_admin"' in shown
    assert "# POST /v2.1/servers/<id>/action os-start" in shown
    assert "identity:" not in shown


def test_what_the_operators_files_change_is_shown_with_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = policy_host(tmp_path, '"network:allocate_floating_ip": "role:admin"\n"get_image": "role:x"\n"typo": "@"\n')
    assert run(f"--config-file {config} policy show --changed", monkeypatch) == 0
    shown = capsys.readouterr().out
    assert '"create_floatingip": "role:admin"\n' in shown
    assert 'as network:allocate_floating_ip; default: "rule:project_member_or_admin")' in shown
    assert "no rule of this cloud" in shown.partition('"get_image": "role:x"')[2]
    assert yaml.safe_load(shown) == {"create_floatingip": "role:admin", "get_image": "role:x", "typo": "@"}
    (tmp_path / "policy.yaml").write_text("- a list")
    assert run(f"--config-file {config} policy show --changed", monkeypatch) not in (0, None)


@pytest.mark.parametrize(
    ("question", "allowed"),
    [
        ("--service network --rule create_floatingip --roles member,reader", False),
        ("--service network --rule create_floatingip --roles admin", True),
        ("--service network --rule create_network --roles member", True),
        ("--service network --rule create_network --roles member --foreign", False),
        ("--service network --rule create_network --roles admin --scope system", False),
        ("--service identity --rule identity:list_users --roles reader --scope system", True),
    ],
)
def test_what_a_caller_may_do_by_the_rules_in_force_can_be_asked(
    question: str, allowed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = policy_host(tmp_path, '"create_floatingip": "role:admin"\n')
    assert run(f"--config-file {config} policy check {question}", monkeypatch) == (0 if allowed else 1)
    assert capsys.readouterr().out == ("allowed\n" if allowed else "denied\n")


def test_everything_that_a_caller_may_do_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = policy_host(tmp_path, "{}")
    assert run(f"--config-file {config} policy check --service image --roles reader", monkeypatch) == 0
    listed = capsys.readouterr().out.split()
    assert "get_images" in listed
    assert "add_image" not in listed


def policy_host(directory: Path, policy: str) -> Path:
    """The configuration of a host with that policy file."""
    (directory / "policy.yaml").write_text(policy)
    config = directory / "iaas.conf"
    config.write_text(f"[auth]\npolicy_file = {directory}/policy.yaml\n")
    return config


def run(command: str, monkeypatch: pytest.MonkeyPatch) -> object:
    """``iaas-manage`` in this process; its exit status."""
    monkeypatch.setattr("sys.argv", ["iaas-manage", *command.split()])
    monkeypatch.setattr("iaas.log.setup", lambda *arguments: None)
    with pytest.raises(SystemExit) as ended:
        manage.main()
    return ended.value.code


def test_the_sample_of_the_configuration_with_its_defaults_switched_on_loads_and_changes_nothing(
    tmp_path: Path,
) -> None:
    lines = loader.sample(sections.ALL).splitlines()
    active = [line.removeprefix("# ") if " = " in line else line for line in lines]
    active = [line for line in active if not line.endswith(" = ")]  # an empty default can't be written down
    file = tmp_path / "iaas.conf"
    file.write_text("\n".join(active))
    loaded = loader.load(sections.ALL, [str(file)])
    for section in sections.ALL:
        assert loaded.section(section) == section()
    assert loader.unknown_keys(sections.ALL, [str(file)]) == []


def test_the_sample_of_the_policy_switched_on_is_a_policy_file_with_every_rule(tmp_path: Path) -> None:
    text = "\n".join(
        line.removeprefix("# ") if line.startswith('# "') else line
        for line in rulebook.sample(rulebook.SERVICES).splitlines()
    )
    found = yaml.safe_load(text)
    rules = {rule.name: rule.check for service in rulebook.SERVICES for rule in rulebook.rules_of(service)}
    assert found == {rule.name: rule.check for rule in BASE} | rules
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    assert Policy(rulebook.rules_of("compute"), str(file)).rules


def test_a_rule_has_one_default_whichever_service_registers_it() -> None:
    """All services read one policy file: an override must not mean two things."""
    defaults: dict[str, str] = {}
    for service in rulebook.SERVICES:
        for rule in rulebook.rules_of(service):
            assert defaults.setdefault(rule.name, rule.check) == rule.check, rule.name
