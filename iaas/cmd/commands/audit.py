"""``audit``: whether the database, the hosts and the stores agree (I-01 …). Exit status 0: nothing found; 1: found;
2: something could not be asked."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from iaas.config import sections
from iaas.config.loader import Loaded


def add(nouns: Any) -> None:
    parser = nouns.add_parser("audit", help="check the invariants over database, hosts and stores")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run)


def run(config: Loaded, arguments: argparse.Namespace) -> int:
    from iaas.audit.evidence import Witnesses, gather
    from iaas.audit.invariants import violations
    from iaas.bus.client import Client
    from iaas.bus.factory import connect
    from iaas.db.engine import Database
    from iaas.image import services as image
    from iaas.rpc.compute import ComputeRpc
    from iaas.rpc.network import NetworkAgentRpc
    from iaas.rpc.volume import VolumeRpc

    transport = connect(config.section(sections.Bus))
    client = Client(transport)
    database = Database(config.section(sections.Database).connection)
    witnesses = Witnesses(
        database=database,
        compute=ComputeRpc(client),
        network=NetworkAgentRpc(client),
        volume=VolumeRpc(client),
        store=image.make(database, config.section(sections.Image)).store,
    )
    evidence = gather(witnesses, len(transport.dead_letters(100)))
    found = violations(evidence)
    if arguments.json:
        rows = [{"invariant": item.invariant, "subject": item.subject, "text": item.text} for item in found]
        print(json.dumps({"violations": rows, "silent": list(evidence.silent)}, indent=1))
    else:
        for item in found:
            print(f"{item.invariant} {item.subject} {item.text}")
        print(f"{len(found)} violations")
    for silence in evidence.silent:
        print(f"not asked: {silence}", file=sys.stderr)
    return 1 if found else 2 if evidence.silent else 0
