"""snapshot.create and snapshot.delete: one order to the volume's host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iaas.conductor.flow import Done, Flow, Result, Run, Step
from iaas.conductor.hosts import Hosts
from iaas.db import quotas
from iaas.db.engine import Database, Tx
from iaas.db.volume import backends, snapshots, volumes
from iaas.model.operation import Operation
from iaas.model.volume_order import VolumeAction


@dataclass(frozen=True, kw_only=True)
class SnapshotFlows:
    """The host of a snapshot is its volume's; a volume can't end before its snapshots."""

    database: Database
    hosts: Hosts

    def flows(self) -> tuple[Flow[Any], ...]:
        create: Flow[Any] = Flow(
            kind="snapshot.create",
            steps=(Step("snapshot", self.snapshot, self.unsnapshot),),
            finish=lambda tx, run: snapshots.finish(tx, run.resource_id, "create"),
            fail=self._failed,
        )
        delete: Flow[Any] = Flow(
            kind="snapshot.delete",
            steps=(Step("delete", self.delete),),
            finish=self._deleted,
            fail=self._failed,
            stubborn=True,
        )
        return create, delete

    def snapshot(self, run: Run) -> Result:
        return self._order(run, VolumeAction.SNAPSHOT)

    def unsnapshot(self, run: Run) -> Result:
        return self._order(run, VolumeAction.DELETE_SNAPSHOT)

    def delete(self, run: Run) -> Result:
        """Waits for the host (C-14)."""
        return self._order(run, VolumeAction.DELETE_SNAPSHOT)

    def _order(self, run: Run, action: VolumeAction) -> Result:
        with self.database.read() as tx:
            snapshot = snapshots.get(tx, run.resource_id)
            host = volumes.get(tx, snapshot.volume_id).host
        if host is None:
            return Done()
        ids = {"snapshot_id": snapshot.id, "volume_id": snapshot.volume_id}
        return self.hosts.volume_step(run, host, action, **ids)

    def _deleted(self, tx: Tx, run: Run) -> None:
        snapshot = snapshots.get(tx, run.resource_id)
        snapshots.finish(tx, snapshot.id, "delete", deleted_at=tx.now())
        backends.give(tx, volumes.get(tx, snapshot.volume_id).host, snapshot.size_gb)
        quotas.give(tx, snapshot.project_id, {"snapshots": 1, "gigabytes": snapshot.size_gb})

    def _failed(self, tx: Tx, operation: Operation, reason: str) -> None:
        snapshots.fail(tx, operation.resource_id, "create")
