"""``host images``: what a compute host's image cache holds.

``host certificates``: what this host shows to other hosts, made before anything that wants to see it starts.

iaas-compute and iaas-volume make it by themselves; libvirtd, which listens for live migrations with it, must find it at
its start: ``ExecStartPre=iaas-manage host certificates`` in its unit.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from iaas.clock import iso8601
from iaas.cmd import address
from iaas.config import sections
from iaas.config.loader import Loaded
from iaas.errors import Invalid, Unavailable
from iaas.host.pki import Authority


def add(nouns: Any) -> None:
    verbs = nouns.add_parser("host", help="one host").add_subparsers(dest="verb", required=True)
    cached = verbs.add_parser("images", help="the image cache of a compute host, the least recently used first")
    cached.add_argument("name", help="the compute host")
    cached.add_argument("--json", action="store_true")
    cached.set_defaults(run=images)
    made = verbs.add_parser("certificates", help="make them if they are missing, of another name, or old")
    made.add_argument("--host", help="name of this host in the cloud (default: the machine's)")
    made.add_argument("--address", help="where other hosts reach this one (default: its own on the way to the broker)")
    made.set_defaults(run=certificates)


def images(config: Loaded, arguments: argparse.Namespace) -> None:
    """Raises Unavailable for a host that does not answer."""
    from iaas.bus.client import Client
    from iaas.bus.factory import connect
    from iaas.rpc.compute import ComputeRpc

    transport = connect(config.section(sections.Bus))
    try:
        found = ComputeRpc(Client(transport)).inventory(arguments.name).cached_images
    except Unavailable as error:
        words = f"No iaas-compute answers on a host {arguments.name} (iaas-manage service list): {error.message}"
        raise Unavailable(words) from error
    finally:
        transport.close()
    rows = [{**asdict(item), "used_at": iso8601(datetime.fromtimestamp(item.used_at, UTC))} for item in found]
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print(f"{row['image_id']} {row['bytes'] >> 20:8} MiB  used {row['used_at']}  by {row['users']} disks")
    print(f"{len(rows)} images, {sum(item.bytes for item in found) >> 20} MiB")


def certificates(config: Loaded, arguments: argparse.Namespace) -> int:
    options = config.section(sections.Compute)
    found = address.chosen(options.host_ip) if options.host_ip else arguments.address
    found = found or address.on_the_way(config.section(sections.Bus).urls)
    if not found:
        raise Invalid("this host has no way to the broker yet: name its address with --address")
    directory = Path(options.state_dir) / "pki"
    authority = Authority(config.section(sections.Auth).internal_secret)
    new = authority.ensure(directory, arguments.host or config.host, [found])
    print(f"{directory}: {'made' if new else 'still good'}, for {found}")
    return 0
