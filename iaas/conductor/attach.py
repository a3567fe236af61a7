"""server.attach_volume and server.detach_volume: they wait for their turn on the server (conductor/turns.py).

    attach   export (the volume host serves it)    connect (the guest gets the disk)      undone the other way round
    detach   disconnect (the guest lets it go)     unexport (whoever is connected is cut off)

A volume is free again only when no guest has it and no host serves it (I-09). So what was plugged in is waited for
while its host is down, whatever the deadline; a delete of the server, or its evacuation, takes over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from iaas import failpoints
from iaas.conductor import turns
from iaas.conductor.exports import Exports
from iaas.conductor.flow import Done, Flow, Result, Run, Step, Wait
from iaas.conductor.hosts import Hosts
from iaas.db.compute import servers
from iaas.db.engine import Database, Tx
from iaas.errors import Conflict, Internal, NotFound
from iaas.model.operation import NO_TURN, Operation
from iaas.model.order import Action, VolumeConnection
from iaas.model.server import ATTACHABLE, Server
from iaas.volume.facade import VolumeFacade

DOWN_S = 10.0  # between two looks whether the server's host is back
LET_GO_S = 60  # how long a guest may take to let go of a volume


@dataclass(frozen=True, kw_only=True)
class AttachFlows:
    database: Database
    volume: VolumeFacade
    hosts: Hosts
    exports: Exports

    def flows(self) -> tuple[Flow[Any], ...]:
        attach: Flow[Any] = Flow(
            kind="server.attach_volume",
            steps=(Step("export", self.export, self.unexport), Step("connect", self.connect, self.disconnect)),
            finish=self._attached,
            fail=self._ends("attach_volume", self.volume.release),
            turn=turns.on_server("attach_volume"),
        )
        detach: Flow[Any] = Flow(
            kind="server.detach_volume",
            steps=(Step("disconnect", self.disconnect, self.connect), Step("unexport", self.unexport)),
            finish=self._detached,
            fail=self._ends("detach_volume", self.volume.cancel_detach),
            turn=turns.on_server("detach_volume"),
        )
        return attach, detach

    def export(self, run: Run) -> Result:
        server = self._server(run)
        if server.state not in ATTACHABLE:
            raise Conflict(f"The server was {server.state.value} when the volume's turn came.")
        if server.host is None:
            return Done()
        failpoints.hit("conductor.attach.before_export")
        return self.exports.export(run)

    def connect(self, run: Run) -> Result:
        """For an undone detach, too: the guest keeps the volume."""
        return self._order(run, Action.ATTACH_VOLUME)

    def disconnect(self, run: Run) -> Result:
        return self._order(run, Action.DETACH_VOLUME)

    def unexport(self, run: Run) -> Result:
        failpoints.hit("conductor.detach.before_unexport")
        return self.exports.unexport(run, [run.operation.params["attachment_id"]])

    def _order(self, run: Run, action: Action) -> Result:
        server = self._server(run)
        if server.host is None:
            return Done()  # shelved: its next host gets what is attached then
        if run.report is None and not self.hosts.is_up("iaas-compute", server.host):
            return Wait(DOWN_S)
        connection = self._connection(run)
        return self.hosts.compute_step(run, server.host, action, timeout_s=LET_GO_S, volume=connection)

    def _connection(self, run: Run) -> VolumeConnection:
        with self.database.read() as tx:
            found = self.volume.connections(tx, run.resource_id, reserved=True)
        for connection in found:
            if connection.attachment_id == run.operation.params["attachment_id"]:
                return connection
        raise Internal("The attachment has vanished.")

    def _server(self, run: Run) -> Server:
        with self.database.read() as tx:
            return servers.get(tx, run.resource_id)

    def _attached(self, tx: Tx, run: Run) -> None:
        server = servers.get(tx, run.resource_id)
        if server.host is not None:
            self.volume.attached(tx, run.operation.params["attachment_id"], server.host)
        servers.finish(tx, server.id, "attach_volume")

    def _detached(self, tx: Tx, run: Run) -> None:
        self.volume.release(tx, run.operation.params["attachment_id"])
        servers.finish(tx, run.resource_id, "detach_volume")

    def _ends(self, event: str, settle: Callable[[Tx, str], None]) -> Callable[[Tx, Operation, str], None]:
        def fail(tx: Tx, operation: Operation, reason: str) -> None:
            try:
                settle(tx, operation.params["attachment_id"])
            except NotFound:  # the server was deleted, and released all that it had
                return
            if operation.fence != NO_TURN:
                servers.fail(tx, operation.resource_id, event)

        return fail
