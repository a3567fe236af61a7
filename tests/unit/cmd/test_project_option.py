"""A-106: ``--project`` of iaas-manage in the spellings that command lines have had for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from iaas.cmd import manage
from iaas.cmd.project_option import SPELLINGS
from iaas.db.engine import Database
from iaas.db.identity.nouns import DOMAINS, PROJECTS
from iaas.ids import new_hex
from iaas.model.project import Domain, Project

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    config = tmp_path / "iaas.conf"
    config.write_text(f"[database]\nconnection = {database.engine.url}\n")

    def command(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["iaas-manage", "--config-file", str(config), *words])
        with pytest.raises(SystemExit) as end:
            manage.main()
        return int(end.value.code or 0), "".join(capsys.readouterr())

    return command


def test_a_project_is_a_tenant_too(run: Run, database: Database) -> None:
    assert {"--project", "--tenant-id", "--tenant_id"} <= set(SPELLINGS)
    project = new_hex()
    row = Project(id=project, domain_id="d", parent_id="d", name="p")
    database.run(lambda tx: (DOMAINS.create(tx, Domain(id="d", name="d")), PROJECTS.create(tx, row)))
    code, said = run("image", "quota", project, "--bytes", "7")
    assert code == 0
    for spelling in SPELLINGS:
        assert run("image", "quota", spelling, project) == (0, said)
        assert run("network", "draw", spelling, "nobodys")[1].startswith("iaas-manage: there is no one project"), (
            spelling
        )


@pytest.mark.parametrize("words", [(), ("p", "--tenant_id", "p")], ids=["none", "two"])
def test_a_quota_is_of_one_project(run: Run, words: tuple[str, ...]) -> None:
    assert run("image", "quota", *words)[0] == 2
