"""server.createImage and server.createBackup: the host fills a queued image. What fails leaves no image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iaas import context as contexts
from iaas import failpoints
from iaas.conductor.flow import Done, Flow, Result, Run, Step
from iaas.conductor.guests import Guests
from iaas.conductor.hosts import Hosts
from iaas.db.compute import servers
from iaas.db.engine import Tx
from iaas.image.facade import ImageFacade
from iaas.model.operation import FILLS, Operation
from iaas.model.order import Action, Power, Upload


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """``params`` of the operations: FILLS, the image's id; of a backup also ``backup_type`` and ``rotation``."""

    image: ImageFacade
    guests: Guests
    hosts: Hosts

    def flows(self) -> tuple[Flow[Any], ...]:
        return self._flow("server.createImage"), self._flow("server.createBackup")

    def _flow(self, kind: str) -> Flow[Any]:
        steps = (Step("snapshot", self.snapshot, self.discard),)
        return Flow(kind=kind, steps=steps, finish=self.finish, fail=self.fail)

    def snapshot(self, run: Run) -> Result:
        _, host = self.hosts.placed(run)
        return self.hosts.compute_step(run, host, Action.SNAPSHOT, upload=self.upload(run))

    def upload(self, run: Run) -> Upload | None:
        """A fresh ticket for every send. Raises NotFound when somebody has deleted the image."""
        return None if run.report else self.guests.upload(run.operation.params[FILLS])

    def discard(self, run: Run) -> Result:
        return Done(write=lambda tx: self.image.discard(tx, run.operation.params[FILLS]))

    def finish(self, tx: Tx, run: Run) -> None:
        failpoints.hit("conductor.snapshot.before_finish")
        params = run.operation.params
        servers.finish(tx, run.resource_id, "snapshot", power=Power(run.line.data["power"]))
        if "rotation" in params:
            marks = {"instance_uuid": run.resource_id, "image_type": "backup", "backup_type": params["backup_type"]}
            owner = self.image.get(tx, contexts.system(), params[FILLS]).project_id
            for old in self.image.marked(tx, owner or "", marks)[params["rotation"] :]:
                self.image.discard(tx, old)

    def fail(self, tx: Tx, operation: Operation, reason: str) -> None:
        server = servers.get(tx, operation.resource_id)
        if server.task is not None:
            servers.fail(tx, server.id, "snapshot")
