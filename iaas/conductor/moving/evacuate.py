"""server.evacuate: away from a dead host; from its volumes, or anew from its image.

Fence before recover (C-10): once another host has the room, one transaction takes the server from the old host: no
claim is left there, so whatever comes back destroys its guest before it takes work; the export of every volume gets a
new name, so what runs on over there writes no more. Only then is the server built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iaas import failpoints
from iaas.clock import iso8601
from iaas.conductor.build import ROUNDS
from iaas.conductor.exports import Exports
from iaas.conductor.flow import Done, Flow, Result, Run, Step
from iaas.conductor.moving.moves import COMPUTE, Moves, stay
from iaas.db.compute import migrations, nodes, servers
from iaas.db.engine import Tx
from iaas.errors import Conflict
from iaas.model.operation import JournalLine, Operation
from iaas.model.order import Action, Power
from iaas.model.server import State


@dataclass(frozen=True, kw_only=True)
class Evacuate:
    moves: Moves
    exports: Exports

    def flow(self) -> Flow[Any]:
        return Flow(
            kind="server.evacuate",
            steps=(
                Step("schedule", self.schedule, self.unschedule),
                Step("fence", self.fence),
                Step("clear", self.clear),
                Step("volumes", self.exports.export),
                Step("network", self.wire, self.unwire),
                Step("spawn", self.spawn, self.unspawn),
                Step("power", self.power),
            ),
            finish=self.finish,
            fail=self.fail,
            again=self.again,
        )

    def schedule(self, run: Run) -> Result:
        server = self.moves.server(run)
        placed = self.moves.place(run, server, server.flavor, (server.host,) if server.host else ())
        chosen = {"dest_host": placed.host, "dest_node": placed.node, "status": "pre-migrating"}
        with self.moves.database.read() as tx:
            others = [claim.host for claim in nodes.claims_of(tx, server.id) if claim.host != server.host]
        data = {"host": placed.host, "node": placed.node, "source": server.host, "others": others}
        return Done(data, lambda tx: migrations.change(tx, run.operation.id, chosen))

    def unschedule(self, run: Run) -> Result:
        """Before the fence the server stays its old host's; after it, nobody's."""
        return Done(write=lambda tx: _back(tx, run))

    def fence(self, run: Run) -> Result:
        chosen = run.data("schedule")
        source = chosen["source"]
        if source and self.moves.hosts.is_up(COMPUTE, source):
            raise Conflict("The server's host is back.")
        failpoints.hit("conductor.evacuate.before_fence")

        def write(tx: Tx) -> None:
            server = servers.get(tx, run.resource_id)
            for claim in nodes.claims_of(tx, server.id):
                if claim.host != chosen["host"]:
                    nodes.release(tx, server.id, claim.host)
            self.moves.volume.cut_off(tx, server.id)
            servers.change(tx, server.id, {"host": chosen["host"], "node": chosen["node"]})

        return Done(write=write)

    def clear(self, run: Run) -> Result:
        """Where an earlier move may have left something: that has to go before the server is built."""
        others = [host for host in run.data("schedule")["others"] if self.moves.hosts.is_up(COMPUTE, host)]
        return self.moves.hosts.everywhere(run, others, Action.DESTROY)

    def wire(self, run: Run) -> Result:
        return self.moves.wire(run, run.data("schedule")["host"])

    def unwire(self, run: Run) -> Result:
        return Done(write=lambda tx: self.moves.network.unbind(tx, run.resource_id))

    def spawn(self, run: Run) -> Result:
        server, dest = self.moves.server(run), run.data("schedule")["host"]
        guest = None
        if run.report is None:
            self.moves.must_be_up(dest)
            with self.moves.database.read() as tx:
                nics = self.moves.network.nics(tx, server.id)
            guest = self.moves.guests.spec(server, nics)
        failpoints.hit("conductor.evacuate.before_spawn")
        return self.moves.hosts.compute_step(run, dest, Action.BUILD, guest)

    def unspawn(self, run: Run) -> Result:
        """A destination that is down is fenced like the source: no claim, and another name for every export."""
        dest = run.data("schedule")["host"]
        if run.report is None and not self.moves.hosts.is_up(COMPUTE, dest):
            return Done()
        return self.moves.hosts.compute_step(run, dest, Action.DESTROY)

    def power(self, run: Run) -> Result:
        """A server that was off is off again."""
        server = self.moves.server(run)
        if server.origin_state is not State.STOPPED:
            return Done()
        return self.moves.hosts.compute_step(run, server.host or "", Action.STOP, timeout_s=0)

    def finish(self, tx: Tx, run: Run) -> None:
        server = servers.get(tx, run.resource_id)
        off = server.origin_state is State.STOPPED
        servers.finish(
            tx, server.id, "evacuate", state=State.STOPPED if off else State.ACTIVE, origin_state=None, fault=None,
            power=Power.SHUTDOWN if off else Power.RUNNING,
        )  # fmt: skip
        self.moves.volume.moved(tx, server.id, server.host)
        migrations.change(tx, run.operation.id, {"status": "done"})

    def fail(self, tx: Tx, operation: Operation, reason: str) -> None:
        """Still its old host's: as it was before. Taken from it, and built nowhere: ERROR, with the reason."""
        server = servers.get(tx, operation.resource_id)
        state = State.ERROR if server.host is None else server.origin_state or State.ERROR
        fault = {"code": 500, "message": reason, "created": iso8601(tx.now())}
        servers.fail(tx, server.id, "evacuate", state=state, origin_state=None, fault=fault, power=Power.NONE)
        migrations.change(tx, operation.id, {"status": "error"})

    def again(self, operation: Operation, lines: Mapping[str, JournalLine]) -> dict[str, Any] | None:
        """Another host, when the host was what failed."""
        placed = lines.get("schedule")
        began = lines.get("spawn") or lines.get("network")
        if placed is None or began is None or operation.error_kind in ("not_found", "invalid", "timeout"):
            return None
        tried = [*operation.params.get("exclude", ()), placed.data["host"]]
        if len(tried) >= ROUNDS or operation.params.get("forced_host"):
            return None
        return {**operation.params, "exclude": tried}


def _back(tx: Tx, run: Run) -> None:
    server = servers.get(tx, run.resource_id)
    if server.host == run.data("schedule").get("host"):
        nodes.release(tx, server.id)
        servers.change(tx, server.id, {"host": None, "node": None})
    else:
        stay(tx, server.id)
