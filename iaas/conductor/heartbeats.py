"""Takes heartbeats: the last value of each daemon, written once a second in one transaction for all of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from iaas.db import operations, services
from iaas.db.compute import nodes
from iaas.db.engine import Database, Tx
from iaas.db.volume import backends
from iaas.model.order import Heartbeat

log = logging.getLogger(__name__)


class Heartbeats:
    """``observe(beat)`` is called after each flush for beats that list guests or exports."""

    def __init__(self, database: Database, ring: Callable[[str], None], observe: Callable[[Heartbeat], None]) -> None:
        self.database, self._ring, self._observe = database, ring, observe
        self._latest: dict[tuple[str, str], Heartbeat] = {}
        self._lock = threading.Lock()

    def take(self, beat: Heartbeat) -> None:
        with self._lock:
            self._latest[beat.binary, beat.host] = beat

    def flush(self) -> None:
        """Writes what came in since the last flush. Steps sent to a host whose agent is new are asked again."""
        with self._lock:
            beats, self._latest = list(self._latest.values()), {}
        if not beats:
            return
        for operation_id in self.database.run(lambda tx: self._write(tx, beats)):
            self._ring(operation_id)
        for beat in beats:
            if beat.guests is not None or beat.backend is not None:
                self._observe(beat)

    def _write(self, tx: Tx, beats: list[Heartbeat]) -> list[str]:
        woken: list[str] = []
        if any(beat.binary == "iaas-conductor" for beat in beats) and (stood := services.wake_clock(tx)):
            log.info("no conductor's beat came through for %d s: hosts have time to beat again", stood.total_seconds())
        for beat in beats:
            restarted = services.touch(tx, beat.binary, beat.host, beat.boot_id, beat.pid, beat.rss_kb,
                                       beat.address, beat.roles)  # fmt: skip
            if beat.resources is not None:
                nodes.record(tx, beat.host, beat.resources)
            if beat.backend is not None:
                backends.record(tx, beat.host, beat.backend)
            if restarted:
                log.info("%s on %s has started", beat.binary, beat.host)
                woken += operations.waiting_on_host(tx, beat.host)
        operations.nudge(tx, woken)
        return woken
