"""``db upgrade`` and ``db version``: the schema."""

from __future__ import annotations

import argparse
from typing import Any

from iaas.config import sections
from iaas.config.loader import Loaded


def add(nouns: Any) -> None:
    verbs = nouns.add_parser("db", help="the database schema").add_subparsers(dest="verb", required=True)
    verbs.add_parser("upgrade", help="bring the schema to this release").set_defaults(run=upgrade)
    verbs.add_parser("version", help="revision of the database, and of this release").set_defaults(run=version)
    revise = verbs.add_parser("revise", help="write a migration from the tables in code (developers)")
    revise.add_argument("message")
    revise.set_defaults(run=revision)


def _database(config: Loaded) -> Any:
    from iaas.db.engine import Database

    return Database(config.section(sections.Database).connection)


def upgrade(config: Loaded, arguments: argparse.Namespace) -> None:
    from iaas.db import migrate

    before, after = migrate.upgrade(_database(config))
    print(f"schema is at {after}" if before == after else f"schema went from {before or 'nothing'} to {after}")


def version(config: Loaded, arguments: argparse.Namespace) -> int:
    from iaas.db import migrate

    current, newest = migrate.versions(_database(config))
    print(f"database {current}, release {newest}")
    return 0 if current == newest else 1


def revision(config: Loaded, arguments: argparse.Namespace) -> None:
    from iaas.db import migrate

    migrate.revise(_database(config), arguments.message)
