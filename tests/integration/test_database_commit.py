"""A connection that breaks at COMMIT: the database is asked how the transaction ended, so that nothing is done twice
and nothing that was done is called a failure (F-45)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from iaas.db import migrate, quotas
from iaas.db.engine import Database, Tx
from iaas.db.schema.image import images
from iaas.errors import Invalid, Unavailable
from tests.integration.postgresql import Postgres


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> str:
    url = postgres.create(f"commit_{uuid4().hex}")
    migrate.upgrade(Database(url))
    return url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


def cut(database: Database, before: Callable[[Any], None]) -> None:
    """At the next COMMIT, ``before`` is done with psycopg's connection, and then it breaks."""

    pending = [before]

    def committing(connection: sa.Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        while pending:
            pending.pop()(raw)
            raw.close()

    event.listen(database.engine, "commit", committing)


def spend(database: Database, project: str) -> list[str]:
    """Counts one more; gives what ran after the commit."""
    rung: list[str] = []

    def write(tx: Tx) -> None:
        quotas.take(tx, project, {"cores": 1}, {"cores": 10})
        tx.after_commit(lambda: rung.append("doorbell"))

    database.run(write)
    return rung


def spent(database: Database, project: str) -> int:
    with database.read() as tx:
        return quotas.usage(tx, project).get("cores", 0)


def test_a_commit_whose_answer_is_lost_is_not_repeated(database: Database) -> None:
    project = uuid4().hex
    cut(database, lambda raw: raw.commit())
    assert spend(database, project) == ["doorbell"]
    assert spent(database, project) == 1


def test_a_commit_that_never_arrived_is_repeated(database: Database) -> None:
    project = uuid4().hex
    cut(database, lambda raw: None)
    assert spend(database, project) == ["doorbell"]
    assert spent(database, project) == 1


def test_a_commit_whose_fate_nobody_tells_is_a_failure_and_is_not_repeated(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = uuid4().hex
    monkeypatch.setattr(Database, "PATIENCE_S", 0.2)

    def refuse() -> sa.Connection:
        raise sa.exc.OperationalError("connect", {}, Exception("down"))

    def commit(raw: Any) -> None:
        raw.commit()
        monkeypatch.setattr(database.engine, "connect", refuse)

    cut(database, commit)
    with pytest.raises(Unavailable):
        spend(database, project)
    monkeypatch.undo()
    assert spent(database, project) == 1


def test_a_transaction_that_a_crash_of_the_database_forgot_was_not_committed(database: Database) -> None:
    """PostgreSQL calls a number that it has no memory of an error, "in the future": seen after a crash (F-39)."""
    assert database._has_committed(str(2**40)) is False


@pytest.mark.parametrize("value", [10**12, "a\x00b"], ids=["too large", "nul"])
def test_a_value_that_no_column_can_hold_is_the_callers_fault_and_none_of_the_server(
    database: Database, value: int | str
) -> None:
    column: sa.ColumnElement[Any] = images.c.name if isinstance(value, str) else images.c.min_ram
    with pytest.raises(Invalid, match="nothing that can be stored"), database.read() as tx:
        tx.first(sa.select(images.c.id).where(column == value))
    with pytest.raises(Invalid):
        database.run(lambda tx: tx.update(images, images.c.id == "x", {column.name: value}))
    assert database.now()  # the connection is as good as before
