"""The volume API on the loopback cloud, and a conductor that does all at once."""

from __future__ import annotations

from typing import Any

from iaas.api.app import make_app
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.api.volume.dialect import DIALECT
from iaas.api.volume.rules import RULES
from iaas.db import operations, quotas, services
from iaas.db.engine import Database, Tx
from iaas.db.volume import backends, snapshots, volumes
from iaas.model.operation import Operation, OperationState
from iaas.model.order import Backend
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.contract import Method
from iaas.volume.service import VolumeServices
from tests.compat.cloud import Cloud

HOST = "store1"


class Instantly:
    """A bus whose other end has done the work when ``send`` returns: clients see an end without waiting."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def send(self, topic: str, host: str | None, version: str, method: Method, arguments: dict[str, Any]) -> None:
        self.database.run(lambda tx: self._run(tx, arguments["operation_id"]))

    def _run(self, tx: Tx, operation_id: str) -> None:
        claimed = operations.claim(tx, operation_id, "worker", 30)
        assert claimed is not None
        operation = claimed[0]
        getattr(self, f"_{operation.kind.replace('.', '_')}")(tx, operation)
        operations.change(tx, operation, "worker", {"state": OperationState.DONE, "finished_at": tx.now()})

    def _volume_create(self, tx: Tx, operation: Operation) -> None:
        volume = volumes.get(tx, operation.resource_id)
        assert backends.take(tx, HOST, volume.size_gb)
        volumes.finish(tx, volume.id, "create", host=HOST)

    def _volume_extend(self, tx: Tx, operation: Operation) -> None:
        volumes.finish(tx, operation.resource_id, "extend", size_gb=operation.params["to_gb"])

    def _volume_delete(self, tx: Tx, operation: Operation) -> None:
        volume = volumes.get(tx, operation.resource_id)
        volumes.finish(tx, volume.id, "delete", deleted_at=tx.now())
        quotas.give(tx, volume.project_id, {"volumes": 1, "gigabytes": volume.size_gb})

    def _snapshot_create(self, tx: Tx, operation: Operation) -> None:
        snapshots.finish(tx, operation.resource_id, "create")

    def _snapshot_delete(self, tx: Tx, operation: Operation) -> None:
        snapshots.finish(tx, operation.resource_id, "delete", deleted_at=tx.now())


def add_volume(cloud: Cloud) -> VolumeServices:
    """Serves the volume API under the catalog's one entry for it; one host is up."""
    service = VolumeServices(database=cloud.database, conductor=ConductorRpc(Instantly(cloud.database)))
    routes = collect("iaas.api.volume")
    app = make_app(DIALECT, routes, service, Policy.of_routes(routes, RULES), cloud.identity.authenticate)
    cloud.add("volumev3", app, "/v3")

    def beat(tx: Tx) -> None:
        for binary in ("iaas-volume", "iaas-conductor"):
            services.touch(tx, binary, HOST, "boot", 1, 1)
        backends.record(tx, HOST, Backend(total_gb=100, address="127.0.0.1", port=10809))

    cloud.database.run(beat)
    return service
