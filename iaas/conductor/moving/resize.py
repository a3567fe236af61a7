"""server.resize and server.migrate: a server that is off moves to another host, to another flavor, or both.

The guest is off on the old side before it is on on the new one, and the old disks stay untouched until the move is
confirmed: whatever fails on the way, the server is where it was, and runs if it ran. On one and the same host the old
disks are kept beside the new ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iaas import failpoints
from iaas.conductor.flow import Done, Flow, Result, Run, Step
from iaas.conductor.moving.moves import COMPUTE, Moves, stay
from iaas.conductor.power import SHUTDOWN_S
from iaas.db import quotas
from iaas.db.compute import migrations, servers
from iaas.db.engine import Tx
from iaas.model.flavor import Flavor
from iaas.model.operation import Operation
from iaas.model.order import Action, Power
from iaas.model.server import Server, State, counted


@dataclass(frozen=True, kw_only=True)
class Resize:
    """``same_host``: a resize (not a migration) may stay where it is."""

    moves: Moves
    same_host: bool

    def flows(self) -> tuple[Flow[Any], ...]:
        return tuple(
            Flow(
                kind=kind,
                steps=(
                    Step("schedule", self.schedule, self.unschedule),
                    Step("stop", self.stop, self.unstop),
                    Step("copy", self.copy, self.uncopy),
                    Step("network", self.wire, self.unwire),
                    Step("spawn", self.spawn, self.unspawn),
                ),
                finish=self.finish,
                fail=self.fail,
            )
            for kind in ("server.resize", "server.migrate")
        )

    def schedule(self, run: Run) -> Result:
        server = self.moves.server(run)
        stays = self.same_host and server.new_flavor is not None
        exclude = () if stays or server.host is None else (server.host,)
        placed = self.moves.place(run, server, _wanted(server), exclude)
        chosen = {"dest_host": placed.host, "dest_node": placed.node, "status": "migrating"}
        return Done(
            {"host": placed.host, "node": placed.node}, lambda tx: migrations.change(tx, run.operation.id, chosen)
        )

    def unschedule(self, run: Run) -> Result:
        return Done(write=lambda tx: stay(tx, run.resource_id))

    def stop(self, run: Run) -> Result:
        """By the power button first, so that the guest's disks are whole (I-15)."""
        server = self.moves.server(run)
        if run.report is None:
            self.moves.must_be_up(server.host or "")
        failpoints.hit("conductor.move.before_stop")
        return self.moves.hosts.compute_step(run, server.host or "", Action.STOP, timeout_s=SHUTDOWN_S)

    def unstop(self, run: Run) -> Result:
        """On again where it was, if it was on. Never given up: it waits for the host."""
        server = self.moves.server(run)
        if server.origin_state is not State.ACTIVE:
            return Done()
        guest = None if run.report else self.moves.guest(server)
        return self.moves.hosts.compute_step(run, server.host or "", Action.START, guest)

    def copy(self, run: Run) -> Result:
        server, dest = self.moves.server(run), run.data("schedule")["host"]
        if run.report is None:
            self.moves.must_be_up(dest)
            self.moves.must_be_up(server.host or "")
        guest = self.moves.guest(server, _wanted(server))
        failpoints.hit("conductor.move.before_copy")
        return self.moves.hosts.compute_step(
            run, dest, Action.COPY_DISKS, guest, peer=self.moves.peer(server.host or "")
        )

    def uncopy(self, run: Run) -> Result:
        """No copy is left. A destination that is down destroys it when it comes back: it has no claim there."""
        dest, source = run.data("schedule")["host"], self.moves.server(run).host
        if dest == source:
            return self.moves.hosts.compute_step(run, dest, Action.RESTORE_DISKS)
        if run.report is None and not self.moves.hosts.is_up(COMPUTE, dest):
            return Done()
        return self.moves.hosts.compute_step(run, dest, Action.DESTROY)

    def wire(self, run: Run) -> Result:
        return self.moves.wire(run, run.data("schedule")["host"])

    def unwire(self, run: Run) -> Result:
        return self.moves.wire(run, self.moves.server(run).host or "")

    def spawn(self, run: Run) -> Result:
        """A server that was off stays off: its first start defines it."""
        server, dest = self.moves.server(run), run.data("schedule")["host"]
        if server.origin_state is not State.ACTIVE:
            return Done()
        guest = None if run.report else self.moves.guest(server, _wanted(server), dest)
        failpoints.hit("conductor.move.before_spawn")
        return self.moves.hosts.compute_step(run, dest, Action.START, guest)

    def unspawn(self, run: Run) -> Result:
        """Never two guests: before the old side starts, the new one has said that it is off, or its operator has."""
        dest = run.data("schedule")["host"]
        if self.moves.server(run).origin_state is not State.ACTIVE or self.moves.lost(dest):
            return Done()
        return self.moves.hosts.compute_step(run, dest, Action.STOP, timeout_s=0)

    def finish(self, tx: Tx, run: Run) -> None:
        server = servers.get(tx, run.resource_id)
        chosen, runs = run.data("schedule"), server.origin_state is State.ACTIVE
        servers.finish(
            tx, server.id, "resize", host=chosen["host"], node=chosen["node"], power=_power(runs),
            flavor=servers.frozen_flavor(_wanted(server)), new_flavor=None,
            old_flavor=servers.frozen_flavor(server.flavor), old_host=server.host, old_node=server.node,
        )  # fmt: skip
        self.moves.volume.moved(tx, server.id, chosen["host"])
        migrations.change(tx, run.operation.id, {"status": "finished"})

    def fail(self, tx: Tx, operation: Operation, reason: str) -> None:
        """The server is as it was; why it did not move, its history tells."""
        server = servers.get(tx, operation.resource_id)
        give_back(tx, server, server.flavor)
        runs = server.origin_state is State.ACTIVE
        servers.fail(tx, server.id, "resize", new_flavor=None, origin_state=None, power=_power(runs))
        migrations.change(tx, operation.id, {"status": "error"})


def give_back(tx: Tx, server: Server, left: Flavor) -> None:
    """The quota that the server takes no more, now that it has one flavor only."""
    before, after = server.counted, counted(left)
    quotas.give(tx, server.project_id, {name: before[name] - after[name] for name in before})


def _wanted(server: Server) -> Flavor:
    return server.new_flavor or server.flavor


def _power(runs: bool) -> Power:
    return Power.RUNNING if runs else Power.SHUTDOWN
