"""``credential``: the keys of stored credentials. ``rotate`` on one node, copy the keys to all, then ``migrate``."""

from __future__ import annotations

import argparse
from typing import Any

from iaas.config import sections
from iaas.config.loader import Loaded


def add(nouns: Any) -> None:
    verbs = nouns.add_parser("credential", help="keys of the stored credentials").add_subparsers(
        dest="verb", required=True
    )
    verbs.add_parser("rotate", help="promote the staged key, and stage a new one").set_defaults(run=rotate)
    verbs.add_parser("migrate", help="seal everything with the newest key; may be repeated").set_defaults(run=migrate)
    verbs.add_parser("left", help="how many credentials an older key still holds").set_defaults(run=left)


def rotate(config: Loaded, arguments: argparse.Namespace) -> None:
    _vault(config).rotate()
    print("rotated: copy the keys to every API node, then run iaas-manage credential migrate")


def migrate(config: Loaded, arguments: argparse.Namespace) -> None:
    print(f"sealed {sum(_vault(config).migrate())} credentials again")


def left(config: Loaded, arguments: argparse.Namespace) -> None:
    print(_vault(config).left())


def _vault(config: Loaded) -> Any:
    from iaas.db.engine import Database
    from iaas.identity.service import IdentityServices

    database = Database(config.section(sections.Database).connection)
    return IdentityServices.open(database, config.section(sections.Auth)).vault
