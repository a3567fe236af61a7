"""``queue dead``: messages that nobody could handle."""

from __future__ import annotations

import argparse
from typing import Any

from iaas.config import sections
from iaas.config.loader import Loaded


def add(nouns: Any) -> None:
    verbs = nouns.add_parser("queue", help="the message broker").add_subparsers(dest="verb", required=True)
    verbs.add_parser("dead", help="messages that nobody could handle").set_defaults(run=dead)


def dead(config: Loaded, arguments: argparse.Namespace) -> int:
    from iaas.bus.factory import connect
    from iaas.log import mask

    letters = connect(config.section(sections.Bus)).dead_letters(100)
    for letter in letters:
        print(f"{letter.queue}: {letter.reason}: {mask(letter.body.decode(errors='replace'))[:500]}")
    return 1 if letters else 0
