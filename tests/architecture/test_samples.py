"""What is in the repository as a generated file is what the code generates today."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from iaas.api.policy import BASE, Policy
from iaas.cmd import manage
from iaas.cmd.commands import policy
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
    assert '# "os_compute_api:servers:create": "rule:project_member_or_admin"' in shown
    assert "# POST /v2.1/servers/<id>/action os-start" in shown
    assert "identity:" not in shown


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
        for line in policy.sample(policy.SERVICES).splitlines()
    )
    found = yaml.safe_load(text)
    rules = {rule.name: rule.check for service in policy.SERVICES for rule in policy.rules_of(service)}
    assert found == {rule.name: rule.check for rule in BASE} | rules
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    assert Policy(policy.rules_of("compute"), str(file)).rules


def test_a_rule_has_one_default_whichever_service_registers_it() -> None:
    """All services read one policy file: an override must not mean two things."""
    defaults: dict[str, str] = {}
    for service in policy.SERVICES:
        for rule in policy.rules_of(service):
            assert defaults.setdefault(rule.name, rule.check) == rule.check, rule.name
