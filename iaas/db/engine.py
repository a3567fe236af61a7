"""Transactions: the one way into the database. SQLite (WAL, writers begin IMMEDIATE) and PostgreSQL.

    with database.read() as tx: …            a consistent look, never waits for writers on SQLite
    with database.transaction() as tx: …     one try
    database.run(lambda tx: …)               a closure, repeated on deadlock, lock or lost connection (C-17)

A closure has no outside effect; what must follow the commit (a doorbell) goes to ``tx.after_commit``. No
transaction spans an RPC or a process.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import CursorResult, make_url

from iaas.clock import Clock, SystemClock
from iaas.errors import Conflict, Error, Invalid, Unavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

TRIES = 8
# serialization failure, deadlock, lock not available, admin shutdown, cannot connect now
_RETRY_STATES = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03"}


class Tx:
    """One transaction. ``now()`` is database time, the only clock of leases (C-09)."""

    def __init__(self, connection: sa.Connection, clock: Clock, writes: bool) -> None:
        self.connection = connection
        self.sqlite = connection.dialect.name == "sqlite"
        self.writes = writes
        self._clock = clock
        self._now: datetime | None = None
        self.number: str | None = None  # PostgreSQL's, by which it can be asked whether the transaction committed
        self.hooks: list[Callable[[], None]] = []

    def execute(self, statement: sa.Executable, parameters: Any = None) -> CursorResult[Any]:
        return self.connection.execute(statement, parameters)

    def first(self, statement: sa.Executable) -> sa.Row[Any] | None:
        return self.connection.execute(statement).first()

    def all(self, statement: sa.Executable) -> list[sa.Row[Any]]:
        return list(self.connection.execute(statement))

    def scalar(self, statement: sa.Executable) -> Any:
        return self.connection.execute(statement).scalar()

    def insert(self, table: sa.Table, values: Mapping[str, Any], conflict: Error | None = None) -> None:
        """Inserts a row; a uniqueness violation raises ``conflict`` (default: Conflict) and ends the transaction."""
        try:
            self.connection.execute(table.insert().values(**values))
        except exc.IntegrityError as error:
            raise conflict or Conflict(f"A {table.name} row like this already exists.", table=table.name) from error

    def update(self, table: sa.Table, where: sa.ColumnElement[bool], values: Mapping[str, Any]) -> int:
        """Compare-and-swap: updates what matches and says how many rows did (C-07); 0 means somebody was faster."""
        return self.connection.execute(table.update().where(where).values(**values)).rowcount

    def delete(self, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
        return self.connection.execute(table.delete().where(where)).rowcount

    def now(self) -> datetime:
        """Database time. SQLite has no clock of its own: its host's is the database's."""
        if self._now is None:
            if self.sqlite:
                self._now = self._clock.now()
            elif self.writes:
                self._now = self._begin()
            else:
                self._now = self.connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return self._now.astimezone(UTC)

    def _begin(self) -> datetime:
        """Database time and the transaction's number, in one question."""
        number = sa.cast(sa.func.pg_current_xact_id(), sa.Text)
        now, self.number = self.connection.execute(sa.select(sa.func.clock_timestamp(), number)).one()
        moment: datetime = now
        return moment

    def end(self) -> None:
        """Makes sure that the transaction can be asked for after its end."""
        if not self.sqlite and self.number is None:
            self._begin()

    def after_commit(self, hook: Callable[[], None]) -> None:
        """Runs ``hook`` once the transaction is durable; its failure is logged, never the caller's (C-03)."""
        self.hooks.append(hook)


