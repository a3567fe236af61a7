"""``token``: the keys that seal tokens. ``rotate`` on one node, then copy the keys to all the others."""

from __future__ import annotations

import argparse

from iaas.clock import SystemClock
from iaas.config import sections
from iaas.config.loader import Loaded
from iaas.identity.keys import KeyRing


def add(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    verbs = nouns.add_parser("token", help="keys of the tokens").add_subparsers(dest="verb", required=True)
    verbs.add_parser("keys", help="which keys there are, and what each is for").set_defaults(run=keys)
    rotator = verbs.add_parser("rotate", help="promote the staged key, stage a new one, remove the oldest")
    rotator.add_argument("--keep", type=int, default=3, metavar="N", help="keys to keep, the staged one among them")
    rotator.set_defaults(run=rotate)


def keys(config: Loaded, arguments: argparse.Namespace) -> None:
    for number, use in _ring(config).listed():
        print(f"{number}\t{use}")


def rotate(config: Loaded, arguments: argparse.Namespace) -> None:
    ring = _ring(config)
    ring.rotate(arguments.keep)
    print("rotated: copy the keys to every API node before the next rotation")


def _ring(config: Loaded) -> KeyRing:
    return KeyRing(config.section(sections.Auth).key_repository, SystemClock())
