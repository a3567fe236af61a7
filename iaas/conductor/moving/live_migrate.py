"""server.live-migration: a running guest goes to another host, with its memory, its disks and its addresses.

Until the guest has left, everything that was made for it on the destination is taken away again and it runs on where
it is. Where it runs, only the hypervisors decide: the source is asked, however long it is away, and nothing is undone
before it has said that the guest is still there. From the moment of its arrival nothing is undone any more.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from iaas import failpoints
from iaas.conductor.flow import Done, Flow, Result, Run, Step, Wait
from iaas.conductor.moving.moves import COMPUTE, Moves, stay
from iaas.db import operations
from iaas.db.compute import migrations, nodes, servers
from iaas.db.engine import Tx
from iaas.errors import Conflict
from iaas.model.operation import Operation
from iaas.model.order import Action, Power

log = logging.getLogger(__name__)

AGAIN_S = 15.0  # between two tries to clean up behind the guest


@dataclass(frozen=True, kw_only=True)
class LiveMigrate:
    moves: Moves

    def flow(self) -> Flow[Any]:
        return Flow(
            kind="server.live-migration",
            steps=(
                Step("schedule", self.schedule, self.unschedule),
                Step("receive", self.receive, self.unreceive),
                Step("network", self.wire, self.unwire),
                Step("migrate", self.migrate),
                Step("arrive", self.arrive),
                Step("clean", self.clean),
            ),
            finish=self.finish,
            fail=self.fail,
        )

    def schedule(self, run: Run) -> Result:
        server = self.moves.server(run)
        source = server.host or ""
        placed = self.moves.place(run, server, server.flavor, (source,))
        chosen = {"dest_host": placed.host, "dest_node": placed.node}
        data = {"host": placed.host, "node": placed.node, "source": source}

        def write(tx: Tx) -> None:
            migrations.change(tx, run.operation.id, chosen)
            migrations.advance(tx, run.operation.id, "queued", "preparing")

        return Done(data, write)

    def unschedule(self, run: Run) -> Result:
        return Done(write=lambda tx: stay(tx, run.resource_id))

    def receive(self, run: Run) -> Result:
        dest, source = _hosts(run)
        if run.report is None:
            self.moves.must_be_up(dest)
            self.moves.must_be_up(source)
        guest = self.moves.guest(self.moves.server(run))
        failpoints.hit("conductor.live.before_receive")
        return self.moves.hosts.compute_step(run, dest, Action.RECEIVE, guest, peer=self.moves.peer(source))

    def unreceive(self, run: Run) -> Result:
        """The guest is on at the source. A destination that is down destroys what it has when it comes back."""
        dest, _ = _hosts(run)
        if run.report is None and not self.moves.hosts.is_up(COMPUTE, dest):
            return Done()
        return self.moves.hosts.compute_step(run, dest, Action.DESTROY)

    def wire(self, run: Run) -> Result:
        """Both hosts carry the ports, so that not a packet is lost when the guest goes over. From here on no deadline
        ends the operation: only the source knows where the guest is."""
        dest, _ = _hosts(run)

        def write(tx: Tx) -> bool:
            self.moves.network.bind_also(tx, run.resource_id, dest)
            return self.moves.network.wired_also(tx, run.resource_id, dest)

        def begin(tx: Tx) -> None:
            operations.forget_deadline(tx, run.operation)
            migrations.advance(tx, run.operation.id, "preparing", "running")

        return Done(write=begin) if run.write(write) else self.moves.await_wiring(dest)

    def unwire(self, run: Run) -> Result:
        return Done(write=lambda tx: self.moves.network.unbind_also(tx, run.resource_id))

    def migrate(self, run: Run) -> Result:
        dest, source = _hosts(run)
        if run.line.attempt == 0 and self._aborted(run):
            raise Conflict("The live migration was aborted before it began.")
        peer = self.moves.peer(dest, str(run.data("receive").get("directory", "")))
        failpoints.hit("conductor.live.before_migrate")
        return self.moves.hosts.compute_step(run, source, Action.MIGRATE, peer=peer)

    def _aborted(self, run: Run) -> bool:
        with self.moves.database.read() as tx:
            record = migrations.of_operation(tx, run.operation.id)
        return record is not None and record.status == "aborting"

    def arrive(self, run: Run) -> Result:
        """The one moment in which the server changes hosts, in the database as in its ports."""
        dest, _ = _hosts(run)
        result = self.moves.hosts.compute_step(run, dest, Action.ARRIVE)
        if isinstance(result, Wait):
            return result
        node = run.data("schedule")["node"]

        def write(tx: Tx) -> None:
            servers.change(tx, run.resource_id, {"host": dest, "node": node})
            self.moves.network.activate(tx, run.resource_id, dest)
            self.moves.volume.moved(tx, run.resource_id, dest)
            migrations.change(tx, run.operation.id, {"status": "post-migrating"})

        return Done(result.data, write)

    def clean(self, run: Run) -> Result:
        """Files that the guest left behind. A source that is down destroys them when it comes back; what it can't do
        now is asked of it again: a failure here must not undo what has succeeded."""
        _, source = _hosts(run)
        if run.report is None and not self.moves.hosts.is_up(COMPUTE, source):
            return Done()
        if run.report is not None and run.report.get("error"):
            log.warning("server %s left files on %s: %s", run.resource_id, source, run.report["error"])
            run.write(lambda tx: operations.write_line(tx, run.operation, run.line.step, {"report": None}))
            return Wait(AGAIN_S)
        return self.moves.hosts.compute_step(run, source, Action.DESTROY)

    def finish(self, tx: Tx, run: Run) -> None:
        server = servers.get(tx, run.resource_id)
        nodes.settle(tx, server.id, server.host, server.claims())
        power = Power(run.data("arrive").get("power") or Power.RUNNING)
        servers.finish(tx, server.id, "live_migrate", power=power)
        migrations.change(tx, run.operation.id, {"status": "completed"})

    def fail(self, tx: Tx, operation: Operation, reason: str) -> None:
        """The server is what it was and where it was; only the migration has failed."""
        servers.fail(tx, operation.resource_id, "live_migrate")
        record = migrations.of_operation(tx, operation.id)
        aborted = record is not None and record.status == "aborting"
        migrations.change(tx, operation.id, {"status": "cancelled" if aborted else "error"})


def _hosts(run: Run) -> tuple[str, str]:
    """Destination and source."""
    chosen = run.data("schedule")
    return chosen["host"], chosen["source"]
