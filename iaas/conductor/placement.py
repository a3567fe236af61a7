"""Asks the scheduler for a host: what a server needs of one, from its row, its flavor and its image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from iaas import context as contexts
from iaas.db.engine import Database
from iaas.errors import NotFound
from iaas.image.facade import ImageFacade
from iaas.model.flavor import Flavor
from iaas.model.operation import Operation
from iaas.model.placement import Placed, PlacementRequest
from iaas.model.server import Server
from iaas.rpc.scheduler import SchedulerRpc


@dataclass(frozen=True, kw_only=True)
class Placement:
    database: Database
    scheduler: SchedulerRpc
    image: ImageFacade

    def select(self, operation: Operation, server: Server, flavor: Flavor | None = None, **changes: Any) -> Placed:
        """A claimed host for the server, with ``flavor`` instead of its own if it is to be resized. The operation's
        parameters forced_host, exclude and alternates count; ``changes`` are fields of the request. Raises NoValidHost
        and what SchedulerRpc.select raises."""
        hints, params = server.hints or {}, operation.params
        request = PlacementRequest.of(
            flavor or server.flavor,
            self._image_properties(server),
            root=server.local_root,
            operation_id=operation.id,
            fence=operation.fence,
            server_id=server.id,
            project_id=server.project_id,
            availability_zone=server.availability_zone,
            forced_host=params.get("forced_host"),
            exclude=tuple(params.get("exclude", ())),
            alternates=tuple(params.get("alternates", ())),
            group_id=server.group_id,
            different_host=tuple(hints.get("different_host", ())),
            same_host=tuple(hints.get("same_host", ())),
        )
        return self.scheduler.select(replace(request, **changes))

    def _image_properties(self, server: Server) -> dict[str, str]:
        """Of an image that has vanished nothing is known any more."""
        if server.image_id is None:
            return {}
        try:
            with self.database.read() as tx:
                return self.image.get(tx, contexts.system(), server.image_id).properties
        except NotFound:
            return {}
