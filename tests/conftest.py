"""Fixtures for every test: a fresh database with all tables of all services.

``database`` is an SQLite file of its own per test, copied from a template that one process makes once.
"""

from __future__ import annotations

import gc
import importlib
import pkgutil
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import iaas.db.schema
from iaas.clock import ManualClock
from iaas.db.engine import Database
from iaas.db.network import addresses
from iaas.db.schema.metadata import metadata
from tests.integration.rabbit import rabbit  # noqa: F401  the fixture: one broker for the whole session
from tests.sqlite import open_sqlite

# Their asserts count under python -O, too (tests/api/test_optimized.py).
pytest.register_assert_rewrite("tests.api.matrix", "tests.api.identity.world")
# Few examples, the same each time, however slow the machine is.
settings.register_profile(
    "suite", max_examples=30, derandomize=True, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
settings.load_profile("suite")


def pytest_collection_finish() -> None:
    """What was collected stays: 400,000 objects that no look for garbage need go through again, a third of a second
    each time, in the middle of whatever some test measures."""
    gc.collect()
    gc.freeze()


def create_all(database: Database) -> None:
    """Makes the tables of every file in iaas/db/schema, as the migrations do in production."""
    for module in pkgutil.iter_modules(iaas.db.schema.__path__):
        importlib.import_module(f"iaas.db.schema.{module.name}")
    metadata.create_all(database.engine)


@pytest.fixture(autouse=True, scope="session")
def chosen_addresses() -> Iterator[None]:
    """Addresses that nobody named come from the third quarter of a subnet: no test names one there."""

    def choose(total: int) -> int:
        return total // 2 + secrets.randbelow(total // 4) if total > 100 else secrets.randbelow(total)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(addresses, "choose", choose)
        yield


@pytest.fixture(scope="session")
def database_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with empty tables; copy it, don't write to it."""
    path = tmp_path_factory.mktemp("database") / "template.sqlite"
    database = Database(f"sqlite:///{path}")
    create_all(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture
def clock() -> ManualClock:
    """The clock of the ``database`` fixture: it stands still until a test moves it."""
    return ManualClock()


@pytest.fixture
def database(tmp_path: Path, database_template: Path, clock: ManualClock) -> Iterator[Database]:
    """A fresh database in ``tmp_path``; its time is the ``clock`` fixture's."""
    path = tmp_path / "iaas.sqlite"
    shutil.copyfile(database_template, path)
    database = open_sqlite(path, clock)
    yield database
    database.close()