class Database:
    PATIENCE_S = 10.0  # how long a database that went away at COMMIT is waited for, to hear how it ended

    def __init__(self, url: str, pool_size: int = 8, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        parsed = make_url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"json_deserializer": msgspec.json.decode}
        options |= {"pool_size": pool_size, "max_overflow": 8, "pool_timeout": 20}
        if self.sqlite:
            options |= {"connect_args": {"timeout": 30, "check_same_thread": False}}
            options |= {"poolclass": sa.pool.QueuePool}
        else:
            options |= {"pool_pre_ping": True, "connect_args": {"connect_timeout": 5}}
        self.engine = sa.create_engine(parsed, **options)
        self._gate = threading.Lock()
        if self.sqlite:
            _configure_sqlite(self.engine)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A read-only look. Raises Unavailable when the database can't be reached."""
        with _translated(), self.engine.connect() as connection:
            yield Tx(connection, self.clock, writes=False)

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """One try at a write. Commits at the end of the block, then runs the after-commit hooks."""
        with _translated():
            connection = self.engine.connect().execution_options(iaas_write=True)
            with connection:
                tx = Tx(connection, self.clock, writes=True)
                # One writer a process waits here in turn, and not in SQLite's sleeping retries.
                with self._gate if self.sqlite else _no_gate(), connection.begin() as transaction:
                    yield tx
                    tx.end()
                    self._commit(tx, transaction)
        _run_hooks(tx)

    def _commit(self, tx: Tx, transaction: sa.RootTransaction) -> None:
        try:
            transaction.commit()
        except exc.DBAPIError as error:
            # The connection broke between COMMIT and its answer: only the database knows how it ended (F-45).
            if tx.number is None or not error.connection_invalidated or not self._has_committed(tx.number):
                raise

    def _has_committed(self, number: str) -> bool:
        """Raises Unavailable when the database does not say within PATIENCE_S."""
        question = sa.text("SELECT pg_xact_status(CAST(:number AS xid8))").bindparams(number=number)
        end = time.monotonic() + self.PATIENCE_S
        while time.monotonic() < end:
            with suppress(exc.OperationalError), self.engine.connect() as connection:
                try:
                    status = connection.execute(question).scalar()
                except exc.DataError:  # "in the future": the crash took all that was known of it, so it is not there
                    status = "unknown"
                if status != "in progress":
                    log.warning("the connection broke at COMMIT; transaction %s is %s", number, status)
                    return bool(status == "committed")
            threading.Event().wait(0.1)
        raise Unavailable("The database went away and does not say whether it took the change.")

    def run(self, function: Callable[[Tx], T]) -> T:
        """Runs the closure in a transaction, again with jittered delays when the database says: try again."""
        for attempt in range(TRIES):
            try:
                with self.transaction() as tx:
                    return function(tx)
            except TryAgain as error:
                if attempt == TRIES - 1:
                    raise Unavailable("The database is busy.") from error
                threading.Event().wait(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    def now(self) -> datetime:
        """Database time outside of a transaction; on SQLite without a look at the file."""
        if self.sqlite:
            return self.clock.now()
        with self.read() as tx:
            return tx.now()

    def close(self) -> None:
        self.engine.dispose()


class TryAgain(Unavailable):
    """A transient failure of a whole transaction: ``run`` repeats it, others see it as Unavailable."""


@contextmanager
def _no_gate() -> Iterator[None]:
    yield


def _run_hooks(tx: Tx) -> None:
    for hook in tx.hooks:
        try:
            hook()
        except Error as error:  # a doorbell that did not ring: the sweeper makes up for it
            log.info("after commit: %s", error.message)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except exc.IntegrityError as error:
        raise Conflict("The change collides with another one.") from error
    except exc.DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if error.connection_invalidated or state in _RETRY_STATES or "is locked" in str(error.orig):
            raise TryAgain("The database is busy.") from error
        if isinstance(error, exc.OperationalError):
            raise TryAgain("The database can't be reached.") from error
        if isinstance(error, exc.DataError):  # what a client asked for, on PostgreSQL: SQLite takes any value
            log.warning("the database can't hold a value: %s", error.orig)
            raise Invalid("A value is too large, too long, or nothing that can be stored.") from error
        raise
    except exc.TimeoutError as error:
        raise Unavailable("No database connection is free.") from error


def _configure_sqlite(engine: sa.Engine) -> None:
    @event.listens_for(engine, "do_connect")
    def make(_dialect: Any, _record: Any, arguments: Any, _options: Any) -> None:
        """Hashes and sealed secrets are in the file, and in the log beside it, whose mode SQLite takes from it."""
        path = Path(arguments[0])
        if path.is_absolute():  # else in memory
            with suppress(OSError):  # SQLite says it better
                path.touch(mode=0o640)

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # an accepted request survives a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA busy_timeout=30000")
        cursor.execute("PRAGMA cache_size=-512")  # KiB a connection; the rest is in the kernel's cache, once for all
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("iaas_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
