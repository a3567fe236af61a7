"""Promises of the database engine that every service builds on."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from iaas.clock import ManualClock
from iaas.db import quotas
from iaas.db.engine import Database


def test_a_committed_row_is_seen_by_the_next_reader(database: Database) -> None:
    database.run(lambda tx: quotas.set_limits(tx, "p1", {"cores": 7}))
    with database.read() as tx:
        assert quotas.limits(tx, "p1", {"cores": 20, "ram": 1}) == {"cores": 7, "ram": 1}


def test_database_time_is_the_clock_that_the_test_moves(database: Database, clock: ManualClock) -> None:
    with database.read() as tx:
        before = tx.now()
    clock.advance(60)
    with database.read() as tx:
        assert tx.now() - before == timedelta(seconds=60)


def test_the_files_of_sqlite_are_not_for_everybody_whatever_the_umask(tmp_path: Path) -> None:
    """S-127: password hashes are in them."""
    before = os.umask(0o022)
    try:
        database = Database(f"sqlite:///{tmp_path}/iaas.sqlite")
        with database.transaction() as tx:
            tx.connection.exec_driver_sql("CREATE TABLE t (x INTEGER)")
        files = sorted(tmp_path.iterdir())
        assert [file.name for file in files] == ["iaas.sqlite", "iaas.sqlite-shm", "iaas.sqlite-wal"]
        assert [file.stat().st_mode & 0o007 for file in files] == [0, 0, 0]
        database.close()
    finally:
        os.umask(before)
