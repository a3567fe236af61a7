"""``config check`` and ``config sample``: the one configuration file."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from iaas.config import loader, sections
from iaas.config.loader import Loaded


def add(nouns: Any) -> None:
    verbs = nouns.add_parser("config", help="the configuration file").add_subparsers(dest="verb", required=True)
    verbs.add_parser("check", help="unknown keys are errors").set_defaults(run=check)
    verbs.add_parser("sample", help="every option with its default").set_defaults(run=sample)


def check(config: Loaded, arguments: argparse.Namespace) -> int:
    strays = loader.unknown_keys(sections.ALL, config.files)
    for stray in strays:
        print(f"unknown: {stray}", file=sys.stderr)
    if not strays:
        print(f"{', '.join(config.files) or 'no file: every option has its default'}: ok")
    return 1 if strays else 0


def sample(config: Loaded, arguments: argparse.Namespace) -> None:
    print(loader.sample(sections.ALL), end="")
