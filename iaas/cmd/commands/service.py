"""``service list``: every daemon, where it runs and when it was last heard of."""

from __future__ import annotations

import argparse
import json
from typing import Any

from iaas.clock import iso8601
from iaas.config import sections
from iaas.config.loader import Loaded


def add(nouns: Any) -> None:
    verbs = nouns.add_parser("service", help="the daemons").add_subparsers(dest="verb", required=True)
    lister = verbs.add_parser("list", help="all daemons with their last sign of life")
    lister.add_argument("--json", action="store_true")
    lister.set_defaults(run=listing)


def listing(config: Loaded, arguments: argparse.Namespace) -> None:
    from iaas.db import services
    from iaas.db.engine import Database

    with Database(config.section(sections.Database).connection).read() as tx:
        judged = services.judgement_time(tx)
        rows = [
            {
                "binary": service.binary,
                "host": service.host,
                "state": "up" if service.is_up(judged) else "down",
                "enabled": not service.disabled,
                "address": service.address,
                "roles": ",".join(service.roles),
                "pid": service.pid,
                "rss_kb": service.rss_kb,
                "started_at": iso8601(service.started_at),
                "last_heartbeat": iso8601(service.last_seen),
            }
            for service in services.all_of(tx)
        ]
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        place = f"{row['binary']:16} {row['host']:24} {row['address'] or '-':15}"
        print(f"{place} {row['state']:5} pid {row['pid']:<8} {row['last_heartbeat']} {row['roles']}".rstrip())
