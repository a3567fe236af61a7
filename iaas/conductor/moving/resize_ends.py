"""server.confirmResize and server.revertResize: one side of a moved server goes, for good. Neither is ever undone.

Both destroy before they build: a revert removes the guest on the new side before the old one starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iaas import failpoints
from iaas.conductor.flow import Done, Flow, Result, Run, Step
from iaas.conductor.moving.moves import COMPUTE, Moves
from iaas.conductor.moving.resize import give_back
from iaas.db.compute import migrations, nodes, servers
from iaas.db.engine import Tx
from iaas.model.operation import Operation
from iaas.model.order import Action, Power
from iaas.model.placement import COLD, RESIZE
from iaas.model.server import State


@dataclass(frozen=True, kw_only=True)
class ResizeEnds:
    moves: Moves

    def flows(self) -> tuple[Flow[Any], ...]:
        return (
            Flow(
                kind="server.confirmResize",
                steps=(Step("drop", self.drop_old),),
                finish=self.finish_confirm,
                fail=_never,
                stubborn=True,
            ),
            Flow(
                kind="server.revertResize",
                steps=(Step("drop", self.drop_new), Step("network", self.wire), Step("start", self.start)),
                finish=self.finish_revert,
                fail=_never,
                stubborn=True,
            ),
        )

    def drop_old(self, run: Run) -> Result:
        """An old host that is down destroys what it has when it comes back: it will have no claim."""
        server = self.moves.server(run)
        failpoints.hit("conductor.resize.before_drop")
        if server.old_host == server.host:
            return self.moves.hosts.compute_step(run, server.host or "", Action.DROP_ORIGINALS)
        if run.report is None and not (server.old_host and self.moves.hosts.is_up(COMPUTE, server.old_host)):
            return Done()
        return self.moves.hosts.compute_step(run, server.old_host or "", Action.DESTROY)

    def finish_confirm(self, tx: Tx, run: Run) -> None:
        server = servers.get(tx, run.resource_id)
        nodes.settle(tx, server.id, server.host, server.claims())
        give_back(tx, server, server.flavor)
        state = server.origin_state or State.ACTIVE
        servers.finish(tx, server.id, "confirm_resize", state=state, old_flavor=None, old_host=None, old_node=None,
                       origin_state=None)  # fmt: skip
        migrations.change_latest(tx, server.id, (RESIZE, COLD), {"status": "confirmed"})

    def drop_new(self, run: Run) -> Result:
        """Waits for a new host that is down, unless its operator says that nothing runs there any more."""
        server = self.moves.server(run)
        failpoints.hit("conductor.resize.before_drop")
        if server.old_host == server.host:
            return self.moves.hosts.compute_step(run, server.host or "", Action.RESTORE_DISKS)
        if run.report is None and self.moves.lost(server.host or ""):
            return Done()
        return self.moves.hosts.compute_step(run, server.host or "", Action.DESTROY)

    def wire(self, run: Run) -> Result:
        return self.moves.wire(run, self.moves.server(run).old_host or "")

    def start(self, run: Run) -> Result:
        server = self.moves.server(run)
        if server.origin_state is State.STOPPED:
            return Done()
        guest = None if run.report else self.moves.guest(server, server.old_flavor, server.old_host)
        failpoints.hit("conductor.resize.before_start")
        return self.moves.hosts.compute_step(run, server.old_host or "", Action.START, guest)

    def finish_revert(self, tx: Tx, run: Run) -> None:
        server = servers.get(tx, run.resource_id)
        old = server.old_flavor or server.flavor
        nodes.settle(tx, server.id, server.old_host, server.claims(old))
        give_back(tx, server, old)
        state = server.origin_state or State.ACTIVE
        servers.finish(
            tx, server.id, "revert_resize", state=state, flavor=servers.frozen_flavor(old), host=server.old_host,
            node=server.old_node, old_flavor=None, old_host=None, old_node=None, origin_state=None,
            power=Power.SHUTDOWN if state is State.STOPPED else Power.RUNNING,
        )  # fmt: skip
        self.moves.volume.moved(tx, server.id, server.old_host)
        migrations.change_latest(tx, server.id, (RESIZE, COLD), {"status": "reverted"})


def _never(tx: Tx, operation: Operation, reason: str) -> None:
    raise AssertionError("neither a confirmation nor a reversal is given up")
