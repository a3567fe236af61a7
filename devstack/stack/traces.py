"""What a cloud leaves on a machine, as a set of names: to see that a test run leaves nothing."""

from __future__ import annotations

import json
from pathlib import Path

from devstack.stack import processes

_PROGRAMS = (
    "qemu-system",
    "qemu-storage-daemon",
    "dnsmasq",
    "libvirtd",
    "beam.smp",
    "epmd",
    "supervisord",
    "iaas-",
    "postgres",
)


def take() -> frozenset[str]:
    """Namespaces, links, filter tables and processes of the kinds that a cloud makes, as they are now."""
    namespaces = Path("/run/netns")
    found = {f"namespace {path.name}" for path in namespaces.iterdir()} if namespaces.is_dir() else set()
    found |= {f"link {path.name}" for path in Path("/sys/class/net").iterdir()}
    for entry in json.loads(processes.run(["nft", "-j", "list", "tables"]) or "{}").get("nftables", []):
        if "table" in entry:
            found.add(f"table {entry['table']['family']} {entry['table']['name']}")
    for pid, line in processes.everyone():
        if any(name in line.split(" -", 1)[0] for name in _PROGRAMS):
            found.add(f"process {pid} ({line[:60]})")
    return frozenset(found)
