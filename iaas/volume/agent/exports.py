"""Which volumes this host serves to which servers, on the disk: what is served again after a death of the agent or of
the storage daemon, with no order from anybody.

    <state_dir>/exports/<server id>.json      [{"attachment_id": …, "volume_id": …, "name": …, "writable": true}]

The record is written first and then followed, so it is never behind what was reported. No file: no exports.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path

from iaas import errors, failpoints
from iaas.host import files
from iaas.ids import is_uuid
from iaas.model.volume_order import Export, digest
from iaas.volume.drivers.driver import VolumeDriver

_LOG = logging.getLogger(__name__)


class Exports:
    """``durable`` False skips the syncs to disk: only for tests and the fake driver."""

    def __init__(self, state_dir: Path, driver: VolumeDriver, *, durable: bool = True) -> None:
        self._directory = files.directory(files.directory(state_dir) / "exports")
        self._driver, self._durable = driver, durable
        self._lock = threading.Lock()

    def put(self, server_id: str, exports: Collection[Export]) -> None:
        """The server's exports are exactly these. Raises Internal, NotFound when one of them can't be served; the
        others are, and the record stays: what can't be served now is tried again by ``look``."""
        path = self._path(server_id)
        with self._lock:
            if exports:
                files.write(path, json.dumps([asdict(item) for item in exports]), durable=self._durable)
            elif path.exists():
                path.unlink()
                if self._durable:
                    files.sync(self._directory)
            failpoints.hit("volume.exports.after_record")
            failed = self._driver.serve(self._all())
        for item in exports:
            if item.attachment_id in failed:
                raise failed[item.attachment_id]

    def look(self) -> bool:
        """Serves again what should be, if whatever serves has died or this process is new; True if it had to."""
        with self._lock:
            if self._driver.serving():
                return False
            wanted = self._all()
            failed = self._driver.serve(wanted)
        _LOG.info("%d volumes are served again", len(wanted) - len(failed))
        for attachment_id, error in failed.items():
            _LOG.error("attachment %s is not served: %s", attachment_id, error.message)
        return True

    def all(self) -> tuple[Export, ...]:
        with self._lock:
            return self._all()

    def digests(self) -> tuple[tuple[str, str], ...]:
        """(server id, digest of its exports), for the heartbeat."""
        with self._lock:
            found = [(path.stem, digest(self._read(path))) for path in sorted(self._directory.glob("*.json"))]
        return tuple((server_id, value) for server_id, value in found if value)

    def servers(self) -> set[str]:
        """Whom this host serves."""
        return {path.stem for path in self._directory.glob("*.json")}

    def _all(self) -> tuple[Export, ...]:
        found: list[Export] = []
        for path in sorted(self._directory.glob("*.json")):
            found += self._read(path)
        return tuple(found)

    @staticmethod
    def _read(path: Path) -> list[Export]:
        try:
            return [_export(item) for item in json.loads(files.read(path) or b"[]")]
        except (ValueError, TypeError, KeyError):  # one damaged record must not stop the others' volumes
            _LOG.exception("the record of exports %s is damaged", path.name)
            return []

    def _path(self, server_id: str) -> Path:
        if not is_uuid(server_id) or len(server_id) != 36:
            raise errors.Invalid("The server's id is not a UUID.")
        return self._directory / f"{server_id.lower()}.json"


def _export(item: Mapping[str, object]) -> Export:
    return Export(
        attachment_id=str(item["attachment_id"]),
        volume_id=str(item["volume_id"]),
        name=str(item["name"]),
        writable=bool(item["writable"]),
    )
