"""server.shelve: off, and its disk in an image. server.shelveOffload: off its host, which keeps nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from iaas import context as contexts
from iaas import failpoints
from iaas.conductor.exports import Exports
from iaas.conductor.flow import Done, Flow, Result, Run, Step
from iaas.conductor.guests import Guests
from iaas.conductor.hosts import Hosts
from iaas.conductor.power import SHUTDOWN_S
from iaas.context import Context
from iaas.db import operations
from iaas.db.compute import nodes, servers
from iaas.db.engine import Database, Tx
from iaas.image.facade import ImageFacade
from iaas.model.operation import FILLS, Operation
from iaas.model.order import Action, Power
from iaas.model.server import Server, State
from iaas.network.facade import NetworkFacade
from iaas.volume.facade import VolumeFacade


@dataclass(frozen=True, kw_only=True)
class Shelve:
    """``offload_s``: how long a shelved server stays on its host; 0 is not at all, -1 until it is told to go.
    ``ring``: the doorbell of an operation."""

    database: Database
    image: ImageFacade
    network: NetworkFacade
    volume: VolumeFacade
    exports: Exports
    guests: Guests
    hosts: Hosts
    offload_s: int
    ring: Callable[[str], None]

    def flows(self) -> tuple[Flow[Any], ...]:
        shelve: Flow[Any] = Flow(
            kind="server.shelve",
            steps=(Step("stop", self.stop, self.start), Step("snapshot", self.snapshot, self.discard)),
            finish=self.shelved,
            fail=self.fail,
        )
        offload: Flow[Any] = Flow(
            kind="server.shelveOffload",
            steps=(
                Step("destroy", self.destroy),
                Step("unexport", self.exports.unexport_all),
                Step("release", self.release),
            ),
            finish=self.offloaded,
            fail=self.fail,
            stubborn=True,
        )
        return shelve, offload

    def stop(self, run: Run) -> Result:
        _, host = self.hosts.placed(run)
        return self.hosts.compute_step(run, host, Action.STOP, timeout_s=SHUTDOWN_S)

    def start(self, run: Run) -> Result:
        """The undo: what ran runs again; what stood still or slept has lost its memory and stays off."""
        server, host = self.hosts.placed(run)
        if server.origin_state is not State.ACTIVE or not self.hosts.is_up("iaas-compute", host):
            return Done()
        guest = None
        if run.report is None:
            with self.database.read() as tx:
                nics = self.network.nics(tx, server.id)
            guest = self.guests.spec(server, nics)
        return self.hosts.compute_step(run, host, Action.START, guest)

    def snapshot(self, run: Run) -> Result:
        """A server that boots from a volume has its disk there."""
        _, host = self.hosts.placed(run)
        if FILLS not in run.operation.params:
            return Done()
        upload = None if run.report else self.guests.upload(run.operation.params[FILLS])
        return self.hosts.compute_step(run, host, Action.SNAPSHOT, upload=upload)

    def discard(self, run: Run) -> Result:
        image_id = run.operation.params.get(FILLS)
        return Done(write=lambda tx: self.image.discard(tx, image_id) if image_id else None)

    def shelved(self, tx: Tx, run: Run) -> None:
        """A server without a disk on its host has no reason to stay there (as published)."""
        image_id = run.operation.params.get(FILLS)
        servers.finish(tx, run.resource_id, "shelve", power=Power.SHUTDOWN, shelved_image_id=image_id, fault=None)
        if self.offload_s == 0 or image_id is None:
            self._offload(tx, run.caller, servers.get(tx, run.resource_id))

    def offload_due(self) -> int:
        """Begins to offload what has been shelved long enough; gives how many."""
        if self.offload_s <= 0:
            return 0

        def write(tx: Tx) -> int:
            due = servers.idle_since(tx, State.SHELVED, tx.now() - timedelta(seconds=self.offload_s))
            for server in due:
                self._offload(tx, contexts.system(), server)
            return len(due)

        return self.database.run(write)

    def _offload(self, tx: Tx, context: Context, server: Server) -> None:
        fence = servers.begin(tx, server, "shelve_offload")
        operation_id = operations.queue(tx, context, "server.shelveOffload", ("server", server.id), fence)
        tx.after_commit(lambda: self.ring(operation_id))

    def destroy(self, run: Run) -> Result:
        """A host that is down destroys what is no longer its own when it comes back."""
        _, host = self.hosts.placed(run)
        if not self.hosts.is_up("iaas-compute", host):
            return Done()
        return self.hosts.compute_step(run, host, Action.DESTROY)

    def release(self, run: Run) -> Result:
        """Addresses and volumes stay the server's."""
        failpoints.hit("conductor.shelve.before_release")

        def write(tx: Tx) -> None:
            self.network.unbind(tx, run.resource_id)
            self.volume.moved(tx, run.resource_id, None)
            nodes.release(tx, run.resource_id)

        return Done(write=write)

    def offloaded(self, tx: Tx, run: Run) -> None:
        servers.finish(tx, run.resource_id, "shelve_offload", power=Power.NONE, host=None, node=None)

    def fail(self, tx: Tx, operation: Operation, reason: str) -> None:
        server = servers.get(tx, operation.resource_id)
        if server.task is not None:
            servers.fail(tx, server.id, "shelve", origin_state=None)
