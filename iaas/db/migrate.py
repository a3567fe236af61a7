"""The schema's version: upgraded under a lock, one linear history, expand first and contract a release later."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from iaas.db.engine import Database

LOCK = 0x1AA5  # PostgreSQL advisory lock: two nodes may run the upgrade at once


def _config(connection: sa.Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database) -> tuple[str | None, str]:
    """Brings the schema to the newest revision; gives (revision before, revision now). Resumable: each run starts
    from the revision that is recorded, and a revision is recorded in the transaction that made it."""
    with database.transaction() as tx:
        connection = tx.connection
        if not tx.sqlite:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        before = MigrationContext.configure(connection).get_current_revision()
        command.upgrade(_config(connection), "head")
        after = MigrationContext.configure(connection).get_current_revision()
    return before, after or ""


def versions(database: Database) -> tuple[str | None, str]:
    """(revision of the database, newest revision of the code)."""
    with database.read() as tx:
        current = MigrationContext.configure(tx.connection).get_current_revision()
    return current, ScriptDirectory.from_config(_config(None)).get_current_head() or ""


def revise(database: Database, message: str) -> None:
    """Writes a new migration from the difference between the tables in code and the database (developers)."""
    with database.transaction() as tx:
        command.revision(_config(tx.connection), message, autogenerate=True)
