"""Shortens chains: a disk that no link leads to any more and only one other stands on is copied into that.

Without it a volume with a snapshot a day would grow a disk a day, each read going through all of them. The storage
daemon copies, also under a writing guest (QMP block-stream): what is copied reads the same as before, so a death at any
moment leaves a chain that is only longer than it need be. One merge at a time, at a bounded speed.
"""

from __future__ import annotations

import logging
from pathlib import Path

from iaas import failpoints
from iaas.volume.drivers.qcow2.files import Files, read_header
from iaas.volume.drivers.qcow2.graph import Graph
from iaas.volume.drivers.qcow2.storage_daemon import StorageDaemon

_LOG = logging.getLogger(__name__)
SPEED = 64 << 20  # bytes a second


def merge_one(files: Files, daemon: StorageDaemon) -> None:
    """Begins the next merge, unless one is under way; closes what is open for nothing. Raises Internal, Unavailable."""
    todo = _next(files)
    if todo is None and not daemon.find():
        return
    graph = Graph(daemon.ensure(), files)
    if graph.merging():
        return
    graph.close_unused()
    if todo is None:
        return
    lower, user, volume_id = todo
    graph.align()
    graph.open(volume_id)
    below = read_header(lower).backing
    failpoints.hit("volume.merge.before_stream")
    graph.stream(user, files.directory / below if below else None, SPEED)
    _LOG.info("%s is merged into %s", lower.name, user.name)


def _next(files: Files) -> tuple[Path, Path, str] | None:
    """The disk, the one that it goes into, and a volume whose chain leads there. Disks of images stay what they are."""
    users, linked = files.standing_on(), files.linked()
    for lower in files.disks():
        over = users.get(lower.name, [])
        if len(over) != 1 or lower.name in linked or lower.name.startswith("image-"):
            continue
        for volume_id, link in files.of("volume").items():
            if over[0] in files.chain(link):
                return lower, over[0], volume_id
    return None
