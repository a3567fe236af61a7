"""server.unshelve: started where it is or, once offloaded, built on a host of its own from the image that was kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from iaas.conductor.build import Build
from iaas.conductor.flow import Done, Flow, Result, Run, Step
from iaas.db.compute import servers
from iaas.db.engine import Tx
from iaas.errors import NotFound
from iaas.image.facade import ImageFacade
from iaas.model.operation import JournalLine, Operation
from iaas.model.order import Action, Power
from iaas.model.server import Server, Task


@dataclass(frozen=True, kw_only=True)
class Unshelve(Build):
    """A build without a new server. ``params``: ``kept``, the server is still on its host. What fails leaves it
    shelved, with its addresses, volumes and image."""

    image: ImageFacade

    def flow(self) -> Flow[Any]:
        volumes = self.volumes.step()
        return Flow(
            kind="server.unshelve",
            steps=(
                Step("schedule", self.schedule, self.unschedule),
                Step("network", self.wire, self.unwire),
                Step(
                    "volumes", volumes.do, lambda run: Done() if _kept(run) or not volumes.undo else volumes.undo(run)
                ),
                Step("spawn", self.spawn, self.unspawn),
            ),
            finish=self.finish,
            fail=self.fail,
            again=self.again,
        )

    def schedule(self, run: Run) -> Result:
        return Done({"host": self._server(run).host}) if _kept(run) else super().schedule(run)

    def unschedule(self, run: Run) -> Result:
        return Done() if _kept(run) else super().unschedule(run)

    def unwire(self, run: Run) -> Result:
        return Done() if _kept(run) else super().unwire(run)

    def spawn(self, run: Run) -> Result:
        if not _kept(run):
            return super().spawn(run)
        server = self._server(run)
        guest = None
        if run.report is None:
            with self.database.read() as tx:
                nics = self.network.nics(tx, server.id)
            guest = self.guests.spec(server, nics)
        return self.hosts.compute_step(run, run.data("schedule")["host"], Action.START, guest)

    def unspawn(self, run: Run) -> Result:
        if not _kept(run):
            return super().unspawn(run)
        return self.hosts.compute_step(run, run.data("schedule")["host"], Action.STOP, timeout_s=0)

    def finish(self, tx: Tx, run: Run) -> None:
        """The image has done its service; the server is again of the one that it was made of."""
        server = servers.get(tx, run.resource_id)
        self.volumes.attached(tx, run, run.data("schedule")["host"])
        servers.finish(tx, server.id, "unshelve", power=Power(run.line.data["power"]), launched_at=tx.now(), fault=None,
                       shelved_image_id=None, origin_state=None)  # fmt: skip
        if server.shelved_image_id:
            self.image.discard(tx, server.shelved_image_id)

    def fail(self, tx: Tx, operation: Operation, reason: str) -> None:
        server = servers.get(tx, operation.resource_id)
        if server.task is not None:
            servers.fail(tx, server.id, "unshelve")

    def again(self, operation: Operation, lines: Mapping[str, JournalLine]) -> dict[str, Any] | None:
        return None if operation.params.get("kept") else super().again(operation, lines)

    def _server(self, run: Run) -> Server:
        """With the kept image in the place of its own."""
        with self.database.read() as tx:
            server = servers.get(tx, run.resource_id)
        if server.task is not Task.UNSHELVING:
            raise NotFound.of("server", run.resource_id)
        return replace(server, image_id=server.shelved_image_id or server.image_id)


def _kept(run: Run) -> bool:
    return bool(run.operation.params.get("kept"))
