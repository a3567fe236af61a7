"""server.rebuild: on its host, everything local is removed and built anew from the image; ports and volumes stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iaas.clock import iso8601
from iaas.conductor.flow import Flow, Result, Run, Step
from iaas.conductor.guests import Guests
from iaas.conductor.hosts import Hosts
from iaas.db.compute import servers
from iaas.db.engine import Database, Tx
from iaas.errors import NotFound
from iaas.model.operation import Operation
from iaas.model.order import Action, Power
from iaas.model.server import State
from iaas.network.facade import NetworkFacade


@dataclass(frozen=True, kw_only=True)
class Rebuild:
    database: Database
    network: NetworkFacade
    guests: Guests
    hosts: Hosts

    def flow(self) -> Flow[Any]:
        return Flow(
            kind="server.rebuild",
            steps=(Step("destroy", self.destroy), Step("spawn", self.spawn)),
            finish=self.finish,
            fail=self.fail,
        )

    def destroy(self, run: Run) -> Result:
        _, host = self.hosts.placed(run)
        return self.hosts.compute_step(run, host, Action.DESTROY)

    def spawn(self, run: Run) -> Result:
        """A server that was off is built and left off."""
        server, host = self.hosts.placed(run)
        guest = None
        if run.report is None:
            with self.database.read() as tx:
                nics = self.network.nics(tx, server.id)
            guest = self.guests.spec(server, nics)
            if guest.image is None:
                raise NotFound("The image has vanished.", resource="image")
        return self.hosts.compute_step(run, host, Action.BUILD, guest, start=server.origin_state is not State.STOPPED)

    def finish(self, tx: Tx, run: Run) -> None:
        server = servers.get(tx, run.resource_id)
        state = State.STOPPED if server.origin_state is State.STOPPED else State.ACTIVE
        servers.finish(tx, server.id, "rebuild", state=state, power=Power(run.line.data["power"]), fault=None,
                       origin_state=None, launched_at=tx.now())  # fmt: skip

    def fail(self, tx: Tx, operation: Operation, reason: str) -> None:
        fault = {"code": 500, "message": reason, "created": iso8601(tx.now())}
        servers.fail(tx, operation.resource_id, "rebuild", fault=fault, origin_state=None)
