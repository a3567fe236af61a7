"""``network draw``: networks, routers and servers as a Mermaid flowchart."""

from __future__ import annotations

import argparse
from typing import Any

from iaas.cmd import project_option
from iaas.config import sections
from iaas.config.loader import Loaded
from iaas.errors import NotFound

MOST = 200  # ports, and networks: more than that nobody can read, and viewers refuse


def add(nouns: Any) -> None:
    verbs = nouns.add_parser("network", help="networks and what is on them").add_subparsers(dest="verb", required=True)
    parser = verbs.add_parser("draw", help="networks, routers, ports and servers as a Mermaid flowchart")
    project_option.add(parser, "only what is of this project, or what it uses", "ID_OR_NAME")
    parser.set_defaults(run=draw)


def draw(config: Loaded, arguments: argparse.Namespace) -> int:
    from iaas.db.engine import Database
    from iaas.db.network import topology
    from iaas.network.draw import mermaid

    with Database(config.section(sections.Database).connection).read() as tx:
        project = None
        if arguments.project is not None:
            project = topology.project_id(tx, arguments.project)
            if project is None:
                raise NotFound(f"there is no one project of the id or name {arguments.project[:64]!r}")
        found = topology.read(tx, project, MOST)
    print(mermaid(found), end="")
    return 0
