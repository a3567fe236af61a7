"""Places that are compiled in or usual, which a stack gets to itself by mounting its own directories on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from devstack.stack import files, processes

# Directory of a libvirt folder -> where libvirt looks for it.
LIBVIRT = {
    "run": "/run/libvirt",
    "lib": "/var/lib/libvirt",
    "cache": "/var/cache/libvirt",
    "log": "/var/log/libvirt",
    "etc": "/etc/libvirt",
}
# Directory of a host -> where the cloud's daemons look for it.
CLOUD = {"etc": "/etc/iaas", "lib": "/var/lib/iaas"}
_KNOWN = (*LIBVIRT.values(), *CLOUD.values())


def make_points(points: Sequence[str], record: Path) -> None:
    """Makes what is missing of the places to mount on; remembers in ``record`` what it was, for ``forget_points``."""
    if not record.exists():
        files.write(record, json.dumps([point for point in points if not Path(point).exists()]))
    for point in points:
        Path(point).mkdir(parents=True, exist_ok=True)


def forget_points(record: Path) -> None:
    """Removes those that ``make_points`` had to make, but for those that somebody else has mounts on.

    Removing a directory takes away what is mounted on it, in every mount namespace.
    """
    for point in json.loads(record.read_text()) if record.exists() else []:
        path = Path(point)
        if point in _KNOWN and path.is_dir() and not any(path.iterdir()) and not processes.sees_mount(path):
            path.rmdir()
