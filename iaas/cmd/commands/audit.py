"""``audit``: whether the database, the hosts and the stores agree (I-01 …). Exit status 0: nothing found; 1: found;
2: something could not be asked."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from iaas.config import sections
from iaas.config.loader import Loaded

AGAIN_S = 5.0  # hosts follow the database within this time


def add(nouns: Any) -> None:
    parser = nouns.add_parser("audit", help="check the invariants over database, hosts and stores")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--once", action="store_true", help="one look: what is being changed now may be reported too")
    parser.set_defaults(run=run)


def run(config: Loaded, arguments: argparse.Namespace) -> int:
    """Looks once, and if something is wrong again; what is wrong in both looks is reported."""
    from iaas.audit.evidence import gather
    from iaas.audit.invariants import lasting, violations
    from iaas.bus.factory import connect

    transport = connect(config.section(sections.Bus))
    witnesses = _witnesses(config, transport)
    evidence = gather(witnesses, len(transport.dead_letters(100)))
    found = violations(evidence)
    if found and not arguments.once:
        time.sleep(AGAIN_S)
        evidence = gather(witnesses, len(transport.dead_letters(100)))
        found = lasting(found, violations(evidence))
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


def _witnesses(config: Loaded, transport: Any) -> Any:
    from iaas.audit.evidence import Witnesses
    from iaas.bus.client import Client
    from iaas.db.engine import Database
    from iaas.image import services as image
    from iaas.rpc.compute import ComputeRpc
    from iaas.rpc.network import NetworkAgentRpc
    from iaas.rpc.volume import VolumeRpc

    client = Client(transport)
    database = Database(config.section(sections.Database).connection)
    scheduler = config.section(sections.Scheduler)
    return Witnesses(
        database=database,
        compute=ComputeRpc(client),
        network=NetworkAgentRpc(client),
        volume=VolumeRpc(client),
        stores=image.from_config(database, config).stores,
        ratios=(scheduler.cpu_ratio, scheduler.ram_ratio, scheduler.disk_ratio),
    )
