"""volume.create, volume.extend and volume.delete: place, then one order to the volume host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iaas.conductor.flow import Done, Flow, Result, Run, Step, Wait
from iaas.conductor.guests import Guests
from iaas.conductor.hosts import Hosts
from iaas.db import operations, quotas, services
from iaas.db.engine import Database, TryAgain, Tx
from iaas.db.volume import attachments, backends, snapshots, volumes
from iaas.errors import Internal, NotFound, NoValidHost
from iaas.model.operation import JournalLine, Operation
from iaas.model.volume import Pool, Volume
from iaas.model.volume_order import ZEROS, Source, VolumeAction

SNAPSHOTS_S = 1.0  # between two looks whether a volume's snapshots are gone
ROUNDS = 3  # hosts tried for one volume


@dataclass(frozen=True, kw_only=True)
class VolumeFlows:
    database: Database
    hosts: Hosts
    guests: Guests

    def flows(self) -> tuple[Flow[Any], ...]:
        create: Flow[Any] = Flow(
            kind="volume.create",
            steps=(Step("place", self.place, self.unplace), Step("create", self.create, self.uncreate)),
            finish=self._created,
            fail=self._failed,
            again=self._again,
        )
        extend: Flow[Any] = Flow(
            kind="volume.extend",
            steps=(Step("extend", self.extend),),
            finish=self._extended,
            fail=self._not_extended,
        )
        delete: Flow[Any] = Flow(
            kind="volume.delete",
            steps=(Step("delete", self.delete),),
            finish=self._deleted,
            fail=self._failed,
            stubborn=True,
        )
        return create, extend, delete

    # -- create ---------------------------------------------------------------------------------------------------

    def place(self, run: Run) -> Result:
        """The living volume host with the most room; what is made of a snapshot or a volume goes where that is."""

        def write(tx: Tx) -> str:
            volume = volumes.get(tx, run.resource_id)
            if volume.host:
                return volume.host
            host = _choose(_candidates(tx, volume, run.operation.params.get("exclude", ())), volume.size_gb)
            if not backends.take(tx, host, volume.size_gb):
                raise TryAgain("Another volume took the room.")
            volumes.change(tx, volume.id, {"host": host})
            return host

        return Done({"host": run.write(write)})

    def unplace(self, run: Run) -> Result:
        def write(tx: Tx) -> None:
            volume = volumes.get(tx, run.resource_id)
            if volume.host:
                backends.give(tx, volume.host, volume.size_gb)
                volumes.change(tx, volume.id, {"host": None})

        return Done(write=write)

    def create(self, run: Run) -> Result:
        with self.database.read() as tx:
            volume = volumes.get(tx, run.resource_id)
        assert volume.host is not None
        source = ZEROS if run.report else self._source(volume)
        order = {"volume_id": volume.id, "size_gb": volume.size_gb, "source": source}
        return self.hosts.volume_step(run, volume.host, VolumeAction.CREATE, **order)

    def uncreate(self, run: Run) -> Result:
        host = run.data("place").get("host")
        if host is None or not self.hosts.is_up("iaas-volume", host):
            return Done()
        return self.hosts.volume_step(run, host, VolumeAction.DELETE, volume_id=run.resource_id)

    def _source(self, volume: Volume) -> Source:
        """Raises NotFound when an image has vanished meanwhile."""
        image = self.guests.source(volume.image_id) if volume.image_id else None
        return Source(image=image, snapshot_id=volume.snapshot_id, volume_id=volume.source_volume_id)

    def _created(self, tx: Tx, run: Run) -> None:
        volumes.finish(tx, run.resource_id, "create")
        attachments.settle(tx, volumes.get(tx, run.resource_id))
        _wake_servers(tx, run.resource_id)

    def _failed(self, tx: Tx, operation: Operation, reason: str) -> None:
        volumes.fail(tx, operation.resource_id, "create")
        _wake_servers(tx, operation.resource_id)

    def _again(self, operation: Operation, lines: Any) -> dict[str, Any] | None:
        """Another host, when the host was what failed; what is made of something there has no other."""
        placed: JournalLine | None = lines.get("place")
        if placed is None or "host" not in placed.data or operation.error_kind not in ("internal", "no_valid_host"):
            return None
        tried = [*operation.params.get("exclude", ()), placed.data["host"]]
        return None if len(tried) >= ROUNDS else {**operation.params, "exclude": tried}

    # -- extend ---------------------------------------------------------------------------------------------------

    def extend(self, run: Run) -> Result:
        with self.database.read() as tx:
            volume = volumes.get(tx, run.resource_id)
        assert volume.host is not None
        size_gb = int(run.operation.params["to_gb"])
        return self.hosts.volume_step(run, volume.host, VolumeAction.EXTEND, volume_id=volume.id, size_gb=size_gb)

    def _extended(self, tx: Tx, run: Run) -> None:
        volumes.finish(tx, run.resource_id, "extend", size_gb=run.operation.params["to_gb"])

    def _not_extended(self, tx: Tx, operation: Operation, reason: str) -> None:
        volumes.give_extension(tx, operation)
        volumes.fail(tx, operation.resource_id, "extend")

    # -- delete ---------------------------------------------------------------------------------------------------

    def delete(self, run: Run) -> Result:
        """Waits for the host: bytes of a tenant must not outlive the row that leads to them (C-14). And for the
        volume's snapshots, if they are to go with it."""
        with self.database.read() as tx:
            volume = volumes.get(tx, run.resource_id)
            if snapshots.count_of(tx, volume.id):
                return Wait(SNAPSHOTS_S)
        if volume.host is None:
            return Done()
        return self.hosts.volume_step(run, volume.host, VolumeAction.DELETE, volume_id=volume.id)

    def _deleted(self, tx: Tx, run: Run) -> None:
        volume = volumes.get(tx, run.resource_id)
        volumes.finish(tx, volume.id, "delete", deleted_at=tx.now())
        backends.give(tx, volume.host, volume.size_gb)
        quotas.give(tx, volume.project_id, {"volumes": 1, "gigabytes": volume.size_gb})


