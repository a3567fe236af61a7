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
from iaas.network.routing import placement
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
            reports_db.of_routers(tx, report.host, report.routers)
            if servers:
                self._on_wired(tx, sorted(servers))

        if report.wired or report.served or report.routers:
            self._database.run(write)

    def repair(self) -> list[str]:
        """One round of what must happen without anybody asking: networks and routers whose host is dead get another
        (F-72, F-73). To be called every few seconds; gives the ids of those that it moved."""
        networks = self._database.run(lambda tx: dhcp.repair(tx, self._settings))
        routers = self._database.run(lambda tx: placement.repair(tx, self._settings))
        if networks or routers:
            log.info("%d DHCP servers and %d routers were placed anew", len(networks), len(routers))
        return networks + routers
