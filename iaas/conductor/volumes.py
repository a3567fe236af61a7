"""volume.create and volume.delete: place, then one order to the volume host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iaas.conductor.flow import Done, Flow, Result, Run, Step
from iaas.conductor.hosts import Hosts
from iaas.db import quotas, services
from iaas.db.engine import Database, Tx
from iaas.db.volume import volumes
from iaas.errors import NoValidHost
from iaas.model.operation import Operation
from iaas.model.volume_order import VolumeAction


@dataclass(frozen=True, kw_only=True)
class VolumeFlows:
    database: Database
    hosts: Hosts

    def flows(self) -> tuple[Flow[Any], ...]:
        create: Flow[Any] = Flow(
            kind="volume.create",
            steps=(Step("place", self.place), Step("create", self.create, self.uncreate)),
            finish=lambda tx, run: volumes.finish(tx, run.resource_id, "create"),
            fail=self._failed,
        )
        delete: Flow[Any] = Flow(
            kind="volume.delete",
            steps=(Step("delete", self.delete),),
            finish=self._deleted,
            fail=self._failed,
            stubborn=True,
        )
        return create, delete

    def place(self, run: Run) -> Result:
        """The living volume host with the least promised."""

        def write(tx: Tx) -> str:
            volume = volumes.get(tx, run.resource_id)
            if volume.host:
                return volume.host
            now = services.judgement_time(tx)
            alive = [item.host for item in services.all_of(tx, "iaas-volume") if item.takes_work(now)]
            if not alive:
                raise NoValidHost("No valid host was found. No volume service is up.")
            used = volumes.used_gb(tx)
            host = min(alive, key=lambda name: (used.get(name, 0), name))
            volumes.change(tx, volume.id, {"host": host})
            return host

        return Done({"host": run.write(write)})

    def create(self, run: Run) -> Result:
        with self.database.read() as tx:
            volume = volumes.get(tx, run.resource_id)
        assert volume.host is not None
        return self.hosts.volume_step(run, volume.host, VolumeAction.CREATE, volume.size_gb)

    def uncreate(self, run: Run) -> Result:
        host = run.data("place").get("host")
        if host is None or not self.hosts.is_up("iaas-volume", host):
            return Done()
        return self.hosts.volume_step(run, host, VolumeAction.DELETE, 0)

    def delete(self, run: Run) -> Result:
        """Waits for the host: bytes of a tenant must not outlive the row that leads to them (C-14)."""
        with self.database.read() as tx:
            volume = volumes.get(tx, run.resource_id)
        if volume.host is None:
            return Done()
        return self.hosts.volume_step(run, volume.host, VolumeAction.DELETE, volume.size_gb)

    def _deleted(self, tx: Tx, run: Run) -> None:
        volume = volumes.get(tx, run.resource_id)
        volumes.finish(tx, volume.id, "delete", deleted_at=tx.now())
        quotas.give(tx, volume.project_id, {"volumes": 1, "gigabytes": volume.size_gb})

    def _failed(self, tx: Tx, operation: Operation, reason: str) -> None:
        volumes.fail(tx, operation.resource_id, "create")
