"""Endpoint of ConductorRpc: delegations only."""

from __future__ import annotations

from iaas.conductor import ownership, reports
from iaas.conductor.heartbeats import Heartbeats
from iaas.conductor.image_cache import ImageCaching
from iaas.conductor.worker import Worker
from iaas.db.engine import Database
from iaas.model.order import Heartbeat, Report, Stranger
from iaas.model.volume_order import VolumeReport


class Manager:
    """Served to every daemon; each method returns as soon as the work is safely handed over."""

    def __init__(self, database: Database, worker: Worker, heartbeats: Heartbeats, images: ImageCaching) -> None:
        self.database, self.worker, self.heartbeats, self.images = database, worker, heartbeats, images

    def run(self, operation_id: str) -> None:
        self.worker.ring(operation_id, begun=False)

    def report(self, report: Report) -> None:
        if reports.accept(self.database, report):
            self.worker.ring(report.operation_id)

    def volume_report(self, report: VolumeReport) -> None:
        if reports.accept(self.database, report):
            self.worker.ring(report.operation_id)

    def cache_images(self, image_ids: tuple[str, ...], compute_hosts: tuple[str, ...]) -> None:
        self.images.spread(image_ids, compute_hosts)

    def strangers(self, compute_host: str, server_ids: tuple[str, ...]) -> tuple[Stranger, ...]:
        with self.database.read() as tx:
            return ownership.strangers(tx, compute_host, server_ids)

    def heartbeat(self, beat: Heartbeat) -> None:
        self.heartbeats.take(beat)
