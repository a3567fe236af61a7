"""The volume hosts' interface: topic ``volume``, served by iaas-volume on every volume host."""

from __future__ import annotations

from iaas.model.volume_order import VolumeInventory, VolumeOrder
from iaas.rpc.contract import Contract, call, cast


class VolumeRpc(Contract):
    TOPIC = "volume"
    VERSIONS = (("1.0", "execute, inventory"),)

    @cast
    def execute(self, host: str, order: VolumeOrder) -> None:
        """Hands an order over; the host answers with ConductorRpc.volume_report."""

    @call(seconds=20)
    def inventory(self, host: str) -> VolumeInventory:
        """What is on the host, for the audit."""
        raise NotImplementedError
