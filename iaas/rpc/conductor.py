"""The conductor's interface: topic ``conductor``, any worker."""

from __future__ import annotations

from iaas.model.order import Heartbeat, Report, Stranger
from iaas.model.volume_order import VolumeReport
from iaas.rpc.contract import Contract, call, cast, hint


class ConductorRpc(Contract):
    TOPIC = "conductor"
    VERSIONS = (
        ("1.0", "run, report, volume_report, heartbeat"),
        ("1.1", "strangers"),
        ("1.2", "cache_images"),
    )

    @hint
    def run(self, operation_id: str) -> None:
        """Doorbell: this operation may go on. A lost one is made up for by the sweeper within two seconds."""

    @cast
    def report(self, report: Report) -> None:
        """A compute host's answer to an order."""

    @cast
    def volume_report(self, report: VolumeReport) -> None:
        """A volume host's answer to an order."""

    @hint
    def heartbeat(self, beat: Heartbeat) -> None:
        """A host daemon's sign of life and state of its guests; the last value wins."""

    @cast
    def cache_images(self, image_ids: tuple[str, ...], compute_hosts: tuple[str, ...]) -> None:
        """Has the images on the hosts before servers need them; best effort."""

    @call(seconds=10)
    def strangers(self, compute_host: str, server_ids: tuple[str, ...]) -> tuple[Stranger, ...]:
        """Which of these servers are no longer that host's own (C-10). Servers that no row knows are not among them."""
        raise NotImplementedError
