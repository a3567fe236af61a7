"""The host's sign of life: built from the last look at the guests and sent to the conductor, losses
tolerated.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

from iaas import errors
from iaas.compute.agent.reconcile import Watcher
from iaas.ids import new_uuid
from iaas.model.order import Heartbeat, Resources
from iaas.rpc.conductor import ConductorRpc

_LOG = logging.getLogger(__name__)
INTERVAL = 2.0  # seconds


class Heartbeats:
    """``reserved_*`` is what the host keeps for itself: it is not offered to servers. ``address``: the host's own."""

    def __init__(
        self,
        *,
        host: str,
        watcher: Watcher,
        conductor: ConductorRpc,
        reserved_ram_mb: int = 0,
        reserved_disk_gb: int = 0,
        address: str = "",
    ) -> None:
        self._host, self._address = host, address
        self._watcher = watcher
        self._conductor = conductor
        self._reserved_ram_mb = reserved_ram_mb
        self._reserved_disk_gb = reserved_disk_gb
        self._boot_id = new_uuid()
        self._failing = False

    def beat(self) -> Heartbeat:
        resources = self._watcher.resources()
        return Heartbeat(
            binary="iaas-compute",
            host=self._host,
            boot_id=self._boot_id,
            pid=os.getpid(),
            rss_kb=_rss_kb(),
            address=self._address,
            resources=self._offered(resources) if resources else None,
            guests=self._watcher.guests(),
        )

    def send(self) -> bool:
        """One beat; True if the broker took it. A run of failures is logged once."""
        try:
            self._conductor.heartbeat(self.beat())
        except errors.Error as error:
            if not self._failing:
                _LOG.warning("no heartbeat sent: %s", error.message)
            self._failing = True
            return False
        self._failing = False
        return True

    def _offered(self, whole: Resources) -> Resources:
        return replace(
            whole,
            ram_mb=max(0, whole.ram_mb - self._reserved_ram_mb),
            disk_gb=max(0, whole.disk_gb - self._reserved_disk_gb),
        )


def _rss_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
