"""Promises of the database engine that every service builds on."""

from __future__ import annotations

from datetime import timedelta

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
