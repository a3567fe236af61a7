"""server.delete: destroy on the host, cut its volumes off, then give back ports, claims, volumes and quota. Never
given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iaas import failpoints
from iaas.conductor.exports import Exports
from iaas.conductor.flow import Done, Flow, Result, Run, Step
from iaas.conductor.hosts import Hosts
from iaas.db import quotas
from iaas.db.compute import migrations, nodes, servers
from iaas.db.engine import Database, Tx
from iaas.model.operation import Operation
from iaas.model.order import Action, Power
from iaas.network.facade import NetworkFacade
from iaas.volume.facade import VolumeFacade


@dataclass(frozen=True, kw_only=True)
class Delete:
    database: Database
    network: NetworkFacade
    volume: VolumeFacade
    exports: Exports
    hosts: Hosts

    def flow(self) -> Flow[Any]:
        return Flow(
            kind="server.delete",
            steps=(
                Step("destroy", self.destroy),
                Step("unexport", self.exports.unexport_all),
                Step("release", self.release),
            ),
            finish=self.finish,
            fail=self.fail,
            stubborn=True,
        )

    def destroy(self, run: Run) -> Result:
        """On every host that holds a claim: an overtaken build may have moved on from the recorded one, and a server
        that moves is on two."""
        with self.database.read() as tx:
            server = servers.get(tx, run.resource_id)
            claimed = {claim.host for claim in nodes.claims_of(tx, run.resource_id)}
        hosts = claimed | ({server.host} if server.host else set())
        # A dead host destroys what is no longer its own when it comes back.
        alive = [host for host in hosts if self.hosts.is_up("iaas-compute", host)]
        return self.hosts.everywhere(run, alive, Action.DESTROY)

    def release(self, run: Run) -> Result:
        failpoints.hit("conductor.delete.before_release")

        def write(tx: Tx) -> None:
            self.network.release(tx, run.resource_id)
            self.volume.release_all(tx, run.caller, run.resource_id)
            nodes.release(tx, run.resource_id)

        return Done(write=write)

    def finish(self, tx: Tx, run: Run) -> None:
        now = tx.now()
        server = servers.get(tx, run.resource_id)
        servers.finish(tx, server.id, "delete", power=Power.NONE, terminated_at=now, deleted_at=now)
        quotas.give(tx, server.project_id, server.counted)
        migrations.abandon(tx, server.id)

    def fail(self, tx: Tx, operation: Operation, reason: str) -> None:
        raise AssertionError("a delete is never given up")
