"""Many writers on one SQLite file, in several processes' worth of connections: each waits for its turn, and nobody is
told that the database is locked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from iaas.db import quotas
from iaas.db.engine import Database
from iaas.errors import QuotaExceeded

WRITERS, EACH = 12, 20


def test_writers_of_three_daemons_all_get_their_turn(database: Database, tmp_path: Path) -> None:
    daemons = [database, *(Database(f"sqlite:///{tmp_path}/iaas.sqlite") for _ in range(2))]

    def write(number: int) -> None:
        for _ in range(EACH):
            daemons[number % 3].run(lambda tx: quotas.count(tx, "p", {"cores": 1}))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    with database.read() as tx:
        assert quotas.usage(tx, "p") == {"cores": WRITERS * EACH}
    for other in daemons[1:]:
        other.close()


def test_writers_that_race_for_a_quota_take_exactly_the_quota(database: Database) -> None:
    """F-80."""

    def take(_: int) -> bool:
        try:
            database.run(lambda tx: quotas.take(tx, "p", {"cores": 1}, {"cores": 5}))
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        assert sum(pool.map(take, range(40))) == 5
    with database.read() as tx:
        assert quotas.usage(tx, "p") == {"cores": 5}


def test_a_reader_sees_one_moment_and_never_waits_for_a_writer(database: Database) -> None:
    database.run(lambda tx: quotas.count(tx, "p", {"cores": 1, "ram": 1}))
    with database.transaction() as writing:
        quotas.count(writing, "p", {"cores": 1, "ram": 1})
        with database.read() as reading:
            assert quotas.usage(reading, "p") == {"cores": 1, "ram": 1}
    with database.read() as reading:
        assert quotas.usage(reading, "p") == {"cores": 2, "ram": 2}
