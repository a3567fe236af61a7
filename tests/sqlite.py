"""SQLite databases of single tests, made cheap in two ways.

They share what SQLAlchemy has compiled: every test has an engine of its own, and without this each would put the same
few hundred statements into SQL anew, which costs more than running them. And they don't wait for the disk: no test
cuts the machine's power.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from iaas.clock import Clock
from iaas.db.engine import Database


class SharedDialect(SQLiteDialect_pysqlite):
    """Compiled statements are kept by dialect: all of these are the same one."""

    driver = "shared"
    supports_statement_cache = True

    def __hash__(self) -> int:
        return hash(SharedDialect)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SharedDialect)


registry.register("sqlite.shared", __name__, "SharedDialect")
_COMPILED: dict[Any, Any] = {}


def open_sqlite(path: Path, clock: Clock | None = None) -> Database:
    """A database in this file, for one test."""
    database = Database(f"sqlite+shared:///{path}", clock=clock)
    database.engine.update_execution_options(compiled_cache=_COMPILED)
    event.listen(database.engine, "connect", _unsynced)
    return database


def _unsynced(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")
