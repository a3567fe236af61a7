"""server.stop, server.start, server.reboot: one order to the host; a failure leaves the state that is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from iaas.conductor.flow import Flow, Result, Run, Step
from iaas.conductor.guests import Guests
from iaas.conductor.hosts import Hosts
from iaas.db.compute import servers
from iaas.db.engine import Database, Tx
from iaas.errors import Conflict
from iaas.model.operation import Operation
from iaas.model.order import Action, GuestSpec, Power
from iaas.model.server import SERVER, Server
from iaas.network.facade import NetworkFacade

SHUTDOWN_S = 60  # how long a guest may take to obey the power button


@dataclass(frozen=True, kw_only=True)
class PowerFlows:
    database: Database
    network: NetworkFacade
    guests: Guests
    hosts: Hosts

    def flows(self) -> tuple[Flow[Any], ...]:
        return (
            self._flow("server.stop", lambda run: Action.STOP),
            self._flow("server.start", lambda run: Action.START),
            self._flow("server.reboot", _reboot),
        )

    def _flow(self, kind: str, action: Callable[[Run], Action]) -> Flow[Any]:
        name = kind.partition(".")[2]
        return Flow(
            kind=kind,
            steps=(Step(name, lambda run: self._power(run, action(run))),),
            finish=lambda tx, run: self._finish(tx, run, name),
            fail=self._fail,
        )

    def _power(self, run: Run, action: Action) -> Result:
        with self.database.read() as tx:
            server = servers.get(tx, run.resource_id)
        if server.host is None:
            raise Conflict("The server is on no host.")
        guest = None
        if run.report is None and action in (Action.START, Action.REBOOT_HARD):
            guest = self._guest(server)
        return self.hosts.compute_step(run, server.host, action, guest, SHUTDOWN_S)

    def _guest(self, server: Server) -> GuestSpec:
        with self.database.read() as tx:
            nics = self.network.nics(tx, server.id)
        return self.guests.spec(server, nics)

    def _finish(self, tx: Tx, run: Run, name: str) -> None:
        server = servers.get(tx, run.resource_id)
        assert server.task is not None
        stopped = name == "stop"
        servers.finish(tx, server.id, SERVER.event_of(server.task), fault=None,
                       power=Power.SHUTDOWN if stopped else Power.RUNNING)  # fmt: skip

    def _fail(self, tx: Tx, operation: Operation, reason: str) -> None:
        """The state stays; what the host really shows is written by the next observation (reconcile)."""
        server = servers.get(tx, operation.resource_id)
        if server.task is not None:
            servers.fail(tx, server.id, SERVER.event_of(server.task))


def _reboot(run: Run) -> Action:
    return Action.REBOOT_HARD if run.operation.params.get("type") == "HARD" else Action.REBOOT_SOFT
