"""The volumes of a server that is being built: until they have their bytes, served to its host, and its own at last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iaas import failpoints
from iaas.conductor.exports import Exports
from iaas.conductor.flow import Done, Result, Run, Step, Wait
from iaas.db.engine import Database, Tx
from iaas.errors import Internal, Invalid
from iaas.volume.facade import VolumeFacade

READY_S = 5.0  # longest sleep until the volumes are looked at again; the end of a volume's creation wakes


@dataclass(frozen=True, kw_only=True)
class BuildVolumes:
    """What a failed build leaves promised to the server is released when the server is deleted."""

    database: Database
    volume: VolumeFacade
    exports: Exports

    def step(self) -> Step:
        """Left out for a server that was ordered without volumes."""
        return Step("volumes", self.export, self.unexport, lambda operation: operation.params.get("volumes", True))

    def export(self, run: Run) -> Result:
        """Raises Invalid when a volume could not be made: no other host would help."""
        with self.database.read() as tx:
            wanted = self.volume.attachments(tx, run.resource_id)
            try:
                waits = [item for item in wanted if not self.volume.ready(tx, item.volume_id)]
            except Internal as error:
                raise Invalid(error.message) from error
        if not wanted:
            return Done()
        if waits:
            return Wait(READY_S)
        failpoints.hit("conductor.build.before_export")
        return self.exports.export(run)

    def unexport(self, run: Run) -> Result:
        return self.exports.unexport_all(run)

    def attached(self, tx: Tx, run: Run, host: Any) -> None:
        for item in self.volume.attachments(tx, run.resource_id):
            self.volume.attached(tx, item.id, host)
