"""The database side of iaas-network: the endpoint of NetworkRpc. Answers what a host shall be like, and takes down
what has become true there. Knows nothing of operations: who waits for a server is the conductor's business."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from iaas.db.engine import Database, Tx
from iaas.db.network import reports as reports_db
from iaas.db.network import wiring as wiring_db
from iaas.model.wiring import HostWiring, WiringReport
from iaas.network import dhcp
from iaas.network.settings import Settings

log = logging.getLogger(__name__)


class Controller:
    """``on_wired(tx, server_ids)``: called with the servers whose ports have just become ACTIVE, in the same
    transaction; it may leave a doorbell with ``tx.after_commit``."""

    def __init__(self, database: Database, settings: Settings, on_wired: Callable[[Tx, Collection[str]], None]) -> None:
        self._database = database
        self._settings = settings
        self._on_wired = on_wired

    def wiring(self, agent_host: str) -> HostWiring:
        """The wish for that host, from one consistent look."""
        with self._database.read() as tx:
            return wiring_db.of_host(tx, agent_host)

    def wired(self, report: WiringReport) -> None:
        """What is still as the agent made it becomes ACTIVE; a stale report changes nothing."""

        def write(tx: Tx) -> None:
            servers = reports_db.of_ports(tx, report.host, report.wired, report.served)
            if servers:
                self._on_wired(tx, sorted(servers))

        if report.wired or report.served:
            self._database.run(write)

    def repair(self) -> list[str]:
        """One round of what must happen without anybody asking: networks whose DHCP server's host is dead get
        another (F-72). To be called every few seconds; gives the networks that it moved."""
        moved = self._database.run(lambda tx: dhcp.repair(tx, self._settings))
        if moved:
            log.info("the DHCP servers of %d networks were placed anew", len(moved))
        return moved
