"""The conductor put together from its parts. Chooses no implementation: cmd/ and the tests hand them in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from iaas.compute.facade import ComputeFacade
from iaas.conductor.actions.rebuild import Rebuild
from iaas.conductor.actions.rescue import Rescue
from iaas.conductor.actions.shelve import Shelve
from iaas.conductor.actions.snapshot import Snapshot
from iaas.conductor.actions.unshelve import Unshelve
from iaas.conductor.attach import AttachFlows
from iaas.conductor.build import Build
from iaas.conductor.build_volumes import BuildVolumes
from iaas.conductor.delete import Delete
from iaas.conductor.engine import Engine
from iaas.conductor.exports import Exports
from iaas.conductor.flow import Flow
from iaas.conductor.guests import Guests
from iaas.conductor.heartbeats import Heartbeats
from iaas.conductor.hosts import Hosts
from iaas.conductor.image_cache import ImageCaching
from iaas.conductor.manager import Manager
from iaas.conductor.moving.evacuate import Evacuate
from iaas.conductor.moving.live_migrate import LiveMigrate
from iaas.conductor.moving.moves import Moves
from iaas.conductor.moving.resize import Resize
from iaas.conductor.moving.resize_ends import ResizeEnds
from iaas.conductor.placement import Placement
from iaas.conductor.power import PowerFlows
from iaas.conductor.reconcile import Reconciler
from iaas.conductor.reconcile_exports import ExportReconciler
from iaas.conductor.volume_snapshots import SnapshotFlows
from iaas.conductor.volumes import VolumeFlows
from iaas.conductor.worker import Executor, Worker
from iaas.config.sections import Conductor as Options
from iaas.db.compute import servers
from iaas.db.engine import Database, Tx
from iaas.db.purge import purge
from iaas.db.volume import snapshots, volumes
from iaas.identity.facade import IdentityFacade
from iaas.image.facade import ImageFacade
from iaas.model.order import Heartbeat
from iaas.network.facade import NetworkFacade
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.contract import Sender
from iaas.rpc.network import NetworkAgentRpc
from iaas.rpc.scheduler import SchedulerRpc
from iaas.rpc.volume import VolumeRpc
from iaas.volume.facade import VolumeFacade

_FENCES: Mapping[str, Callable[[Tx, str], int]] = {
    "server": servers.raise_fence,
    "volume": volumes.raise_fence,
    "snapshot": snapshots.raise_fence,
}


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a conductor works with. ``owner`` is unique to the process: leases are held under it."""

    database: Database
    bus: Sender
    network: NetworkFacade
    compute: ComputeFacade
    volume: VolumeFacade
    image: ImageFacade
    identity: IdentityFacade
    image_url: str
    options: Options
    owner: str


class ConductorService:
    """``endpoint`` is served to the bus; ``sweep``, ``flush`` and ``renew`` are run periodically."""

    def __init__(self, parts: Parts, executor: Executor) -> None:
        flows, self._shelve = _flows(parts)
        self.engine = Engine(
            parts.database, {flow.kind: flow for flow in flows}, parts.owner, _raise_fence, parts.options.lease
        )
        self.worker = Worker(parts.database, self.engine, executor)
        guests = Reconciler(parts.database, ComputeRpc(parts.bus))
        exports = ExportReconciler(parts.database, VolumeRpc(parts.bus))

        def observe(beat: Heartbeat) -> None:
            guests.look(beat) if beat.guests is not None else exports.look(beat)

        self.heartbeats = Heartbeats(parts.database, self.worker.ring, observe)
        self._database, self._keep = parts.database, timedelta(days=parts.options.keep_days)
        images = ImageCaching(guests=_guests(parts), compute=ComputeRpc(parts.bus))
        self.endpoint = Manager(parts.database, self.worker, self.heartbeats, images)

    def sweep(self) -> int:
        return self.worker.sweep()

    def flush(self) -> None:
        self.heartbeats.flush()

    def renew(self) -> None:
        self.engine.renew()

    def offload(self) -> int:
        """Servers that have been shelved long enough leave their hosts."""
        return self._shelve.offload_due()

    def purge(self) -> int:
        """One batch of what was deleted longer ago than the configuration keeps it."""
        return self._database.run(lambda tx: purge(tx, self._keep))


def _raise_fence(tx: Tx, resource_type: str, resource_id: str) -> int:
    return _FENCES[resource_type](tx, resource_id)


def _guests(parts: Parts) -> Guests:
    return Guests(
        database=parts.database, image=parts.image, identity=parts.identity, compute=parts.compute,
        image_url=parts.image_url,
    )  # fmt: skip


def _flows(parts: Parts) -> tuple[Iterable[Flow[Any]], Shelve]:
    """All flows, and the one that also has periodic work."""
    database = parts.database
    hosts = Hosts(
        database=database,
        compute=ComputeRpc(parts.bus),
        volume=VolumeRpc(parts.bus),
        resend_s=parts.options.resend,
    )
    guests = _guests(parts)
    exports = Exports(database=database, hosts=hosts)
    placement = Placement(database=database, scheduler=SchedulerRpc(parts.bus), image=parts.image)
    build = Build(
        database=database,
        placement=placement,
        network=parts.network,
        agents=NetworkAgentRpc(parts.bus),
        guests=guests,
        volumes=BuildVolumes(database=database, volume=parts.volume, exports=exports),
        hosts=hosts,
    )
    power = PowerFlows(database=database, network=parts.network, guests=guests, hosts=hosts)
    volume = VolumeFlows(database=database, hosts=hosts, guests=guests)
    kept = SnapshotFlows(database=database, hosts=hosts)
    rescue = Rescue(database=database, network=parts.network, guests=guests, hosts=hosts)
    rebuild = Rebuild(database=database, network=parts.network, guests=guests, hosts=hosts)
    snapshot = Snapshot(image=parts.image, guests=guests, hosts=hosts)
    attach = AttachFlows(database=database, volume=parts.volume, hosts=hosts, exports=exports)
    shelve = Shelve(
        database=database,
        image=parts.image,
        network=parts.network,
        volume=parts.volume,
        exports=exports,
        guests=guests,
        hosts=hosts,
        offload_s=parts.options.shelved_offload_time,
        ring=ConductorRpc(parts.bus).run,
    )
    unshelve = Unshelve(**{item.name: getattr(build, item.name) for item in fields(build)}, image=parts.image)
    delete = Delete(database=database, network=parts.network, volume=parts.volume, exports=exports, hosts=hosts)
    moves = Moves(
        database=database,
        placement=placement,
        network=parts.network,
        volume=parts.volume,
        agents=NetworkAgentRpc(parts.bus),
        guests=guests,
        hosts=hosts,
    )
    flows = (
        build.flow(), delete.flow(), *power.flows(), *rescue.flows(), rebuild.flow(), *snapshot.flows(),
        *shelve.flows(), unshelve.flow(), *attach.flows(), *volume.flows(), *kept.flows(),
        *_moves(parts, moves, exports),
    )  # fmt: skip
    return flows, shelve


def _moves(parts: Parts, moves: Moves, exports: Exports) -> Iterable[Flow[Any]]:
    """The flows of servers that change hosts or flavors."""
    resize = Resize(moves=moves, same_host=parts.options.allow_resize_to_same_host)
    ends = ResizeEnds(moves=moves)
    return (
        *resize.flows(), *ends.flows(), LiveMigrate(moves=moves).flow(), Evacuate(moves=moves, exports=exports).flow(),
    )  # fmt: skip
