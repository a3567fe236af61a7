"""The migrations make what the tables in code say, on both engines; upgrading is repeatable, also from two nodes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from iaas.db import migrate
from iaas.db.engine import Database
from iaas.db.identity.access import standing
from iaas.db.schema import everything
from iaas.model.token import Scope, ScopeKind

MANAGE = Path(sys.executable).parent / "iaas-manage"
NewUrl = Callable[[], str]


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> NewUrl:
    """Makes an empty database at each call, and gives its URL."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path}/{uuid4().hex}.sqlite"
    postgres = request.getfixturevalue("postgres")
    return lambda: str(postgres.create(f"schema_{uuid4().hex}"))


def differences(database: Database) -> list[object]:
    with database.read() as tx:
        context = MigrationContext.configure(tx.connection, opts={"compare_type": True})
        return list(compare_metadata(context, everything.metadata))


def test_the_migrations_make_the_tables_that_the_code_knows(new_url: NewUrl) -> None:
    database = Database(new_url())
    before, after = migrate.upgrade(database)
    assert before is None
    assert differences(database) == []
    assert migrate.versions(database) == (after, after)


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(new_url: NewUrl) -> None:
    database = Database(new_url())
    _, first = migrate.upgrade(database)
    assert migrate.upgrade(database) == (first, first)
    assert differences(database) == []


def test_an_upgrade_that_fails_half_way_leaves_nothing_and_can_be_repeated(
    new_url: NewUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F-91."""
    database = Database(new_url())

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MigrationContext, "get_current_revision", _first_then(die))
        with pytest.raises(KeyboardInterrupt):
            migrate.upgrade(database)
    assert migrate.versions(database)[0] is None
    migrate.upgrade(database)
    assert differences(database) == []


def _first_then(then: Callable[..., None]) -> Callable[[MigrationContext], str | None]:
    """Answers the first question as the real one does; at the second, all tables are made, it does ``then``."""
    real, asked = MigrationContext.get_current_revision, []

    def ask(self: MigrationContext) -> str | None:
        asked.append(self)
        if len(asked) > 1:
            then()
        return real(self)

    return ask


def test_nodes_that_upgrade_at_once_do_it_once(new_url: NewUrl, tmp_path: Path) -> None:
    url, config = new_url(), tmp_path / "iaas.conf"
    config.write_text(f"[database]\nconnection = {url}\n")
    argv = [str(MANAGE), "--config-file", str(config), "db", "upgrade"]
    racers = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    said = [racer.communicate(timeout=60)[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0], said
    assert sorted("from nothing" in words for words in said) == [False, True], said
    assert differences(Database(url)) == []


def test_an_upgrade_of_a_released_cloud_keeps_who_has_which_role(new_url: NewUrl) -> None:
    """SQLite changes a table by making it anew; what refers to it must not go with the old one."""
    database = Database(new_url())
    with database.transaction() as tx:
        command.upgrade(migrate._config(tx.connection), "0002")
        for table, values in (
            ("identity_domains (id, name, enabled, extra)", "('d', 'd', true, '{}')"),
            ("identity_users (id, domain_id, name, enabled, extra)", "('u', 'd', 'u', true, '{}')"),
            ("identity_roles (id, name, extra)", "('a', 'a', '{}'), ('b', 'b', '{}')"),
            ("identity_role_inferences (prior_id, implied_id)", "('a', 'b')"),
            ("identity_assignments (actor_type, actor_id, target_type, target_id, role_id)",
             "('user', 'u', 'domain', 'd', 'a')"),
        ):  # fmt: skip
            tx.execute(sa.text(f"INSERT INTO {table} VALUES {values}"))
    migrate.upgrade(database)
    with database.read() as tx:
        found = standing(tx, "u", Scope(kind=ScopeKind.DOMAIN, id="d"))
    assert found is not None
    assert [role.name for role in found.roles] == ["a", "b"]
