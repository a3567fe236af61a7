"""server.rescue and server.unrescue: one order each. A rescue that fails is taken back before the state is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from iaas.conductor.flow import Done, Flow, Result, Run, Step
from iaas.conductor.guests import Guests
from iaas.conductor.hosts import Hosts
from iaas.conductor.power import SHUTDOWN_S
from iaas.db.compute import servers
from iaas.db.engine import Database, Tx
from iaas.model.operation import Operation
from iaas.model.order import Action, GuestSpec, Power
from iaas.model.server import Server, State
from iaas.network.facade import NetworkFacade

_FORGET = {"rescue_image_id": None, "origin_state": None}


@dataclass(frozen=True, kw_only=True)
class Rescue:
    database: Database
    network: NetworkFacade
    guests: Guests
    hosts: Hosts

    def flows(self) -> tuple[Flow[Any], ...]:
        rescue: Flow[Any] = Flow(
            kind="server.rescue",
            steps=(Step("rescue", self.rescue, self.unrescue),),
            finish=lambda tx, run: self._finish(tx, run, "rescue", {}),
            fail=lambda tx, operation, reason: self._fail(tx, operation, "rescue", _FORGET),
        )
        unrescue: Flow[Any] = Flow(
            kind="server.unrescue",
            steps=(Step("unrescue", self.unrescue),),
            finish=lambda tx, run: self._finish(tx, run, "unrescue", _FORGET),
            fail=lambda tx, operation, reason: self._fail(tx, operation, "unrescue", {}),
        )
        return rescue, unrescue

    def rescue(self, run: Run) -> Result:
        server, host = self.hosts.placed(run)
        guest = None
        if run.report is None and server.rescue_image_id:
            guest = replace(self._guest(server), rescue=self.guests.source(server.rescue_image_id))
        return self.hosts.compute_step(run, host, Action.RESCUE, guest, SHUTDOWN_S)

    def unrescue(self, run: Run) -> Result:
        """Also the undo of a rescue, which leaves a server off that was off."""
        server, host = self.hosts.placed(run)
        if run.operation.undoing and not self.hosts.is_up("iaas-compute", host):
            return Done()  # what the host shows when it is back is the operator's, and an unrescue's
        guest = self._guest(server) if run.report is None else None
        start = not run.operation.undoing or server.origin_state is State.ACTIVE
        return self.hosts.compute_step(run, host, Action.UNRESCUE, guest, start=start)

    def _guest(self, server: Server) -> GuestSpec:
        with self.database.read() as tx:
            nics = self.network.nics(tx, server.id)
        return self.guests.spec(server, nics)

    def _finish(self, tx: Tx, run: Run, event: str, values: dict[str, Any]) -> None:
        power = Power(run.line.data["power"])
        servers.finish(tx, run.resource_id, event, power=power, fault=None, **values)

    def _fail(self, tx: Tx, operation: Operation, event: str, values: dict[str, Any]) -> None:
        server = servers.get(tx, operation.resource_id)
        if server.task is not None:
            servers.fail(tx, server.id, event, **values)
