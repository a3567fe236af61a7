"""Stop, start, reboot, pause, unpause, suspend, resume: one order to the host each. A failure leaves the state, and
what the host really shows is written by the next observation (reconcile).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from iaas.conductor.flow import Done, Flow, Result, Run, Step
from iaas.conductor.guests import Guests
from iaas.conductor.hosts import Hosts
from iaas.db.compute import servers
from iaas.db.engine import Database, Tx
from iaas.model.operation import Operation
from iaas.model.order import Action, GuestSpec, Power
from iaas.model.server import SERVER, Server
from iaas.network.facade import NetworkFacade

SHUTDOWN_S = 60  # how long a guest may take to obey the power button
_DEFINING = (Action.START, Action.REBOOT_HARD, Action.RESUME)  # they can define the guest anew
_LOST = "The saved memory could not be used: the server was started anew."


@dataclass(frozen=True, kw_only=True)
class PowerFlows:
    database: Database
    network: NetworkFacade
    guests: Guests
    hosts: Hosts

    def flows(self) -> tuple[Flow[Any], ...]:
        return (
            self._flow("stop", lambda run: Action.STOP),
            self._flow("start", lambda run: Action.START),
            self._flow("reboot", _reboot),
            self._flow("pause", lambda run: Action.PAUSE),
            self._flow("unpause", lambda run: Action.UNPAUSE),
            self._flow("suspend", lambda run: Action.SUSPEND),
            self._flow("resume", lambda run: Action.RESUME),
        )

    def _flow(self, name: str, action: Callable[[Run], Action]) -> Flow[Any]:
        return Flow(
            kind=f"server.{name}",
            steps=(Step(name, lambda run: self._power(run, action(run))),),
            finish=self._finish,
            fail=self._fail,
        )

    def _power(self, run: Run, action: Action) -> Result:
        server, host = self.hosts.placed(run)
        guest = self._guest(server) if run.report is None and action in _DEFINING else None
        answer = self.hosts.compute_step(run, host, action, guest, SHUTDOWN_S)
        if isinstance(answer, Done) and answer.data.get("restored") is False:
            return replace(answer, message=_LOST)
        return answer

    def _guest(self, server: Server) -> GuestSpec:
        with self.database.read() as tx:
            nics = self.network.nics(tx, server.id)
        return self.guests.spec(server, nics)

    def _finish(self, tx: Tx, run: Run) -> None:
        server = servers.get(tx, run.resource_id)
        assert server.task is not None
        power = Power(run.line.data["power"])
        servers.finish(tx, server.id, SERVER.event_of(server.task), fault=None, power=power)

    def _fail(self, tx: Tx, operation: Operation, reason: str) -> None:
        server = servers.get(tx, operation.resource_id)
        if server.task is not None:
            servers.fail(tx, server.id, SERVER.event_of(server.task))


def _reboot(run: Run) -> Action:
    return Action.REBOOT_HARD if run.operation.params.get("type") == "HARD" else Action.REBOOT_SOFT
