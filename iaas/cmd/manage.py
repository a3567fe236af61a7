"""iaas-manage: what an operator does to the platform itself. Each subcommand is one file of iaas/cmd/commands/."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys

from iaas import log
from iaas.cmd import commands
from iaas.config import loader, sections
from iaas.errors import Error, Invalid

WITHOUT_CONFIG = ("config", "policy")  # they describe the release, not an installation


def main() -> None:
    parser = argparse.ArgumentParser(prog="iaas-manage", description=__doc__)
    parser.add_argument("--config-file", action="append", metavar="FILE", help="default: /etc/iaas/iaas.conf")
    parser.add_argument("--verbose", action="store_true")
    nouns = parser.add_subparsers(dest="command", required=True)
    for module in pkgutil.iter_modules(commands.__path__):
        importlib.import_module(f"{commands.__name__}.{module.name}").add(nouns)
    arguments = parser.parse_args()
    log.setup("INFO" if arguments.verbose else "WARNING")
    try:
        config = loader.load(sections.ALL, arguments.config_file)
        if not config.files and arguments.command not in WITHOUT_CONFIG:
            raise Invalid(f"there is no {loader.DEFAULT_FILES[0]}: name the file with --config-file")
        code = arguments.run(config, arguments)
    except Error as error:
        print(f"iaas-manage: {error.message}", file=sys.stderr)
        raise SystemExit(1) from None
    raise SystemExit(code or 0)
