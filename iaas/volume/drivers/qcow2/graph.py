"""What the storage daemon has open, made to follow the files: one node a disk, by its name, and the exports on top.

A node's name is made of its disk's, an export's id tells its volume: whether the right disk is open, and served to the
right servers, can be seen from the names alone, also by an agent that was started a moment ago. A chain is opened from
below, each disk once however many volumes stand on it. When a volume got a new disk on top (a snapshot) its node is put
on top of the old one and the exports move along; when the agent died before that, the next use of the graph does it:
the new disk is empty until then, so nothing is lost in between.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from iaas import errors, failpoints
from iaas.host.qmp import Qmp, QmpError, until
from iaas.model.volume_order import Export
from iaas.volume.drivers.qcow2.files import Files

_LOG = logging.getLogger(__name__)
_ENDS_S = 20.0  # how long an export may take to end: requests under way are finished first


def export_id(item: Export) -> str:
    """All that must be as wanted is in the id: another name or mode is another export."""
    return f"{'w' if item.writable else 'r'}-{item.volume_id}-{item.name}"


def volume_of(id: str) -> str:
    return id[2:38]


def node_of(disk: Path) -> str:
    """QEMU's names of nodes have 31 characters at most."""
    return "n" + hashlib.sha256(disk.name.encode()).hexdigest()[:30]


class Graph:
    """Made anew for every use, over a connection: the daemon itself is the only record of what it has."""

    def __init__(self, qmp: Qmp, files: Files) -> None:
        self._qmp, self._files = qmp, files
        self._nodes = {
            item["node-name"]
            for item in qmp.execute("query-named-block-nodes", {"flat": True})
            if item["node-name"].startswith("n")
        }
        self.served = self._exports()

    # -- exports --------------------------------------------------------------------------------------------------

    def serve(self, wanted: Collection[Export]) -> dict[str, errors.Error]:
        """Exactly these exports, each on its volume's own disk; gives what failed by attachment id."""
        by_id = {export_id(item): item for item in wanted}
        self._end([id for id in self.served if id not in by_id])
        self.align()
        failed: dict[str, errors.Error] = {}
        for id, item in by_id.items():
            try:
                node = self.open(item.volume_id)
                if id not in self.served:
                    failpoints.hit("volume.serve.before_add")
                    export = {"type": "nbd", "id": id, "node-name": node, "name": item.name, "writable": item.writable}
                    self._qmp.execute("block-export-add", export)
            except errors.NotFound as error:
                failed[item.attachment_id] = error
            except errors.Internal as error:
                _LOG.error("attachment %s: %s", item.attachment_id, error.message)
                failed[item.attachment_id] = errors.Internal("The volume could not be served.")
        failpoints.hit("volume.serve.after_add")
        self.served = self._exports()
        self.close_unused()
        return failed

    def align(self) -> None:
        """What is served is served from the volumes' own disks."""
        for volume_id in {volume_of(id) for id in self.served}:
            try:
                self.open(volume_id)
            except (errors.NotFound, errors.Internal) as error:
                _LOG.error("volume %s is served and can't be followed: %s", volume_id, error.message)

    def _exports(self) -> dict[str, str]:
        """Export id -> node, of those that are not about to end."""
        found = self._qmp.execute("query-block-exports")
        return {item["id"]: item["node-name"] for item in found if not item["shutting-down"]}

    def _end(self, ids: Collection[str]) -> None:
        """Ends exports with whoever is connected, and waits until they are gone."""
        for id in ids:
            self._qmp.execute("block-export-del", {"id": id, "mode": "hard"})

        def gone() -> bool:
            return not {item["id"] for item in self._qmp.execute("query-block-exports")} & set(ids)

        until(gone, _ENDS_S, "An export does not end.")
        self.served = self._exports()

    # -- nodes ----------------------------------------------------------------------------------------------------

    def open(self, volume_id: str) -> str:
        """The volume's chain is open; gives the node of its own disk. Raises NotFound, Internal."""
        below: str | None = None
        for path in reversed(self._files.chain(self._files.volume(volume_id))):
            node = node_of(path)
            if node not in self._nodes:
                if below is not None and self._serves(below, volume_id):
                    self._put_on_top(path, node, below)
                else:
                    self._add(path, node, below)
            below = node
        assert below is not None
        return below

    def stream(self, path: Path, base: Path | None, speed: int) -> None:
        """Begins to copy into the open disk what it reads from below it, down to ``base`` (None: all of it); it stands
        on ``base`` when that has ended. An end in the middle costs nothing: it reads the same all the time."""
        job: dict[str, Any] = {"job-id": f"merge-{node_of(path)}", "device": node_of(path), "speed": speed}
        if base is not None:
            job |= {"base-node": node_of(base), "backing-file": base.name}
        self._qmp.execute("block-stream", job)

    def merging(self) -> set[str]:
        """The nodes into which something is copied now."""
        return {item["id"].removeprefix("merge-") for item in self._qmp.execute("query-jobs")}

    def end_merge(self, node: str) -> None:
        if node in self.merging():
            self._qmp.execute("block-job-cancel", {"device": f"merge-{node}"})
            until(lambda: node not in self.merging(), _ENDS_S, "A merge does not end.")

    def close_unused(self) -> None:
        """Closes every disk that no served volume and no merge needs."""
        needed: set[str] = set()
        for volume_id in {volume_of(id) for id in self.served}:
            try:
                needed |= {node_of(path) for path in self._files.chain(self._files.volume(volume_id))}
            except (errors.NotFound, errors.Internal) as error:
                _LOG.error("volume %s is served and can't be followed: %s", volume_id, error.message)
        left = self._nodes - needed
        while closed := {node for node in left if self._close(node)}:
            left -= closed

    def _serves(self, node: str, volume_id: str) -> bool:
        return any(there == node and volume_of(id) == volume_id for id, there in self.served.items())

    def _put_on_top(self, path: Path, node: str, below: str) -> None:
        self._add(path, node, None)
        try:
            self._qmp.execute("blockdev-snapshot", {"node": below, "overlay": node})
        except QmpError:
            self._close(node)
            raise
        self.served = self._exports()

    def _add(self, path: Path, node: str, below: str | None) -> None:
        file = {"driver": "file", "filename": str(path), "aio": "threads", "cache": {"direct": _direct(path)}}
        options = {"driver": "qcow2", "node-name": node, "discard": "unmap", "file": file, "backing": below}
        self._qmp.execute("blockdev-add", options)
        self._nodes.add(node)

    def _close(self, node: str) -> bool:
        """False: something stands on it, or a job works on it."""
        try:
            self._qmp.execute("blockdev-del", {"node-name": node})
        except QmpError as error:
            _LOG.debug("node %s stays open: %s", node, error.message)
            return False
        self._nodes.discard(node)
        return True


def _direct(path: Path) -> bool:
    """Whether the file system takes O_DIRECT; tmpfs does not everywhere."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
    except OSError:
        return False
    return True