def _candidates(tx: Tx, volume: Volume, exclude: Any) -> list[Pool]:
    """The hosts that may have the volume. Raises NoValidHost when there is none, or the one of its source is away."""
    now = services.judgement_time(tx)
    alive = {item.host for item in services.all_of(tx, "iaas-volume") if item.takes_work(now)}
    only = _host_of_source(tx, volume)
    if only is not None and only not in alive:
        raise NoValidHost("No valid host was found. The volume service that has the volume's source is not up.")
    wanted = {only} if only else alive - set(exclude)
    found = [pool for pool in backends.all_of(tx) if pool.host in wanted]
    if not found:
        tried = " but those tried" if exclude else ""
        raise NoValidHost(f"No valid host was found. No volume service is up{tried}.")
    return found


def _choose(pools: list[Pool], size_gb: int) -> str:
    """The one with the most room, of equals the first by name. Raises NoValidHost with the numbers."""
    best = min(pools, key=lambda pool: (-pool.free_gb, pool.host))
    if best.free_gb < size_gb:
        rejections = {"capacity": {pool.host: f"{pool.free_gb} of {pool.total_gb} GiB free" for pool in pools}}
        raise NoValidHost(
            f"No valid host was found. The volume needs {size_gb} GiB, the roomiest of {len(pools)} volume hosts has "
            f"{best.free_gb} GiB free.", rejections=rejections,
        )  # fmt: skip
    return best.host


def _host_of_source(tx: Tx, volume: Volume) -> str | None:
    source_id = volume.source_volume_id
    if volume.snapshot_id:
        source_id = snapshots.get(tx, volume.snapshot_id, deleted=True).volume_id
    if source_id is None:
        return None
    try:
        host = volumes.get(tx, source_id).host
    except NotFound as error:
        raise Internal("What the volume was to be made of is gone.") from error
    return host


def _wake_servers(tx: Tx, volume_id: str) -> None:
    """The operations of the servers that wait for the volume go on."""
    servers = [item.server_id for item in attachments.of_volumes(tx, [volume_id])]
    operations.nudge(tx, [item.id for item in operations.live(tx, "server", servers)])
